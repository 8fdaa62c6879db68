/** What the arguments of avpops are made of: AVPs, variables, fixed values and flags, parted by slashes. */

import { parseVariable } from '../../runtime/format/scan.js';
import { bindVariable } from '../../runtime/format.js';
import { allAvps } from '../../runtime/message-env.js';
import {
  type BindEnv,
  type BindResult,
  Dual,
  type PvIndex,
  type RouteContext,
  type Value,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { type AvpKeyReader, avpKeyReader } from '../../runtime/variables/avp.js';
import type { Get } from '../../runtime/variables/support.js';
import { parseXavpName } from '../../runtime/variables/xavp-name.js';
import { XavpList } from '../../runtime/xavp.js';

/** An AVP that an argument names. */
export interface AvpName {
  readonly key: AvpKeyReader;
  readonly index?: PvIndex;
}

/** Binds `$avp(name)`; anything else is refused. */
export function bindAvpName(text: string, env: BindEnv): BindResult<AvpName> {
  const parsed = parseVariable(text);
  if ('error' in parsed) return parsed;
  if (parsed.ok.name !== 'avp') return { error: `bad attribute name <${text}>` };
  const bound = bindVariable(text, env, { quoted: true });
  if ('error' in bound) return bound;
  const name = parsed.ok.key ?? '';
  const dynamic = name[0] === '$' ? bindVariable(name, env, { quoted: true }) : undefined;
  if (dynamic !== undefined && 'error' in dynamic) return dynamic;
  const key = avpKeyReader(
    dynamic ? { kind: 'dynamic', text: name, get: dynamic.ok.get } : { kind: 'text', text: name },
    env,
  );
  if ('error' in key) return key;
  const index = bindIndex(parsed.ok.index, env);
  if (index !== undefined && 'error' in index) return index;
  return { ok: { key: key.ok, ...(index === undefined ? {} : { index: index.ok }) } };
}

function bindIndex(text: string | undefined, env: BindEnv): BindResult<PvIndex> | undefined {
  if (text === undefined) return undefined;
  if (text === '*') return { ok: '*' };
  if (text[0] !== '$') return { ok: Number(text) };
  const bound = bindVariable(text, env, { quoted: true });
  return 'error' in bound ? bound : { ok: { get: bound.ok.get } };
}

/** Cuts off the flags behind the first slash that stands outside parentheses. */
export function cutFlags(text: string): { readonly name: string; readonly flags: string } {
  const at = slash(text, 0);
  return at < 0 ? { name: text, flags: '' } : { name: text.slice(0, at), flags: text.slice(at + 1) };
}

export function slash(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (c === '/' && depth === 0) return i;
  }
  return -1;
}

/** Lower-case flags, each of which must be one of `known`; undefined otherwise. */
export function parseFlags(text: string, known: string): ReadonlySet<string> | undefined {
  const flags = new Set(text.toLowerCase());
  for (const f of flags) if (!known.includes(f)) return undefined;
  return flags;
}

export const badFlag = (text: string) => ({ error: `bad flag in <${text}>` });

/** A value of avpops: an int or a text, nothing else. */
export type Plain = number | string;

export function plain(value: Value): Plain {
  if (typeof value === 'number') return value;
  if (value instanceof Dual) return value.isInt ? value.int : value.text;
  return value ?? '';
}

export interface ValuesReader {
  /** Values that an operand stands for; undefined: there is none, the function fails. */
  readonly read: (ctx: RouteContext) => readonly Plain[] | undefined;
  /** All are meant, without any flag: `$xavp(r=>f[*])`. */
  readonly all?: boolean;
}

/** `i:5`, `i:0x1f`, `s:text` or text. */
export function fixedValue(text: string): Plain | undefined {
  if (text === '') return undefined;
  if (text[1] !== ':') return text;
  const rest = text.slice(2);
  const type = text[0]!.toLowerCase();
  if (rest === '' || (type !== 'i' && type !== 's')) return undefined;
  return type === 's' ? rest : parseInt32(rest);
}

const FIELD = /^\$\(?xav([pi])\((.*=>.*)\)\)?$/s;

/** An operand that is a variable: an AVP gives all its values, a field with [*] too, all others one. */
export function bindValues(text: string, env: BindEnv): BindResult<ValuesReader> {
  if (/^\$\(?avp\(/.test(text)) {
    const avp = bindAvpName(text, env);
    return 'error' in avp ? avp : { ok: { read: (ctx) => avpValues(ctx, avp.ok) } };
  }
  const bound = bindVariable(text, env, { quoted: true });
  if ('error' in bound) return bound;
  if (bound.ok.isNull) return { error: 'null pseudo-variable' };
  const { get } = bound.ok;
  const field = FIELD.exec(text);
  if (field !== null) return bindField(field[1] === 'i', field[2]!, get, env);
  return {
    ok: {
      read: (ctx) => {
        const value = get(ctx);
        return value === undefined ? undefined : [plain(value)];
      },
    },
  };
}

/** An absent field makes the function fail, where another variable that is null counts as "". */
function bindField(isXavi: boolean, key: string, get: Get, env: BindEnv): BindResult<ValuesReader> {
  const name = parseXavpName(key, env);
  if ('error' in name) return name;
  const { root, field } = name.ok;
  if (field?.index !== '*' || typeof root.index === 'object') {
    return {
      ok: {
        read: (ctx) => {
          const value = get(ctx);
          return value === undefined || value === null ? undefined : [plain(value)];
        },
      },
    };
  }
  const at = typeof root.index === 'number' ? root.index : 0;
  return {
    ok: {
      all: true,
      read: (ctx) => {
        const list = isXavi ? ctx.env.xavis : ctx.env.xavps;
        const items = list.fields(root.name, at < 0 ? list.count(root.name) + at : at)?.all(field.name) ?? [];
        const values = items.flatMap(({ value }) => (value instanceof XavpList ? [] : [plain(value)]));
        return values.length === 0 ? undefined : values;
      },
    },
  };
}

export function avpValues(ctx: RouteContext, name: AvpName): readonly Plain[] | undefined {
  const key = name.key(ctx);
  const all = key === undefined ? [] : allAvps(ctx.env, key);
  return all.length === 0 ? undefined : all.map((avp) => plain(avp.value));
}

/** An int as text where Kamailio prints it as an unsigned long. */
export function unsignedText(n: number): string {
  return n < 0 ? `${BigInt.asUintN(64, BigInt(n))}` : `${n}`;
}
