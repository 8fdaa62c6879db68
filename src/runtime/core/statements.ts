/** The statements of the core but those of control flow (language.md, section 10). */
import { spawnSync } from 'node:child_process';
import type { Phase } from '../../parser/problem.js';
import type { CoreArg } from '../../parser/tree.js';
import { topVia } from '../../sip/header.js';
import { isIp } from '../../sip/ip.js';
import type { Proto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import type { Context } from '../context.js';
import { LEVEL } from '../host.js';
import { type AvpPick, avpFlag, avpKey } from '../message-env.js';
import type { BindEnv, BindResult } from '../module.js';
import { SEND_OPTION } from '../replies.js';
import { changeUri, type UriChange } from '../uri-rewrite.js';
import { toInt, type Value } from '../values.js';
import { resetInstance, selectInstance } from './cfg.js';
import { type ForwardTo, forwardRequest } from './forward.js';

/** Gives the statement's value: above 0 true. A promise only from statements with `waits`. */
export type StatementRun = (ctx: Context) => number | Promise<number>;

export interface StatementDefinition {
  readonly doc: string;
  /** Names of the arguments, those that may be left out in brackets. */
  readonly args: readonly string[];
  /** May it return a promise, with these arguments? Missing: never. */
  readonly waits?: (args: readonly CoreArg[]) => boolean;
  /** When Kamailio notices what `bind` refuses; missing: parse. */
  readonly phase?: Phase;
  /** `expr`: the expression of cfg_select(). */
  bind(args: readonly CoreArg[], env: BindEnv, expr?: (ctx: Context) => Value): BindResult<StatementRun>;
}

const TRUE = 1;
const FALSE = -1;

// ---------------------------------------------------------------- helpers

/** A statement without arguments. */
function plain(doc: string, run: (ctx: Context) => number): StatementDefinition {
  return { doc, args: [], bind: () => ({ ok: run }) };
}

function textOf(arg: CoreArg | undefined): string | undefined {
  if (arg === undefined || !('value' in arg)) return undefined;
  return `${arg.value}`;
}

function numberOf(arg: CoreArg | undefined): number | undefined {
  if (arg === undefined || !('value' in arg)) return undefined;
  if (arg.kind === 'number') return arg.value;
  const n = Number(arg.value);
  return arg.value !== '' && Number.isInteger(n) ? n : undefined;
}

/** A statement with one text. */
function withText(doc: string, name: string, run: (ctx: Context, text: string) => number): StatementDefinition {
  return {
    doc,
    args: [name],
    bind(args) {
      const text = textOf(args[0]);
      return text === undefined ? { error: 'bad argument, string expected' } : { ok: (c) => run(c, text) };
    },
  };
}

function withNumber(doc: string, name: string, run: (ctx: Context, n: number) => number): StatementDefinition {
  return {
    doc,
    args: [name],
    bind(args) {
      const n = numberOf(args[0]);
      return n === undefined ? { error: 'bad argument, number expected' } : { ok: (c) => run(c, n) };
    },
  };
}

function log(ctx: Context, level: number, text: string): void {
  if (level <= ctx.host.log.level) ctx.host.log.write(level, '<core>', text);
}

// -------------------------------------------------------------------- flags

/** Number of a flag: 0…31, or a declared name. */
function flagNumber(arg: CoreArg | undefined, env: BindEnv): BindResult<number> {
  const text = textOf(arg) ?? '';
  const declared = env.flags.get(text);
  if (declared !== undefined) return { ok: declared };
  const n = numberOf(arg);
  if (n === undefined) return { error: 'flag not declared' };
  return n >= 0 && n <= 31 ? { ok: n } : { error: 'bad flag value' };
}

function flagStatement(doc: string, run: (ctx: Context, mask: number) => number): StatementDefinition {
  return {
    doc,
    args: ['flag'],
    bind(args, env) {
      const flag = flagNumber(args[0], env);
      if ('error' in flag) return flag;
      const mask = 1 << flag.ok;
      return { ok: (c) => run(c, mask) };
    },
  };
}

/** `"name"`, `"$name"`, `$name`, `$f.x[2]`, `$x[]`: key and which of its values. */
function avpName(text: string): { key: string; pick: AvpPick } | undefined {
  const bare = text.startsWith('$') ? text.slice(1) : text;
  const found = /^([^[\]]+)(?:\[(-?\d*)\])?$/.exec(bare);
  const key = found === null ? undefined : avpKey(found[1] ?? '');
  if (found === null || key === undefined) return undefined;
  const index = found[2];
  return { key, pick: index === undefined ? 'only' : index === '' ? 'all' : Number(index) };
}

function avpFlagStatement(doc: string, operation: 'set' | 'reset' | 'test'): StatementDefinition {
  return {
    doc,
    args: ['avp', 'flag'],
    bind(args, env) {
      const avp = avpName(textOf(args[0]) ?? '');
      if (avp === undefined) return { error: 'bad parameters' };
      const flag = env.avpFlags.get(textOf(args[1]) ?? '');
      if (flag === undefined) return { error: 'avpflag not declared' };
      const { key, pick } = avp;
      return { ok: (c) => (avpFlag(c.env, key, flag, operation, pick) ? TRUE : FALSE) };
    },
  };
}

// ---------------------------------------------------------------------- URI

function change(ctx: Context, what: UriChange): number {
  if (changeUri(ctx.msg, what)) return TRUE;
  log(ctx, LEVEL.ERR, `cannot change the request URI <${ctx.msg.uri}>`);
  return FALSE;
}

type TextChange = Extract<UriChange, { readonly text: string }>['kind'];

function uriText(doc: string, kind: TextChange, name: string): StatementDefinition {
  return withText(doc, name, (c, text) => change(c, { kind, text }));
}

function uriStrip(doc: string, kind: 'strip' | 'striptail'): StatementDefinition {
  return withNumber(doc, 'count', (c, count) => change(c, { kind, count }));
}

// ----------------------------------------------------------------- branches

function removeBranch(ctx: Context, index: number): number {
  const { branches } = ctx.msg;
  const at = index < 0 ? branches.length + index : index;
  if (at < 0 || at >= branches.length) return FALSE;
  branches.splice(at, 1);
  return TRUE;
}

// ------------------------------------------------------------------ forward

function forwardStatement(doc: string, proto?: Proto): StatementDefinition {
  return {
    doc,
    args: ['[host]', '[port]'],
    waits: (args) => !(args[0] !== undefined && 'value' in args[0] && isIp(`${args[0].value}`)),
    bind(args) {
      const to = forwardTo(args, proto);
      return 'error' in to ? to : { ok: (c) => forwardRequest(c, to.ok) };
    },
  };
}

function forwardTo(args: readonly CoreArg[], proto: Proto | undefined): BindResult<ForwardTo> {
  const [host, port] = args;
  const ofUri = host === undefined || host.kind === 'uri-host';
  if (port?.kind === 'uri-port' && !ofUri) return { error: 'uri:port goes with uri:host only' };
  const number = numberOf(port);
  if (port !== undefined && port.kind !== 'uri-port' && number === undefined) return { error: 'bad port' };
  if (!ofUri) return { ok: { host: textOf(host), port: number ?? 0, proto } };
  // forward(uri:host) takes the default port, forward() that of the URI
  if (host === undefined || port?.kind === 'uri-port') return { ok: { proto } };
  return { ok: { port: number ?? 0, proto } };
}

// ------------------------------------------------------------------ sockets

/** `[proto:]host[:port]`, as one text or in pieces. */
function socketOf(args: readonly CoreArg[]): { proto: Proto | undefined; host: string; port: number } | undefined {
  const text = args.map((a) => textOf(a) ?? '').join(':');
  const found = /^(?:([a-zA-Z]+):)?(\[[^\]]+\]|[^:[\]]+)(?::(\d+))?$/.exec(text);
  if (found === null) {
    // an IPv6 address without brackets
    return isIp(text) ? { proto: undefined, host: text, port: 0 } : undefined;
  }
  const proto = found[1] === undefined ? undefined : protoOf(found[1]);
  if (found[1] !== undefined && proto === undefined) return undefined;
  return { proto, host: found[2] ?? '', port: Number(found[3] ?? 0) };
}

const forceSendSocket: StatementDefinition = {
  doc: 'Sends what this message leads to from the given listening socket.',
  args: ['socket'],
  phase: 'fixup',
  bind(args) {
    const wanted = socketOf(args);
    if (wanted === undefined) return { error: 'bad argument, [proto:]host[:port] expected' };
    const { proto, host, port } = wanted;
    return {
      ok: (c) => {
        const socket = c.host.findSocket(proto, host, port);
        if (socket === undefined) {
          log(c, LEVEL.ERR, `force_send_socket: no listening socket ${proto ?? 'udp'}:${host}:${port}`);
          return FALSE;
        }
        c.msg.sendSocket = socket;
        return TRUE;
      },
    };
  },
};

function tcpAlias(ctx: Context, port: number | undefined): number {
  const { msg, host } = ctx;
  const { proto, connection } = msg.received;
  if (proto !== 'tcp' && proto !== 'tls') return TRUE;
  const own = port ?? topVia(msg)?.port ?? 0;
  return (host.aliasConnection?.(connection, own || 5060) ?? true) ? TRUE : FALSE;
}

// ------------------------------------------------------------------- others

const DEFAULT_LOG_LEVEL = 4;

const logStatement: StatementDefinition = {
  doc: 'Logs the text as it stands, without variables; level -5 to 3, without one 4, which is never shown.',
  args: ['[level]', 'text'],
  bind(args) {
    const text = textOf(args.at(-1));
    const level = args.length > 1 ? numberOf(args[0]) : DEFAULT_LOG_LEVEL;
    if (text === undefined || level === undefined) return { error: 'bad log argument' };
    return {
      ok: (c) => {
        if (level <= c.host.log.level) c.host.log.write(level, '<script>', text);
        return TRUE;
      },
    };
  },
};

const errorStatement: StatementDefinition = {
  doc: 'Logs a notice.',
  args: ['text', 'text'],
  bind(args) {
    const [a, b] = [textOf(args[0]), textOf(args[1])];
    if (a === undefined || b === undefined) return { error: 'bad error argument' };
    return {
      ok: (c) => {
        log(c, LEVEL.NOTICE, `error("${a}", "${b}") not implemented yet`);
        return TRUE;
      },
    };
  },
};

/** The command runs in a shell and everything waits for it, as in Kamailio. */
function exec(ctx: Context, command: string): number {
  log(ctx, LEVEL.NOTICE, `exec("${command}") not fully implemented, using dumb version...`);
  const done = spawnSync('/bin/sh', ['-c', command], { stdio: 'inherit' });
  const status = done.status ?? -1;
  if (status !== 0) log(ctx, LEVEL.NOTICE, `exec() returned ${status}`);
  return TRUE;
}

const mtuProto: StatementDefinition = {
  doc: 'The transport for this request when it is too long for UDP (udp_mtu).',
  args: ['protocol'],
  bind(args) {
    const proto = protoOf(textOf(args[0]) ?? '');
    if (proto === undefined || proto === 'ws' || proto === 'wss') {
      return { error: 'bad argument, UDP, TCP, TLS or SCTP expected' };
    }
    return {
      ok: (c) => {
        c.msg.mtuProto = proto;
        return TRUE;
      },
    };
  },
};

const cfgSelect: StatementDefinition = {
  doc: 'Chooses an instance of custom globals for this message.',
  args: ['group', 'number'],
  phase: 'fixup',
  bind(args, _env, expr) {
    const group = textOf(args[0]);
    const constant = numberOf(args[1]);
    const get = expr ?? (constant === undefined ? undefined : () => constant);
    if (group === undefined || get === undefined) return { error: 'bad arguments, string and number expected' };
    return { ok: (c) => (selectInstance(c, group, toInt(get(c))) ? TRUE : FALSE) };
  },
};

const setPort = 'Sets the port of the request URI; "" removes it.';
const setHost = 'Sets the host of the request URI; port and parameters stay.';
const setHostPort = 'Sets host and port of the request URI.';
const setHostPortTrans = 'Sets host and port of the request URI and removes its transport parameter.';
const setUser = 'Sets the user of the request URI; "" removes user and password.';
const setUserPass = 'Sets user and password of the request URI.';
const setUri = 'Replaces the request URI; it is not checked.';
const tcpAliasDoc = 'Lets the TCP connection be found by the port in Via, or by the one given.';

const rewriteUri = withText(setUri, 'uri', (c, text) => {
  c.msg.newUri = text;
  return TRUE;
});

const forceRport = plain('Sends replies to the port the request came from, and writes it into Via.', (c) => {
  c.msg.forceRport = true;
  return TRUE;
});

const forceTcpAlias: StatementDefinition = {
  doc: tcpAliasDoc,
  args: ['[port]'],
  bind(args) {
    const port = numberOf(args[0]);
    if (args.length > 0 && port === undefined) return { error: 'bad argument, number expected' };
    return { ok: (c) => tcpAlias(c, port) };
  },
};

function option(doc: string, where: 'forwardOptions' | 'replyOptions', bit: number): StatementDefinition {
  return plain(doc, (c) => {
    c.msg[where] |= bit;
    return TRUE;
  });
}

/** By every spelling. */
export const CORE_STATEMENTS: Readonly<Record<string, StatementDefinition>> = {
  forward: forwardStatement(
    'Sends the request on without a transaction: to `$du`, else the request URI, or where told.',
  ),
  forward_udp: forwardStatement('Sends the request on over UDP.', 'udp'),
  forward_tcp: forwardStatement('Sends the request on over TCP.', 'tcp'),
  forward_tls: forwardStatement('Sends the request on over TLS.', 'tls'),
  forward_sctp: forwardStatement('Sends the request on over SCTP.', 'sctp'),
  log: logStatement,
  setflag: flagStatement('Sets a flag of the message and its transaction.', (c, mask) => {
    c.msg.flags |= mask;
    return TRUE;
  }),
  resetflag: flagStatement('Clears a flag of the message and its transaction.', (c, mask) => {
    c.msg.flags &= ~mask;
    return TRUE;
  }),
  isflagset: flagStatement('True when the flag is set.', (c, mask) => ((c.msg.flags & mask) !== 0 ? TRUE : FALSE)),
  setavpflag: avpFlagStatement('Sets a flag of an AVP.', 'set'),
  resetavpflag: avpFlagStatement('Clears a flag of an AVP.', 'reset'),
  isavpflagset: avpFlagStatement('True when the flag of the AVP is set.', 'test'),
  rewritehost: uriText(setHost, 'host', 'host'),
  sethost: uriText(setHost, 'host', 'host'),
  seth: uriText(setHost, 'host', 'host'),
  rewritehostport: uriText(setHostPort, 'hostport', 'host[:port]'),
  sethostport: uriText(setHostPort, 'hostport', 'host[:port]'),
  sethp: uriText(setHostPort, 'hostport', 'host[:port]'),
  rewritehostporttrans: uriText(setHostPortTrans, 'hostporttrans', 'host[:port]'),
  sethostporttrans: uriText(setHostPortTrans, 'hostporttrans', 'host[:port]'),
  sethpt: uriText(setHostPortTrans, 'hostporttrans', 'host[:port]'),
  rewriteport: uriText(setPort, 'port', 'port'),
  setport: uriText(setPort, 'port', 'port'),
  setp: uriText(setPort, 'port', 'port'),
  rewriteuser: uriText(setUser, 'user', 'user'),
  setuser: uriText(setUser, 'user', 'user'),
  setu: uriText(setUser, 'user', 'user'),
  rewriteuserpass: uriText(setUserPass, 'userpass', 'user[:password]'),
  setuserpass: uriText(setUserPass, 'userpass', 'user[:password]'),
  setup: uriText(setUserPass, 'userpass', 'user[:password]'),
  rewriteuri: rewriteUri,
  seturi: rewriteUri,
  prefix: uriText('Puts text before the user of the request URI.', 'prefix', 'text'),
  strip: uriStrip('Takes characters off the start of the user.', 'strip'),
  strip_tail: uriStrip('Takes characters off the end of the user.', 'striptail'),
  userphone: plain('Adds user=phone to the request URI.', (c) => change(c, { kind: 'userphone' })),
  revert_uri: plain('Puts the request URI back to the received one.', (c) => {
    if (c.msg.newUri !== null) c.msg.newUri = null;
    return TRUE;
  }),
  remove_branch: {
    doc: 'Takes an additional branch away, the first when no number is given.',
    args: ['[index]'],
    bind(args) {
      const index = args.length === 0 ? 0 : numberOf(args[0]);
      return index === undefined ? { error: 'bad argument, number expected' } : { ok: (c) => removeBranch(c, index) };
    },
  },
  clear_branches: plain('Takes all additional branches away.', (c) => {
    c.msg.branches = [];
    return TRUE;
  }),
  force_rport: forceRport,
  add_rport: forceRport,
  add_local_rport: plain('Asks for rport in the own Via.', (c) => {
    c.msg.localRport = true;
    return TRUE;
  }),
  force_tcp_alias: forceTcpAlias,
  add_tcp_alias: forceTcpAlias,
  force_send_socket: forceSendSocket,
  set_advertised_address: withText('The address for Via and Record-Route of this request.', 'host', (c, host) => {
    c.msg.advertisedHost = host;
    return TRUE;
  }),
  set_advertised_port: withNumber('The port for Via and Record-Route of this request.', 'port', (c, port) => {
    c.msg.advertisedPort = port;
    return TRUE;
  }),
  udp_mtu_try_proto: mtuProto,
  set_forward_no_connect: option(
    'Forwards only over a connection that is open.',
    'forwardOptions',
    SEND_OPTION.NO_CONNECT,
  ),
  set_reply_no_connect: option('Replies only over a connection that is open.', 'replyOptions', SEND_OPTION.NO_CONNECT),
  set_forward_close: option('Closes the connection after forwarding.', 'forwardOptions', SEND_OPTION.CLOSE),
  set_reply_close: option('Closes the connection after replying.', 'replyOptions', SEND_OPTION.CLOSE),
  cfg_select: cfgSelect,
  cfg_reset: withText('Undoes cfg_select().', 'group', (c, group) => {
    resetInstance(c, group);
    return TRUE;
  }),
  error: errorStatement,
  exec: withText('Runs a command in a shell and waits for it.', 'command', exec),
};
