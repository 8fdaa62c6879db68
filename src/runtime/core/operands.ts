/** Core operands: `method == "X"`, `uri == myself`, `src_ip == 10.0.0.0/8` (language.md, section 10; route.c, eval_elem). */
import type { CoreOperand, Expr } from '../../parser/tree.js';
import { fromOf, methodOf, toOf } from '../../sip/header.js';
import { type IpNet, inNet, ipBytes, parseNet } from '../../sip/ip.js';
import { PROTO_ID } from '../../sip/transport.js';
import { parseUri, protoOf, uriTransport } from '../../sip/uri.js';
import type { Context } from '../context.js';
import type { BindEnv, BindResult } from '../module.js';
import { compileRegex, type Regex } from '../regex.js';
import { Dual, toInt, toText, type Value } from '../values.js';

/** The right side as the compiler binds it: `constant` where its value is known at load. */
export interface BoundExpr {
  readonly constant?: Value;
  readonly get: (ctx: Context) => Value;
}

export type BindExpr = (expr: Expr) => BoundExpr;

type Test = (ctx: Context) => boolean;
type Op = CoreOperand['op'];
type Right = CoreOperand['right'];

/** The test of an operand. A read that fails is true for `!=` alone. */
export function bindOperand(e: CoreOperand, env: BindEnv, bindExpr: BindExpr): BindResult<Test> {
  const name = ALIASES[e.operand] ?? e.operand;
  const text = TEXTS[name];
  if (text !== undefined) return bindText(text, e, bindExpr);
  const address = ADDRESSES[name];
  if (address !== undefined) return bindAddress(address, e, bindExpr);
  const number = NUMBERS[name];
  if (number !== undefined) return bindNumber(number, e, bindExpr);
  if (name === 'myself') return { error: 'myself is compared with uri, from_uri, to_uri, src_ip or dst_ip' };
  return { error: `unknown operand ${e.operand} in ${env.routeName}` };
}

const ALIASES: Readonly<Record<string, string>> = { status: 'uri', to_af: 'snd_af', to_proto: 'snd_proto' };

// ------------------------------------------------------------------- texts

interface TextOperand {
  /** undefined: it is not there. */
  readonly get: (ctx: Context) => string | undefined;
  /** The URI that `myself` looks at. */
  readonly uri?: true;
}

const TEXTS: Readonly<Record<string, TextOperand>> = {
  method: { get: (c) => methodOf(c.msg) },
  uri: { get: (c) => (c.msg.isRequest || c.msg.newUri !== null ? c.msg.uri : `${c.msg.status}`), uri: true },
  from_uri: { get: (c) => fromOf(c.msg)?.uri, uri: true },
  to_uri: { get: (c) => toOf(c.msg)?.uri, uri: true },
};

function bindText({ get, uri }: TextOperand, e: CoreOperand, bindExpr: BindExpr): BindResult<Test> {
  const { op, right } = e;
  const differs = op === '!=';
  if (right.kind === 'myself') {
    if (!uri) return { error: `${e.operand} cannot be myself` };
    if (op !== '==' && !differs) return { error: `operator ${op} cannot stand before myself` };
    return { ok: (c) => testMyUri(c, get(c), differs) };
  }
  if (op === '=~') return bindMatch(get, right, bindExpr);
  if (op !== '==' && !differs) return { error: `operator ${op} is not for ${e.operand}` };
  const other = rightText(right, bindExpr);
  if (typeof other === 'string') {
    const lower = other.toLowerCase();
    return { ok: (c) => sameText(get(c), other, lower) !== differs };
  }
  return {
    ok: (c) => {
      const v = other(c);
      return v === undefined ? differs : sameText(get(c), v, undefined) !== differs;
    },
  };
}

function sameText(left: string | undefined, right: string, lower: string | undefined): boolean {
  if (left === right) return true;
  return left !== undefined && left.length === right.length && left.toLowerCase() === (lower ?? right.toLowerCase());
}

/** The right side as a text or what gives one; undefined of the latter: it cannot be had. */
function rightText(right: Right, bindExpr: BindExpr): string | ((ctx: Context) => string | undefined) {
  if (right.kind === 'id') return right.value;
  if (right.kind === 'ip') return right.mask === undefined ? right.value : `${right.value}/${right.mask}`;
  if (right.kind === 'myself') return '';
  const bound = bindExpr(right.expr);
  if (bound.constant !== undefined) return toText(bound.constant);
  return (c) => textOrNone(bound.get(c));
}

function textOrNone(v: Value): string | undefined {
  return v === null || v === undefined ? undefined : toText(v);
}

/** `=~`: POSIX extended, case ignored; a constant that does not compile refuses the start. */
function bindMatch(get: (c: Context) => string | undefined, right: Right, bindExpr: BindExpr): BindResult<Test> {
  const pattern = rightText(right, bindExpr);
  if (typeof pattern === 'string') {
    const regex = compileRegex(pattern, { ignoreCase: true });
    if ('error' in regex) return { error: `Bad regular expression "${pattern}"`, hint: regex.error };
    const { ok } = regex;
    return { ok: (c) => matches(ok, get(c)) };
  }
  const compiled = lastRegex();
  return {
    ok: (c) => {
      const text = pattern(c);
      return text !== undefined && matches(compiled(text), get(c));
    },
  };
}

function matches(regex: Regex | undefined, text: string | undefined): boolean {
  return regex?.test(text ?? '') ?? false;
}

/** Compiles what it is given, keeping the last one: a pattern in a variable seldom changes. */
function lastRegex(): (source: string) => Regex | undefined {
  let source: string | undefined;
  let regex: Regex | undefined;
  return (text) => {
    if (text === source) return regex;
    const result = compileRegex(text, { ignoreCase: true });
    source = text;
    regex = 'error' in result ? undefined : result.ok;
    return regex;
  };
}

/** A text that is no URI is neither myself nor another. */
function testMyUri(ctx: Context, text: string | undefined, differs: boolean): boolean {
  const uri = text === undefined ? undefined : parseUri(text);
  if (uri === undefined) return false;
  const secure = uri.scheme === 'sips' || uriTransport(uri) === 'tls';
  return ctx.host.isMyself(uri.host, uri.port || (secure ? 5061 : 5060)) !== differs;
}

// --------------------------------------------------------------- addresses

/** undefined: not known here (outside onsend_route). */
type AddressOf = (ctx: Context) => string | undefined;

const ADDRESSES: Readonly<Record<string, AddressOf>> = {
  src_ip: (c) => c.msg.received.srcIp,
  dst_ip: (c) => c.msg.received.sentTo?.ip ?? c.msg.received.socket.ip,
  snd_ip: (c) => c.sending?.to.socket.ip,
  to_ip: (c) => c.sending?.to.ip,
};

function bindAddress(get: AddressOf, e: CoreOperand, bindExpr: BindExpr): BindResult<Test> {
  const { op, right } = e;
  const differs = op === '!=';
  if (op !== '==' && op !== '=~' && !differs) return { error: `operator ${op} is not for ${e.operand}` };
  if (right.kind === 'myself') return { ok: (c) => isMyIp(c, get(c)) !== differs };
  const other = rightText(right, bindExpr);
  if (op === '=~') return bindAddressMatch(get, right, other, bindExpr);
  if (typeof other === 'string') {
    const test = addressTest(other);
    return { ok: (c) => test(c, get(c)) !== differs };
  }
  let seen: string | undefined;
  let test: AddressTest = () => false;
  return {
    ok: (c) => {
      const text = other(c);
      if (text === undefined) return differs;
      if (text !== seen) test = addressTest(text);
      seen = text;
      return test(c, get(c)) !== differs;
    },
  };
}

function isMyIp(ctx: Context, ip: string | undefined): boolean {
  return ip !== undefined && ctx.host.isMyself(ip, 0);
}

/** A net before the pattern is tried: one should not, but Kamailio is kind. */
function bindAddressMatch(
  get: AddressOf,
  right: Right,
  other: string | ((ctx: Context) => string | undefined),
  bindExpr: BindExpr,
): BindResult<Test> {
  const match = bindMatch(get, right, bindExpr);
  if ('error' in match || typeof other === 'string') return match;
  return { ok: (c) => inNetText(get(c), other(c)) || match.ok(c) };
}

function inNetText(ip: string | undefined, text: string | undefined): boolean {
  const net = text === undefined ? undefined : parseNet(text);
  const bytes = ip === undefined ? undefined : ipBytes(ip);
  return net !== undefined && bytes !== undefined && inNet(bytes, net);
}

type AddressTest = (ctx: Context, ip: string | undefined) => boolean;

/** Is the address the one that `text` names, or in its net? A name is looked up. */
function addressTest(text: string): AddressTest {
  const net = parseNet(text);
  return net === undefined ? nameTest(text) : netTest(text, net);
}

function netTest(text: string, net: IpNet): AddressTest {
  const plain = text[0] === '[' ? text.slice(1, -1) : text;
  return (_ctx, ip) => {
    if (ip === undefined) return false;
    if (ip === plain) return true;
    const bytes = ipBytes(ip);
    return bytes !== undefined && inNet(bytes, net);
  };
}

/** How long the addresses of a name are taken as they are, milliseconds. */
const NAME_LIFETIME = 60_000;

/**
 * The addresses of a name are looked up when the test first runs and again after a minute. A test must not wait: until
 * the first answer it is false.
 */
function nameTest(name: string): AddressTest {
  let known: ReadonlySet<string> = new Set();
  let until = 0;
  return (ctx, ip) => {
    const now = ctx.host.clock.now();
    if (now >= until) {
      until = now + NAME_LIFETIME;
      const found = ctx.host.resolver.resolve(name, 5060, 'udp');
      const keep = (targets: readonly { readonly ip: string }[]) => {
        known = new Set(targets.map((t) => t.ip));
      };
      if (found instanceof Promise) ctx.host.detach(found.then(keep), `look-up of ${name}`);
      else keep(found);
    }
    return ip !== undefined && known.has(ip);
  };
}

// ----------------------------------------------------------------- numbers

type NumberOf = (ctx: Context) => number | undefined;

const AF = { 4: 2, 6: 10 } as const;

const NUMBERS: Readonly<Record<string, NumberOf>> = {
  src_port: (c) => c.msg.received.srcPort,
  dst_port: (c) => c.msg.received.sentTo?.port ?? c.msg.received.socket.port,
  snd_port: (c) => c.sending?.to.socket.port,
  to_port: (c) => c.sending?.to.port,
  proto: (c) => PROTO_ID[c.msg.received.proto],
  snd_proto: (c) => (c.sending === null ? undefined : PROTO_ID[c.sending.to.proto]),
  af: (c) => AF[c.msg.received.socket.af],
  snd_af: (c) => (c.sending === null ? undefined : AF[c.sending.to.socket.af]),
  'msg:len': (c) => c.sending?.text.length ?? c.msg.text.length,
};

const COMPARE: Readonly<Record<Exclude<Op, '=~'>, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

function bindNumber(get: NumberOf, e: CoreOperand, bindExpr: BindExpr): BindResult<Test> {
  const { op, right } = e;
  if (op === '=~') return { error: `operator =~ is not for ${e.operand}` };
  const compare = COMPARE[op];
  const other = rightNumber(right, bindExpr);
  if (other === undefined) return { error: `${e.operand} is compared with a number` };
  if (typeof other === 'number') {
    return {
      ok: (c) => {
        const left = get(c);
        return left !== undefined && compare(left, other);
      },
    };
  }
  return {
    ok: (c) => {
      const left = get(c);
      const v = other(c);
      if (left === undefined) return false;
      return v === undefined ? op === '!=' : compare(left, v);
    },
  };
}

const NAMED: Readonly<Record<string, number>> = { inet: AF[4], ipv4: AF[4], inet6: AF[6], ipv6: AF[6] };

/** A number or what gives one; undefined: no number can stand for it. */
function rightNumber(right: Right, bindExpr: BindExpr): number | undefined | ((ctx: Context) => number | undefined) {
  if (right.kind === 'id') return numberOfName(right.value);
  if (right.kind !== 'expr') return undefined;
  const bound = bindExpr(right.expr);
  const { constant } = bound;
  if (typeof constant === 'number') return constant;
  if (constant !== undefined) return numberOfName(toText(constant));
  // a lone variable must hold a number, anything else is converted
  return right.expr.kind === 'variable' ? (c) => intOrNone(bound.get(c)) : (c) => toInt(bound.get(c));
}

function numberOfName(name: string): number | undefined {
  const proto = protoOf(name);
  return proto === undefined ? NAMED[name.toLowerCase()] : PROTO_ID[proto];
}

function intOrNone(v: Value): number | undefined {
  if (typeof v === 'number') return v;
  return v instanceof Dual ? v.int : undefined;
}
