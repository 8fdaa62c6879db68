/** handle_publish(): a PUBLISH request becomes a published document (RFC 3903). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { sendReply } from '../../runtime/replies.js';
import { contentLengthOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseUri } from '../../sip/uri.js';
import type { PresenceEvent } from './event.js';
import { type Outcome, type Publication, publish } from './publish.js';
import { type Answer, BAD_EVENT, refuse, SERVER_ERROR, wantedSeconds } from './replies.js';
import { type Presence, setting } from './state.js';

const BAD_REQUEST: Answer = { code: 400, reason: 'Bad request' };
const NOTHING_TO_KEEP: Answer = { code: 400, reason: 'Invalid request' };
const UNKNOWN_TAG: Answer = { code: 412, reason: 'Conditional request failed' };
/** 2015-01-01, from which priorities by time count. */
const PRIORITY_BASE = 1_420_070_400;

/** 1, or -1 where the request was refused. `sender`: whoever of the watchers has this URI is not told. */
export async function handlePublish(presence: Presence, ctx: Context, sender: string | undefined): Promise<number> {
  const asked = readPublish(presence, ctx, sender);
  if ('code' in asked) return refuse(presence, ctx, asked);
  const refusal = asked.event.checkPublish?.(ctx, asked.body);
  if (refusal !== undefined) {
    presence.log(LEVEL.ERR, 'bad body of a PUBLISH');
    return refuse(presence, ctx, refusal);
  }
  let result = -1;
  let answered = false;
  try {
    await publish(presence, asked, (outcome) => {
      answered = true;
      result = answerPublish(presence, ctx, outcome);
    });
  } catch (e) {
    presence.error('PUBLISH', e);
    if (!answered) refuse(presence, ctx, SERVER_ERROR);
    return -1;
  }
  return result;
}

function answerPublish(presence: Presence, ctx: Context, outcome: Outcome): number {
  if (outcome.kind === 'bad-tag') return refuse(presence, ctx, SERVER_ERROR);
  if (outcome.kind === 'unknown-tag') {
    refuse(presence, ctx, UNKNOWN_TAG);
    return 1;
  }
  const { expires, etag } = outcome;
  const left = expires === 0 ? 0 : expires - presence.params.expires_offset;
  ctx.msg.replyHeaders.push(`Expires: ${left}\r\n`, `SIP-ETag: ${etag}\r\n`);
  return sendReply(ctx, 200, 'OK') < 0 ? -1 : 1;
}

function readPublish(presence: Presence, ctx: Context, sender: string | undefined): Publication | Answer {
  const { msg } = ctx;
  const eventText = msg.firstValue(HDR.EVENT) ?? '';
  const event = eventText === '' ? undefined : presence.events.find(eventText);
  if (event === undefined || event.kind === 'winfo') {
    presence.log(LEVEL.WARN, `no event package that is served here: '${eventText}'`);
    return BAD_EVENT;
  }
  const match = msg.named('SIP-If-Match')[0];
  const uri = parseUri(msg.uri);
  const length = contentLengthOf(msg);
  if (uri === undefined || length === undefined) return BAD_REQUEST;
  if (length === 0 && match === undefined) return NOTHING_TO_KEEP;
  if (sender !== undefined && parseUri(sender) === undefined) return BAD_REQUEST;
  return {
    user: uri.user ?? '',
    domain: uri.host,
    event,
    etag: match === undefined ? presence.newTag(0) : msg.value(match),
    isNew: match === undefined,
    expires: secondsOf(presence, ctx, event),
    body: length === 0 ? '' : msg.body,
    sender: sender ?? '',
    receivedTime: presence.now(),
    priority: priorityOf(presence, ctx),
  };
}

function secondsOf(presence: Presence, { msg }: Context, { defaultExpires }: PresenceEvent): number {
  return wantedSeconds(msg, defaultExpires, presence.params.max_expires);
}

/** That of the XAVP; with one that names none, newer documents come first. */
function priorityOf(presence: Presence, ctx: Context): number {
  const { xavp_cfg } = presence.params;
  if (xavp_cfg === null || xavp_cfg === '') return 0;
  return setting(ctx, 'priority') ?? presence.now() - PRIORITY_BASE;
}
