/** event_route[presence:notify-reply], and what it reads: `$notify_reply(...)` and `$subs(...)`. */
import { Context, extraKey, ROUTE } from '../../runtime/context.js';
import { bindVariable } from '../../runtime/format.js';
import { type BindEnv, type PvDefinition, pvWith, type Value } from '../../runtime/module.js';
import type { SipMessage } from '../../sip/message.js';
import { parseMessage } from '../../sip/parse.js';
import type { RequestReply } from '../tm/api.js';
import { presenceParams } from './params.js';
import { PRESENCE, type Presence, setting } from './state.js';
import type { Subscription } from './subscription.js';

export const NOTIFY_REPLY = 'presence:notify-reply';

const REPLY = extraKey<SipMessage>('presence notify reply');
/** The subscription of the run: of handle_subscribe(), or of the NOTIFY that was answered. */
export const SUBSCRIPTION = extraKey<SubscriptionView>('presence subscription');

/** A subscription as scripts see it: `expires` is what it was granted, seconds. */
export type SubscriptionView = Subscription;

const NO_REPLY =
  'SIP/2.0 408 TIMEOUT\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: invalid;\r\nTo: invalid\r\nCall-ID: invalid\r\n' +
  'CSeq: 1 TIMEOUT\r\nContent-Length: 0\r\n\r\n';

/** Runs the event route where there is one; true: it asks for the end of the subscription. */
export async function notifyAnswered(presence: Presence, sub: Subscription, reply: RequestReply): Promise<boolean> {
  const { host } = presence;
  const { program } = reply.transaction;
  if (!program.routes.event.has(NOTIFY_REPLY)) return false;
  const received = host.fakeRequest().received;
  const id = host.nextMessageId?.() ?? 0;
  const request = parseMessage(reply.transaction.branches[0]?.text ?? '', received, id, host.clock.now());
  if (request === undefined) return false;
  const answer = reply.message ?? parseMessage(NO_REPLY, received, id, host.clock.now());
  const seen = { ...sub, expires: Math.max(0, sub.expires - presence.now()) };
  const run = await host.runEvent(NOTIFY_REPLY, request, (ctx) => {
    ctx.routeType = ROUTE.LOCAL;
    ctx.setExtra(REPLY, answer);
    ctx.setExtra(SUBSCRIPTION, seen);
  });
  return run !== undefined && setting(run, 'delete_subscription') === 1;
}

/** `$notify_reply($rs)`: a variable read on the reply to a NOTIFY. */
const notifyReply: PvDefinition = pvWith({
  doc: 'In event_route[presence:notify-reply]: the reply to the NOTIFY. The key is the variable to read there.',
  key: 'required',
  example: 'event_route[presence:notify-reply] { xlog("$notify_reply($rs)\\n"); }',
  bind(use, env: BindEnv) {
    const inner = bindVariable(use.key?.text ?? '', env, { quoted: true });
    if ('error' in inner) return inner;
    return {
      ok: {
        get(ctx) {
          const reply = ctx.extra(REPLY);
          if (reply === undefined) return null;
          return inner.ok.get(new Context(ctx.host, ctx.program, reply, ctx.routeType, ctx.env));
        },
      },
    };
  },
});

const FIELDS: Readonly<Record<string, (s: SubscriptionView) => Value>> = {
  uri: (s) => s.presUri,
  pres_uri: (s) => s.presUri,
  to_user: (s) => s.toUser,
  to_domain: (s) => s.toDomain,
  from_user: (s) => s.fromUser,
  from_domain: (s) => s.fromDomain,
  watcher_username: (s) => s.watcherUser,
  watcher_domain: (s) => s.watcherDomain,
  event: (s) => s.event,
  event_id: (s) => s.eventId,
  to_tag: (s) => s.toTag,
  from_tag: (s) => s.fromTag,
  callid: (s) => s.callId,
  remote_cseq: (s) => s.remoteCseq,
  local_cseq: (s) => s.localCseq,
  contact: (s) => s.contact,
  local_contact: (s) => s.localContact,
  record_route: (s) => s.recordRoute,
  expires: (s) => s.expires,
  status: (s) => s.status,
  reason: (s) => s.reason,
  version: (s) => s.version,
  flags: (s) => s.flags,
  user_agent: (s) => s.userAgent,
  sockinfo: (s) => s.socket,
};

function subscriptionInView(ctx: Context): SubscriptionView | undefined {
  if (presenceParams(ctx.program).pres_subs_mode !== 1) return undefined;
  return ctx.extra(SUBSCRIPTION) ?? ctx.host.state(PRESENCE).inView;
}

const subs: PvDefinition = pvWith({
  doc: `The subscription that handle_subscribe() worked on, or that of the NOTIFY in view. Keys: ${Object.keys(FIELDS).join(', ')}.`,
  key: 'required',
  example: 'if (handle_subscribe()) xlog("$subs(from_user) watches $subs(uri)\\n");',
  bind(use) {
    const name = use.key?.kind === 'text' ? use.key.text : '';
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) return { error: `unknown PV subscription name ${name}` };
    return {
      ok: {
        get(ctx) {
          const sub = subscriptionInView(ctx);
          return sub === undefined ? null : field(sub);
        },
      },
    };
  },
});

export const pvs = { subs, notify_reply: notifyReply };
