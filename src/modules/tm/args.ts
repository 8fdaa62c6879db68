/** Kinds of arguments of tm's functions beside the usual ones. */
import type { Context } from '../../runtime/context.js';
import { variableEnd } from '../../runtime/format/scan.js';
import { bindVariable } from '../../runtime/format.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import type { ArgDefinition, BindEnv, BindResult, BoundArg } from '../../runtime/module.js';
import { isInt, toInt, toText, type Value } from '../../runtime/values.js';
import type { Proto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import type { Forced } from './next-hop.js';

/**
 * Text taken as written, or ONE variable: where the text begins with one, the rest is dropped ("$avp(x) is away" sends
 * the variable's value alone). undefined: the variable has no value.
 */
export function fparam(name: string): ArgDefinition<string | number | undefined, false> {
  return {
    name,
    type: 'text or one variable',
    optional: false,
    dynamic: true,
    bind(source, env): BindResult<BoundArg<string | number | undefined>> {
      if (source.kind === 'expression') return { ok: { kind: 'dynamic', get: given(source.get) } };
      const end = source.text[0] === '$' ? variableEnd(source.text, 0) : 0;
      if (end <= 0) return { ok: { kind: 'constant', value: source.text } };
      const variable = bindVariable(source.text.slice(0, end), env, { quoted: true });
      if ('error' in variable) return variable;
      return { ok: { kind: 'dynamic', get: given(variable.ok.get) } };
    },
  };
}

function given(get: (ctx: Context) => Value): (ctx: Context) => string | number | undefined {
  return (ctx) => {
    const v = get(ctx);
    if (v === null || v === undefined) return undefined;
    return isInt(v) ? toInt(v) : toText(v);
  };
}

/** Name of a block that must be there; `prefix` is what precedes it in the table. */
export function routeName(name: string): ArgDefinition<string, false> {
  return {
    name,
    type: 'route name',
    optional: false,
    dynamic: false,
    bind: (source) =>
      source.kind === 'constant'
        ? { ok: { kind: 'constant', value: source.text === '0' ? '' : source.text } }
        : { error: `argument '${name}' must be a constant` },
  };
}

/** Port as written: a number, 0 and '' for none. */
export function port(name: string): ArgDefinition<number, false> {
  return constantOf(name, 'port', (text) => {
    const n = text === '' ? 0 : Number(text);
    return Number.isInteger(n) && n >= 0 && n <= 65535 ? { ok: n } : { error: `'${text}' is no port` };
  });
}

/** `proto:host:port` of t_relay_to(), each part but the host optional. */
export function hostPort(name: string): ArgDefinition<Forced, false> {
  return constantOf(name, 'proto:host:port', parseHostPort);
}

export function parseHostPort(text: string): BindResult<Forced> {
  const m = /^(?:([a-z]+):)?(\[[0-9a-fA-F:.]+\]|[^:\s]+)(?::(\d+))?$/i.exec(text);
  const proto: Proto | undefined = m?.[1] === undefined ? undefined : protoOf(m[1]);
  if (m === null || (m[1] !== undefined && proto === undefined)) return { error: `'${text}' is no proto:host:port` };
  return { ok: { host: m[2]!, port: Number(m[3] ?? 0), proto } };
}

/** A constant, or an AVP by its name: `$avp(x)`, or `$x` as SER wrote it (fix_param of FPARAM_AVP). Undefined: no value. */
export function wordOrAvp(name: string): ArgDefinition<string | number | undefined, false> {
  return {
    name,
    type: 'text or AVP',
    optional: false,
    dynamic: false,
    bind(source): BindResult<BoundArg<string | number | undefined>> {
      if (source.kind !== 'constant') return { error: `argument '${name}' must be a constant` };
      const { text } = source;
      if (text[0] !== '$') return { ok: { kind: 'constant', value: text } };
      const key = avpKey(/^\$avp\((.+)\)$/.exec(text)?.[1] ?? text.slice(1));
      if (key === undefined) return { error: `${text} is no AVP` };
      return { ok: { kind: 'dynamic', get: given((ctx) => firstAvp(ctx.env, key)?.value) } };
    },
  };
}

const PROTO_NUMBERS: Readonly<Record<number, Proto>> = { 1: 'udp', 2: 'tcp', 3: 'tls' };
const DEFAULT_PORT = 5060;

/** Where a protocol and `host:port` lead; undefined where that is no address. */
export function forcedBy(proto: string | number | undefined, address: string | number | undefined): Forced | undefined {
  if (typeof address !== 'string') return undefined;
  const parsed = parseHostPort(address);
  if ('error' in parsed) return undefined;
  const over = typeof proto === 'number' ? PROTO_NUMBERS[proto] : protoOf(proto ?? '');
  return { host: parsed.ok.host, port: parsed.ok.port || DEFAULT_PORT, proto: over };
}

/** Flags as a number, `0x05` too. */
export function flagBits(text: string): number | undefined {
  return /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : undefined;
}

export function constantOf<V>(
  name: string,
  type: string,
  parse: (text: string, env: BindEnv) => BindResult<V>,
): ArgDefinition<V, false> {
  return {
    name,
    type,
    optional: false,
    dynamic: false,
    bind(source, env) {
      if (source.kind !== 'constant') return { error: `argument '${name}' must be a constant` };
      const result = parse(source.text, env);
      return 'error' in result ? result : { ok: { kind: 'constant', value: result.ok } };
    },
  };
}
