/** Flags of message, script and branch 0: `$mf $mF $Mf(n)` and their kin (variables.md, section 4). */
import type { Context } from '../context.js';
import {
  type BindEnv,
  type BindResult,
  type PvAccessor,
  type PvDefinition,
  type PvUse,
  pv,
  pvWith,
} from '../module.js';
import { Dual, parseInt32, type Value } from '../values.js';
import { assignedInt, isNull, logError, unsigned } from './support.js';

interface Word {
  readonly what: string;
  get(ctx: Context): number;
  set(ctx: Context, flags: number): void;
}

const MESSAGE: Word = {
  what: 'message',
  get: ({ msg }) => msg.flags,
  set: ({ msg }, flags) => {
    msg.flags = flags;
  },
};

const SCRIPT: Word = {
  what: 'script',
  get: (ctx) => ctx.scriptFlags,
  set: (ctx, flags) => {
    ctx.scriptFlags = flags;
  },
};

const BRANCH: Word = {
  what: 'branch 0',
  get: ({ msg }) => msg.branchFlags,
  set: ({ msg }, flags) => {
    msg.branchFlags = flags;
  },
};

function assign(word: Word) {
  return (ctx: Context, value: Value): boolean => {
    const flags = isNull(value) ? 0 : assignedInt(value);
    if (flags === undefined) return logError(ctx, `assigning non-int value to ${word.what} flags`);
    word.set(ctx, flags);
    return true;
  };
}

function number(word: Word): PvDefinition {
  return pv(`All ${word.what} flags as a number.`, (ctx) => unsigned(word.get(ctx)), assign(word));
}

function hex(word: Word): PvDefinition {
  const read = (ctx: Context): Value => {
    const flags = word.get(ctx);
    return new Dual((flags >>> 0).toString(16).padStart(8, '0'), flags | 0);
  };
  return pv(`All ${word.what} flags as eight hexadecimal digits.`, read, assign(word));
}

function flagNumber(use: PvUse, env: BindEnv): BindResult<number> {
  const name = use.key?.text ?? '';
  const n = parseInt32(name) ?? env.flags.get(name);
  if (n === undefined) return { error: `flag not declared: [${name}]` };
  return n >= 0 && n <= 31 ? { ok: n } : { error: `bad flag value: [${name}]` };
}

function one(word: Word): PvDefinition {
  const bind = (use: PvUse, env: BindEnv): BindResult<PvAccessor> => {
    const n = flagNumber(use, env);
    if ('error' in n) return n;
    const mask = 1 << n.ok;
    const all = assign(word);
    return {
      ok: {
        type: 'int',
        get: (ctx) => ((word.get(ctx) & mask) === 0 ? 0 : 1),
        set(ctx, value) {
          // null takes all flags back, not this one alone
          const on = assignedInt(value);
          if (on === undefined) return all(ctx, value);
          word.set(ctx, on === 0 ? word.get(ctx) & ~mask : word.get(ctx) | mask);
          return true;
        },
      },
    };
  };
  return pvWith({ doc: `One ${word.what} flag by number or declared name: 0 or 1.`, writable: true, bind });
}

export const FLAGS: Readonly<Record<string, PvDefinition>> = {
  mf: number(MESSAGE),
  mF: hex(MESSAGE),
  Mf: one(MESSAGE),
  sf: number(SCRIPT),
  sF: hex(SCRIPT),
  Sf: one(SCRIPT),
  bf: number(BRANCH),
  bF: hex(BRANCH),
  Bf: one(BRANCH),
};
