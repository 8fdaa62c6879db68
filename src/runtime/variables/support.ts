/** What the families of variables share: reading assigned values, indexes, and the log. */
import type { Context } from '../context.js';
import { LEVEL } from '../host.js';
import type { PvDefinition, PvIndex } from '../module.js';
import { Dual, type Value } from '../values.js';

export type Get = (ctx: Context) => Value;

export function logError(ctx: Context, text: string): false {
  if (ctx.host.log.level >= LEVEL.ERR) ctx.host.log.write(LEVEL.ERR, 'pv', text);
  return false;
}

export function logWarning(ctx: Context, text: string): void {
  if (ctx.host.log.level >= LEVEL.WARN) ctx.host.log.write(LEVEL.WARN, 'pv', text);
}

/** A read that gives null after a word in the log. */
export function nullRead(ctx: Context, text: string): null {
  logError(ctx, text);
  return null;
}

/** A read that fails. */
export function failedRead(ctx: Context, text: string): undefined {
  logError(ctx, text);
  return undefined;
}

export function isNull(v: Value): v is null | undefined {
  return v === null || v === undefined;
}

/** Text of an assigned value; undefined for a bare int, which string-only targets refuse. */
export function assignedText(v: Value): string | undefined {
  if (typeof v === 'string') return v;
  return v instanceof Dual ? v.text : undefined;
}

/** Int of an assigned value; undefined for text without a number beside it. */
export function assignedInt(v: Value): number | undefined {
  if (typeof v === 'number') return v;
  return v instanceof Dual ? v.int : undefined;
}

/** The definition with targets that take an int which comes from a variable, because it brings its text along. */
export function withTextWanted(definition: PvDefinition): PvDefinition {
  return {
    ...definition,
    bind(use, env) {
      const bound = definition.bind(use, env);
      return 'error' in bound ? bound : { ok: { ...bound.ok, wantsText: true } };
    },
  };
}

/** Non-empty text, else null: what a variable of a part of a header gives. */
export function orNull(text: string | null | undefined): string | null {
  return text === '' || text === undefined ? null : text;
}

/** An unsigned 32 bit number: beyond 2^31 its text is positive while it counts as negative (case pv/message-flags). */
export function unsigned(n: number): Value {
  return n >= 0 && n <= 0x7fffffff ? n : new Dual(`${n >>> 0}`, n | 0, true);
}

/** An index as it is at run time: none and 0 are told apart; undefined when a variable gave no number. */
export function indexReader(index: PvIndex | undefined): (ctx: Context) => number | '*' | undefined {
  if (index === undefined) return () => 0;
  if (typeof index !== 'object') return () => index;
  return (ctx) => {
    const v = index.get(ctx);
    if (typeof v === 'number') return v;
    return v instanceof Dual ? v.int : failedRead(ctx, 'invalid index');
  };
}

/** The place in a list of `length` that an index means: negative ones count from the end; -1 when there is none. */
export function place(index: number, length: number): number {
  const at = index < 0 ? length + index : index;
  return at >= 0 && at < length ? at : -1;
}
