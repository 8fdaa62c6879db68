/** {nsq.json,PATH} and nsq_json(): a value out of a JSON text (nsq.md, section 6). */
import type { Context } from '../../runtime/context.js';
import { extraKey } from '../../runtime/context.js';
import { follow, type JsonC, type PathStep, parseLenient, parsePath, stringOf } from '../../runtime/json-c.js';

/** The text parsed last in a run: a route that takes ten fields of an event parses it once. */
const MEMO = extraKey<{ readonly text: string; readonly root: JsonC | undefined }>('nsq json');

function parsed(ctx: Context, text: string): JsonC | undefined {
  const memo = ctx.extra(MEMO);
  if (memo !== undefined && memo.text === text) return memo.root;
  const root = parseLenient(text);
  ctx.setExtra(MEMO, { text, root });
  return root;
}

/** A path whose text is known at load, or known only at the call. */
export type JsonPath = readonly PathStep[] | ((ctx: Context) => readonly PathStep[]);

export const pathOf = (text: string, dotSign: string): readonly PathStep[] => parsePath(text, dotSign);

/** Text of the value at `path`; undefined when it is missing or null; null when `text` is no JSON. */
export function jsonValue(ctx: Context, text: string, path: JsonPath): string | undefined | null {
  const root = parsed(ctx, text);
  if (root === undefined) return null;
  const found = follow(root, typeof path === 'function' ? path(ctx) : path);
  return found === undefined ? undefined : stringOf(found);
}
