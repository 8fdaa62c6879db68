/** {nsq.json,PATH} and nsq_json(): a value out of a JSON text (nsq.md, section 6). */
import type { Context } from '../../runtime/context.js';
import { extraKey } from '../../runtime/context.js';
import { follow, type JsonC, type PathStep, parseLenient, parsePath, stringOf } from '../../runtime/json-c.js';
import { ownField, type StrictObject, strictObject } from './strict-json.js';

/** The text read last in a run: a route that takes ten fields of an event parses it once. */
interface Memo {
  readonly text: string;
  readonly strict: StrictObject | undefined;
  /** Missing: not needed yet. */
  lenient?: JsonC | undefined;
}
const MEMO = extraKey<Memo>('nsq json');

function memoOf(ctx: Context, text: string): Memo {
  const last = ctx.extra(MEMO);
  if (last !== undefined && last.text === text) return last;
  const memo: Memo = { text, strict: strictObject(text) };
  ctx.setExtra(MEMO, memo);
  return memo;
}

function lenient(memo: Memo): JsonC | undefined {
  if (!('lenient' in memo)) memo.lenient = parseLenient(memo.text);
  return memo.lenient;
}

/** `follow` of json-c.ts on a strict object. */
function followStrict(root: StrictObject, steps: readonly PathStep[]): unknown {
  let at: unknown = root;
  for (const { name, index } of steps) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    at = ownField(at as StrictObject, name);
    if (index !== undefined && Array.isArray(at)) at = index < 0 ? undefined : at[index];
  }
  return at ?? undefined;
}

/** A path whose text is known at load, or known only at the call. */
export type JsonPath = readonly PathStep[] | ((ctx: Context) => readonly PathStep[]);

export const pathOf = (text: string, dotSign: string): readonly PathStep[] => parsePath(text, dotSign);

/** Text of the value at `path`; undefined when it is missing or null; null when `text` is no JSON. */
export function jsonValue(ctx: Context, text: string, path: JsonPath): string | undefined | null {
  const memo = memoOf(ctx, text);
  const steps = typeof path === 'function' ? path(ctx) : path;
  if (memo.strict !== undefined) {
    const found = followStrict(memo.strict, steps);
    if (found === undefined || typeof found === 'string') return found;
  }
  const root = lenient(memo);
  if (root === undefined) return null;
  const found = follow(root, steps);
  return found === undefined ? undefined : stringOf(found);
}
