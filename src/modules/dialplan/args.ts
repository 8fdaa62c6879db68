/** Arguments of dp_translate(): the number of a plan, and variables for its input and output. */
import { bindVariable } from '../../runtime/format.js';
import {
  type ArgDefinition,
  type BindEnv,
  type BindResult,
  Dual,
  FAILED,
  type PvAccessor,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';

/** Kinds of variables by their names: 5.6.3 takes no others. */
const STORES = new Set(['avp', 'xavp', 'var', 'vz', 'vn']);
const REQUEST_URI = new Set(['ru', 'r']);
const REQUEST_USER = new Set(['rU', 'r.user']);

const nameOf = (text: string): string => /^\$\(?([\w.]+)/.exec(text)?.[1] ?? '';

export const isStore = (text: string): boolean => STORES.has(nameOf(text));

/** The number of a dial plan: written so, or in an AVP, XAVP or script variable. */
export const planNumber: ArgDefinition<number, false> = {
  name: 'dpid',
  type: 'integer',
  optional: false,
  dynamic: false,
  bind(source, env) {
    if (source.kind !== 'constant') return { error: "argument 'dpid' must be a constant" };
    const { text } = source;
    if (text[0] !== '$') {
      const value = /^[+-]?\d+$/.test(text) ? parseInt32(text) : undefined;
      return value === undefined ? { error: `bad number <${text}>` } : { ok: { kind: 'constant', value } };
    }
    if (!isStore(text)) return { error: `${text} is no AVP, XAVP or script variable` };
    const bound = bindVariable(text, env, { quoted: true });
    if ('error' in bound) return bound;
    const { get } = bound.ok;
    return {
      ok: {
        kind: 'fallible',
        get(ctx) {
          const value = get(ctx);
          if (typeof value === 'number') return value;
          return value instanceof Dual ? value.int : FAILED;
        },
      },
    };
  },
};

/** A variable that takes the output. */
export interface Output {
  readonly variable: PvAccessor;
  /** It is the request URI or its user: a failure route gets a branch with it. */
  readonly isTarget: boolean;
}

export function outputTo(text: string, variable: PvAccessor): Output {
  const name = nameOf(text);
  return { variable, isTarget: REQUEST_URI.has(name) || REQUEST_USER.has(name) };
}

export interface InOut {
  readonly input: PvAccessor;
  readonly output: Output | undefined;
}

/** `$in/$out`, or `$in` alone. */
export function bindInOut(text: string, env: BindEnv): BindResult<InOut> {
  const slash = text.indexOf('/');
  const inText = slash < 0 ? text : text.slice(0, slash);
  const input = bindVariable(inText, env, { quoted: true });
  if ('error' in input) return input;
  if (slash < 0) return { ok: { input: input.ok, output: undefined } };
  const outText = text.slice(slash + 1);
  const output = bindVariable(outText, env, { quoted: true });
  if ('error' in output) return output;
  const made = outputTo(outText, output.ok);
  if (!isStore(outText) && !made.isTarget) return { error: `${outText} cannot take the output of a dial plan` };
  return { ok: { input: input.ok, output: made } };
}

export const inOut: ArgDefinition<InOut, false> = {
  name: 'vars',
  type: 'variables',
  optional: false,
  dynamic: false,
  bind(source, env) {
    if (source.kind !== 'constant') return { error: "argument 'vars' must be a constant" };
    const bound = bindInOut(source.text, env);
    return 'error' in bound ? bound : { ok: { kind: 'constant', value: bound.ok } };
  },
};

/** Any variable that can be written: the output of dp_replace(). */
export const target: ArgDefinition<Output, false> = {
  name: 'target',
  type: 'variable',
  optional: false,
  dynamic: false,
  bind(source, env) {
    if (source.kind !== 'constant') return { error: "argument 'target' must be a constant" };
    const text = source.text.trim();
    const bound = bindVariable(text, env, { quoted: true });
    return 'error' in bound ? bound : { ok: { kind: 'constant', value: outputTo(text, bound.ok) } };
  },
};
