/** handle_subscribe(): SUBSCRIBE requests, within dialogs and without (RFC 6665). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { sendReply, statelessTag } from '../../runtime/replies.js';
import { callIdOf, contactsOf, cseqOf, fromOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { bracketed, type ListenSocket, uriProto } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { type PresenceEvent, parseEvent, SLA, type Verdict, type Watcher } from './event.js';
import { notifyAll, tell, tellOnce } from './notify.js';
import { SUBSCRIPTION } from './notify-reply.js';
import { TOO_SHORT } from './params.js';
import { type Answer, BAD_EVENT, refuse, SERVER_ERROR, TOO_BRIEF, wantedSeconds } from './replies.js';
import { type Presence, presUri, userOf } from './state.js';
import { STATUS, type Subscription } from './subscription.js';

const UNKNOWN_DIALOG: Answer = { code: 481, reason: 'Subscription does not exist' };
const BAD_CSEQ: Answer = { code: 400, reason: 'Bad request' };

interface Asked {
  readonly event: PresenceEvent;
  /** Seconds. */
  readonly seconds: number;
  /** It begins a dialog. */
  readonly begins: boolean;
  /** What the request says; `expires` is `seconds`, the presentity is that of the R-URI. */
  readonly sub: Subscription;
}

/** 1, or -1 where the request was refused. `watcher`: who watches, in place of From. */
export async function handleSubscribe(presence: Presence, ctx: Context, watcher: string | undefined): Promise<number> {
  const who = watcherOf(ctx, watcher);
  if (who === undefined) {
    presence.log(LEVEL.ERR, 'no URI of a watcher');
    return -1;
  }
  const asked = readSubscribe(presence, ctx, who);
  if ('code' in asked) return refuse(presence, ctx, asked);
  try {
    if (asked.begins) return await presence.inLane(asked.sub.presUri, () => begin(presence, ctx, asked));
    const known = await presence.subscriptions.find(asked.sub);
    if (known === undefined) return refuse(presence, ctx, UNKNOWN_DIALOG);
    return await presence.inLane(known.presUri, () => goOn(presence, ctx, asked));
  } catch (e) {
    presence.error('SUBSCRIBE', e);
    return refuse(presence, ctx, SERVER_ERROR);
  }
}

type WatcherName = Pick<Watcher, 'watcherUser' | 'watcherDomain'>;

function watcherOf(ctx: Context, given: string | undefined): WatcherName | undefined {
  const name = userOf(given ?? fromOf(ctx.msg)?.uri ?? '');
  return name && { watcherUser: name.user, watcherDomain: name.domain };
}

// -------------------------------------------------------------------- reading

function readSubscribe(presence: Presence, ctx: Context, who: WatcherName): Asked | Answer {
  const { msg } = ctx;
  const eventText = msg.firstValue(HDR.EVENT) ?? '';
  const event = eventText === '' ? undefined : presence.events.find(eventText);
  if (event === undefined) {
    presence.log(LEVEL.NOTICE, `unsupported event package '${eventText}'`);
    return BAD_EVENT;
  }
  const { max_expires, min_expires, min_expires_action } = presence.params;
  let seconds = wantedSeconds(msg, event.defaultExpires, max_expires);
  if (seconds !== 0 && seconds < min_expires) {
    if (min_expires_action === TOO_SHORT.REFUSE) return TOO_BRIEF;
    seconds = min_expires;
  }
  const sub = subscriptionOf(presence, ctx, event, who, seconds, eventText);
  return sub === undefined ? SERVER_ERROR : { event, seconds, begins: toOf(msg)?.tag === undefined, sub };
}

/** Longest User-Agent that is kept. */
const MAX_USER_AGENT = 255;

/** Undefined where a header is missing that a dialog needs. */
function subscriptionOf(
  presence: Presence,
  ctx: Context,
  event: PresenceEvent,
  who: WatcherName,
  seconds: number,
  eventText: string,
): Subscription | undefined {
  const { msg } = ctx;
  const to = toOf(msg);
  const from = fromOf(msg);
  const [toName, fromName] = [userOf(to?.uri ?? ''), userOf(from?.uri ?? '')];
  const contact = contactsOf(msg).at(-1);
  const cseq = Number(cseqOf(msg)?.number ?? Number.NaN);
  const owner = userOf(msg.uri);
  if (toName === undefined || fromName === undefined || contact === undefined || !isTarget(contact.uri))
    return undefined;
  if (from?.tag === undefined || !Number.isInteger(cseq) || owner === undefined) return undefined;
  const agent = msg.firstValue(HDR.USERAGENT) ?? '';
  const begins = to?.tag === undefined;
  return {
    presUri: ownerUri(event, contact.uri, fromName.domain) ?? presUri(owner.user, owner.domain),
    toUser: toName.user,
    toDomain: toName.domain,
    fromUser: fromName.user,
    fromDomain: fromName.domain,
    ...who,
    event: event.name,
    eventId: parseEvent(eventText)?.params.get('id') ?? '',
    toTag: to?.tag ?? newToTag(ctx),
    fromTag: from.tag,
    callId: callIdOf(msg) ?? '',
    remoteCseq: cseq,
    localCseq: 0,
    contact: contact.uri,
    localContact: localContact(presence, msg),
    recordRoute: begins ? recordRouteOf(msg) : '',
    expires: seconds,
    status: STATUS.ACTIVE,
    reason: '',
    version: 1,
    socket: msg.received.socket.text,
    flags: msg.branchFlags,
    userAgent: agent.length < MAX_USER_AGENT ? agent : '',
  };
}

/** May a NOTIFY go to it? It becomes a Request-URI. `*` is none. */
function isTarget(uri: string): boolean {
  return !BLANK.test(uri) && parseUri(uri) !== undefined;
}

const BLANK = /[\x00-\x20\x7f]/;

/** A shared line is the user of the Contact in the domain of From. */
function ownerUri(event: PresenceEvent, contact: string, fromDomain: string): string | undefined {
  if (event.name !== SLA) return undefined;
  const user = parseUri(contact)?.user;
  return user === undefined || user === null ? undefined : presUri(user, fromDomain);
}

function newToTag(ctx: Context): string {
  return ctx.host.hooks.replyTag?.(ctx) ?? statelessTag(ctx);
}

function recordRouteOf(msg: SipMessage): string {
  return routesOf(msg, HDR.RECORDROUTE)
    .map((item) => msg.text.slice(item.start, item.end))
    .join(',');
}

/** server_address, or the socket that got the request. */
function localContact(presence: Presence, msg: SipMessage): string {
  const { server_address } = presence.params;
  if (server_address !== null && server_address !== '') return server_address;
  const { proto } = msg.received;
  const socket: ListenSocket = msg.received.socket;
  const { host, port } = socket.advertised ?? { host: socket.ip, port: socket.port };
  return `sip:${bracketed(host)}:${port || socket.port};transport=${uriProto(proto)}`;
}

// --------------------------------------------------------------- a new dialog

async function begin(presence: Presence, ctx: Context, { event, seconds, sub }: Asked): Promise<number> {
  const verdict = await verdictOn(presence, event, sub);
  if (verdict === undefined) return refuse(presence, ctx, SERVER_ERROR);
  sub.status = verdict.status;
  sub.reason = verdict.reason;
  ctx.setExtra(SUBSCRIPTION, { ...sub });
  const keep = seconds !== 0;
  if (keep) sub.version = 0;
  sub.expires = presence.now() + seconds;
  // one that is over at once is never kept: its dialog ends with the NOTIFY
  if (keep && sub.status !== STATUS.TERMINATED) {
    if (presence.params.delete_same_subs !== 0) await removeSame(presence, sub);
    await presence.subscriptions.add(sub);
  }
  answer(presence, ctx, event, sub, seconds);
  await answered(presence, async () => {
    if (keep) await tellAbout(presence, event, sub);
    else if (presence.params.send_fast_notify !== 0) await tellOnce(presence, sub, event, {});
  });
  return 1;
}

/** What follows the answer: if it fails, nobody is answered a second time. */
async function answered(presence: Presence, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (e) {
    presence.error('NOTIFY', e);
  }
}

/** May this watcher see the presentity? Undefined: that cannot be found out. */
async function verdictOn(presence: Presence, event: PresenceEvent, sub: Subscription): Promise<Verdict | undefined> {
  const { authorization } = event;
  if (authorization === undefined) return { status: STATUS.ACTIVE, reason: '' };
  const decided = await presence.watchers?.find(sub, event.name);
  if (decided !== undefined) return decided;
  if (presence.watchers === undefined && !authorization.active) return { status: STATUS.ACTIVE, reason: '' };
  const owner = userOf(sub.presUri);
  const rules = authorization.active && owner ? await authorization.rules(owner.user, owner.domain) : undefined;
  const verdict = await authorization.status(sub, rules, STATUS.PENDING);
  if (verdict !== undefined) await presence.watchers?.put(sub, event.name, verdict, presence.now());
  return verdict;
}

async function removeSame(presence: Presence, { presUri: uri, event, callId }: Subscription): Promise<void> {
  const same = (await presence.subscriptions.of(uri, event)).find((s) => s.callId === callId);
  if (same !== undefined) await presence.subscriptions.remove(same);
}

/** The watchers of the watchers, and the watcher. */
async function tellAbout(presence: Presence, event: PresenceEvent, sub: Subscription): Promise<void> {
  const winfo = presence.events.watcherInfo(event);
  if (winfo !== undefined) await notifyAll(presence, sub.presUri, winfo, sub);
  if (winfo !== undefined || presence.params.send_fast_notify !== 0) await tell(presence, sub, event, {});
}

// ------------------------------------------------------------ within a dialog

async function goOn(presence: Presence, ctx: Context, { event, seconds, sub: asked }: Asked): Promise<number> {
  const known = await presence.subscriptions.find(asked);
  if (known === undefined) return refuse(presence, ctx, UNKNOWN_DIALOG);
  if (asked.remoteCseq + presence.params.cseq_offset <= known.remoteCseq) {
    presence.log(LEVEL.ERR, `CSeq ${asked.remoteCseq} after ${known.remoteCseq}`);
    return refuse(presence, ctx, BAD_CSEQ);
  }
  const next: Subscription = {
    ...known,
    remoteCseq: asked.remoteCseq,
    contact: asked.contact,
    localCseq: known.localCseq + 1,
    version: known.version + 1,
    expires: seconds,
  };
  ctx.setExtra(SUBSCRIPTION, { ...next, userAgent: asked.userAgent, flags: asked.flags });
  if (seconds === 0) return await end(presence, ctx, event, next);
  known.remoteCseq = asked.remoteCseq;
  known.contact = asked.contact;
  known.expires = presence.now() + seconds;
  await presence.subscriptions.change(known);
  answer(presence, ctx, event, known, seconds);
  await answered(presence, () => tellAbout(presence, event, known));
  return 1;
}

async function end(presence: Presence, ctx: Context, event: PresenceEvent, sub: Subscription): Promise<number> {
  await presence.subscriptions.remove(sub);
  answer(presence, ctx, event, sub, 0);
  await answered(presence, async () => {
    const winfo = presence.events.watcherInfo(event);
    if (winfo !== undefined) await notifyAll(presence, sub.presUri, winfo);
    await tellOnce(presence, sub, event, {});
  });
  return 1;
}

function answer(presence: Presence, ctx: Context, event: PresenceEvent, sub: Subscription, seconds: number): void {
  const { msg } = ctx;
  const { proto } = msg.received;
  const { localContact: contact } = sub;
  const said = contact.includes(';transport=') || proto === 'udp';
  msg.replyHeaders.push(
    `Expires: ${seconds}\r\n`,
    `Contact: <${contact}${said ? '' : `;transport=${uriProto(proto)}`}>\r\n`,
  );
  const code = event.kind === 'publish' && presence.params.subs_respond_200 === 0 ? 202 : 200;
  sendReply(ctx, code, 'OK');
}
