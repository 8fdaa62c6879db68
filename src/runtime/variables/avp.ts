/** `$avp(name)`: a stack of values with the message or its transaction (variables.md, section 4). */
import type { Context } from '../context.js';
import {
  addAvp,
  allAvps,
  avpKey,
  avpKeyOfValue,
  avpValue,
  parseAvpAliases,
  popAvp,
  removeAvps,
} from '../message-env.js';
import {
  type BindEnv,
  type BindResult,
  type PvAccessor,
  type PvDefinition,
  type PvKey,
  type PvUse,
  pvWith,
} from '../module.js';
import { toText, type Value } from '../values.js';
import { failedRead, indexReader, isNull } from './support.js';

/** The AVP that a text names: by an alias of modparam avp_aliases, else by itself. Undefined: no name of an AVP. */
export function avpKeyFor(name: string, env: BindEnv): string | undefined {
  const aliases = env.params('pv').avp_aliases;
  if (Array.isArray(aliases)) {
    for (const text of aliases) {
      const key = parseAvpAliases(`${text}`)?.get(name.toLowerCase());
      if (key !== undefined) return key;
    }
  }
  return avpKey(name);
}

/** The key of an AVP for each run; undefined (logged) where a variable gave no name. */
export type AvpKeyReader = (ctx: Context) => string | undefined;

export function avpKeyReader(key: PvKey | undefined, env: BindEnv): BindResult<AvpKeyReader> {
  if (key?.kind === 'dynamic') {
    const { get } = key;
    return { ok: (ctx) => avpKeyOfValue(get(ctx)) ?? failedRead(ctx, 'null or empty name') };
  }
  const constant = avpKeyFor(key?.text ?? '', env);
  return constant === undefined ? { error: `bad avp name [${key?.text ?? ''}]` } : { ok: () => constant };
}

function top(ctx: Context, key: string): Value {
  const stack = ctx.env.avps.get(key);
  return stack === undefined ? null : stack[0]!.value;
}

/**
 * By index. Counting from the end, 5.6.3 has already gone through the stack: only the first value, `[-count]`, is
 * found (case assign/avp-indexed-assignment).
 */
function at(ctx: Context, key: string, index: number | '*'): Value {
  const all = allAvps(ctx.env, key);
  if (all.length === 0) return null;
  if (index === '*') return all.map((avp) => toText(avp.value)).join(', ');
  if (index < 0) return -index === all.length ? all[0]!.value : null;
  return all[index]?.value ?? null;
}

function assign(ctx: Context, key: string, value: Value, all: boolean): void {
  if (isNull(value)) {
    if (all) removeAvps(ctx.env, key);
    else popAvp(ctx.env, key);
    return;
  }
  if (all) removeAvps(ctx.env, key);
  addAvp(ctx.env, key, avpValue(value));
}

function bind(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const keyOf = avpKeyReader(use.key, env);
  if ('error' in keyOf) return keyOf;
  const key = keyOf.ok;
  const index = indexReader(use.index);
  if (use.index === undefined && use.key?.kind === 'text')
    return { ok: constantAccessor(avpKeyFor(use.key.text, env)!) };
  return {
    ok: {
      get(ctx) {
        const k = key(ctx);
        const i = index(ctx);
        return k === undefined || i === undefined ? undefined : at(ctx, k, i);
      },
      set(ctx, value) {
        const k = key(ctx);
        const i = index(ctx);
        if (k === undefined || i === undefined) return false;
        assign(ctx, k, value, i === '*');
        return true;
      },
    },
  };
}

function constantAccessor(key: string): PvAccessor {
  return { get: (ctx) => top(ctx, key), set: (ctx, value) => assign(ctx, key, value, false) };
}

export const AVP: Readonly<Record<string, PvDefinition>> = {
  avp: pvWith({
    doc: 'A stack of values kept with the message or its transaction: an assignment puts one on top, $null takes one off; [*] means all.',
    index: true,
    writable: true,
    example:
      '$avp(x) = "first";\n$avp(x) = "second";\nxlog("$avp(x) $(avp(x)[1]) $(avp(x)[*])\\n");\n$avp(x) = $null;\nxlog("$avp(x)\\n");\n#> second first second, first\n#> first',
    bind,
  }),
};
