/** From what arrived to a run of the script (sip.md, sections 1 and 3). */
import { Context, ROUTE, STOP } from '../runtime/context.js';
import { coreOf } from '../runtime/core/facts.js';
import { forwardReply } from '../runtime/core/forward.js';
import { afterScript, LEVEL } from '../runtime/host.js';
import { clearLogPrefix, setLogPrefix } from '../runtime/log-prefix.js';
import { MessageEnv } from '../runtime/message-env.js';
import { rawMessage } from '../runtime/raw-message.js';
import { runRoute, whenDone } from '../runtime/run.js';
import { styledIp } from '../sip/ip.js';
import type { SipMessage } from '../sip/message.js';
import { acceptable, parseMessage } from '../sip/parse.js';
import type { Received } from '../sip/transport.js';
import { type ServerHost, throughHooks } from './host.js';
import { viaNamesSource } from './via-source.js';

/** What the transports call with each message. False: it is known to be none. Never throws. */
export function receiver(host: ServerHost): (data: Buffer | string, from: Received) => boolean {
  return (data, real) => {
    const { ipv6Style } = coreOf(host.program);
    const from = ipv6Style === 'c' || real.socket.af === 4 ? real : { ...real, srcIp: styledIp(real.srcIp, ipv6Style) };
    if (!host.turns.busy) return guarded(host, data, from);
    // The transport uses its buffer again.
    const own = typeof data === 'string' ? data : Buffer.from(data);
    host.turns.run(() => void guarded(host, own, from));
    return true;
  };
}

function guarded(host: ServerHost, data: Buffer | string, from: Received): boolean {
  try {
    const around = host.hooks.aroundReceived;
    if (around === undefined) return receive(host, data, from);
    let result = true;
    around(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, from, () => {
      result = receive(host, data, from);
    });
    return result;
  } catch (e) {
    const text = e instanceof Error ? (e.stack ?? e.message) : String(e);
    host.log.write(LEVEL.BUG, '<core>', `a message from ${from.srcIp}:${from.srcPort} failed: ${text}`);
    return true;
  }
}

function receive(host: ServerHost, data: Buffer | string, from: Received): boolean {
  const { program } = host;
  if (host.hooks.onStun !== undefined && from.proto === 'udp' && beginsWithZero(data)) {
    host.hooks.onStun(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, from);
    return true;
  }
  const route = coreOf(program).receivedRoute ? program.routes.event.get('core:msg-received') : undefined;
  if (route === undefined) return opened(host, data, from);
  const text = textOf(data);
  const done = host.runEvent('core:msg-received', rawMessage(host, text, from), (ctx) => {
    ctx.raw = { text, from };
  });
  host.detachIfPending(
    whenDone(done, (ctx) => {
      if (ctx?.stop !== STOP.DROP) opened(host, ctx?.raw?.text ?? text, from);
    }),
    'event_route[core:msg-received]',
  );
  return true;
}

/** What is shorter is a keep-alive where it came alone. */
const LEAST_DATAGRAM = 32;

/** Modules that change what comes from the network have their turn. */
function opened(host: ServerHost, data: Buffer | string, from: Received): boolean {
  const { onNetIn, onNetOut } = host.hooks;
  if (onNetIn.length + onNetOut.length === 0) return parsed(host, data, from);
  const text = textOf(data);
  if (from.proto === 'udp' && text.length < LEAST_DATAGRAM) return parsed(host, text, from);
  const env = new MessageEnv();
  host.within(env, () => {
    const changed = throughHooks(onNetIn, { text, env, from });
    host.detachIfPending(
      whenDone(changed, (now) => host.within(env, () => void parsed(host, now, from, env))),
      'what came from the network',
    );
  });
  return true;
}

/** As STUN does, and SIP never. */
function beginsWithZero(data: Buffer | string): boolean {
  return (typeof data === 'string' ? data.charCodeAt(0) : data[0]) === 0;
}

function textOf(data: Buffer | string): string {
  return typeof data === 'string' ? data : data.toString('latin1');
}

function parsed(host: ServerHost, data: Buffer | string, from: Received, env?: MessageEnv): boolean {
  const { program } = host;
  const msg = parseMessage(data, from, host.nextMessageId(), host.clock.now());
  const why = msg === undefined ? 'no SIP' : acceptable(msg);
  if (msg === undefined || why !== undefined) {
    refused(host, textOf(data), from, why ?? '');
    return false;
  }
  host.recorder?.received(msg.text, from);
  const core = coreOf(program);
  if (core.forceRport) msg.forceRport = true;
  if (core.receivedRport) msg.localRport = true;
  if (core.replyToVia) msg.replyToVia = true;
  const ctx = new Context(host, program, msg, msg.isRequest ? ROUTE.REQUEST : ROUTE.CORE_ONREPLY, env);
  if (core.reverseVia && msg.isRequest) {
    host.detachIfPending(
      whenDone(viaNamesSource(host, msg), (named) => {
        msg.viaNamesSource = named;
        host.turns.run(() => prefixed(ctx));
      }),
      'look-up of the Via host',
    );
  } else prefixed(ctx);
  return true;
}

function prefixed(ctx: Context): void {
  const { program } = ctx;
  const host = ctx.host as ServerHost;
  if (program.logPrefix !== undefined) {
    setLogPrefix(ctx);
    try {
      begin(ctx);
    } finally {
      clearLogPrefix(host.log);
    }
  } else {
    begin(ctx);
  }
}

function begin(ctx: Context): void {
  const { program } = ctx;
  const host = ctx.host as ServerHost;
  const pre = program.routes.event.get('core:pre-routing');
  if (pre === undefined) return dispatch(ctx);
  const type = ctx.routeType;
  ctx.routeType = ROUTE.REQUEST;
  host.detachIfPending(
    whenDone(runRoute(ctx, pre), () => {
      const dropped = ctx.stop === STOP.DROP;
      ctx.routeType = type;
      if (!dropped) dispatch(ctx);
    }),
    'event_route[core:pre-routing]',
  );
}

function refused(host: ServerHost, text: string, from: Received, why: string): void {
  if (/^[\r\n\0]*$/.test(text) || text.length < 32) return;
  host.count('core.bad_msg_hdr');
  if (host.log.level >= LEVEL.DBG)
    host.log.write(LEVEL.DBG, '<core>', `dropped a message from ${from.srcIp}:${from.srcPort}: ${why}`);
  if (!host.program.routes.event.has('core:receive-parse-error')) return;
  const done = host.runEvent('core:receive-parse-error', rawMessage(host, text, from), (ctx) => {
    ctx.raw = { text, from };
  });
  host.detachIfPending(
    done instanceof Promise ? done.then(() => undefined) : undefined,
    'event_route[core:receive-parse-error]',
  );
}

function dispatch(ctx: Context): void {
  if (ctx.msg.isRequest) request(ctx);
  else reply(ctx);
}

function request(ctx: Context): void {
  const host = ctx.host as ServerHost;
  for (const hook of host.hooks.beforeRequest) if (!hook(ctx)) return;
  const route = ctx.program.routes.request.get('');
  if (route === undefined) {
    host.log.write(LEVEL.ERR, '<core>', 'no request_route {…} in the script: the request is dropped');
    return;
  }
  const begin = measure(ctx);
  const code = runRoute(ctx, route);
  if (typeof code === 'number') return requestDone(host, ctx, begin);
  host.detach(
    code.then(() => requestDone(host, ctx, begin)),
    'request_route',
  );
}

/** Microseconds at the beginning of a block whose time is to be told, else undefined (latency_cfg_log). */
function measure({ host, program }: Context): number | undefined {
  return coreOf(program).latencyCfgLog <= host.log.level ? host.clock.micros() : undefined;
}

function tellLatency({ host, program }: Context, begin: number | undefined, what: string): void {
  if (begin === undefined) return;
  const took = host.clock.micros() - begin;
  const { latencyLimitCfg: limit, latencyCfgLog: level } = coreOf(program);
  if (limit === 0 || limit <= took) host.log.write(level, '<core>', `${what}-route executed in: ${took} usec\n`);
}

function requestDone(host: ServerHost, ctx: Context, begin: number | undefined): void {
  tellLatency(ctx, begin, 'request');
  for (const hook of host.hooks.afterRequest) hook(ctx);
  afterScript(ctx);
  clearLogPrefix(host.log);
}

function reply(ctx: Context): void {
  const host = ctx.host as ServerHost;
  for (const hook of host.hooks.beforeReply) if (!hook(ctx)) return;
  const route = ctx.program.routes.reply.get('');
  const begin = measure(ctx);
  const done =
    route === undefined
      ? passReply(ctx)
      : whenDone(runRoute(ctx, route), (code) => {
          if (ctx.stop !== STOP.DROP && code > 0) return passReply(ctx);
        });
  host.detachIfPending(
    whenDone(done, () => {
      tellLatency(ctx, begin, 'reply');
      afterScript(ctx);
      clearLogPrefix(host.log);
    }),
    'reply',
  );
}

function passReply(ctx: Context): void | Promise<void> {
  const host = ctx.host as ServerHost;
  for (const hook of host.hooks.onReply) {
    const taken = hook(ctx);
    if (taken instanceof Promise) return taken.then(() => undefined);
    if (taken) return;
  }
  forwardReply(ctx);
}

export type { SipMessage };
