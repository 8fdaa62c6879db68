/** Iterators over header lines and body lines, by name. They live as long as the run that started them. */
import type { Context } from '../../runtime/context.js';
import { extraKey } from '../../runtime/module.js';
import type { Header } from '../../sip/message.js';

/** Kamailio keeps four of each. */
const MAX = 4;
const MAX_NAME = 31;

interface Named<T> {
  readonly byName: Map<string, T>;
}

export interface HeaderIterator {
  readonly headers: readonly Header[];
  /** Index of the header in view; -1 before the first. */
  at: number;
  /** The one before it as far as hf_iterator_prev() knows; -1 none. */
  before: number;
  ended: boolean;
}

export interface LineIterator {
  start: number;
  /** Offset behind the line in view; equal to `start` before the first. */
  end: number;
  ended: boolean;
}

const HEADERS = extraKey<Named<HeaderIterator>>('textopsx header iterators');
const LINES = extraKey<Named<LineIterator>>('textopsx line iterators');

function named<T>(ctx: Context, key: ReturnType<typeof extraKey<Named<T>>>): Map<string, T> {
  let found = ctx.extra(key);
  if (found === undefined) {
    found = { byName: new Map() };
    ctx.setExtra(key, found);
  }
  return found.byName;
}

function put<T>(all: Map<string, T>, name: string, iterator: T): boolean {
  if (name === '' || name.length > MAX_NAME || (!all.has(name) && all.size >= MAX)) return false;
  all.set(name, iterator);
  return true;
}

// ---------------------------------------------------------------- header lines

export function startHeaders(ctx: Context, name: string): boolean {
  const { headers } = ctx.msg;
  return headers.length > 0 && put(named(ctx, HEADERS), name, { headers, at: -1, before: -1, ended: false });
}

export function nextHeader(ctx: Context, name: string): boolean {
  const it = ctx.extra(HEADERS)?.byName.get(name);
  if (it === undefined || it.ended) return false;
  it.before = it.at;
  it.at++;
  it.ended = it.at >= it.headers.length;
  return !it.ended;
}

export function previousHeader(ctx: Context, name: string): boolean {
  const it = ctx.extra(HEADERS)?.byName.get(name);
  if (it === undefined || it.ended) return false;
  if (it.before < 0 || it.at <= 0) {
    it.at = -1;
    it.before = -1;
  } else if (it.before !== it.at) {
    it.at = it.before;
  } else {
    it.at--;
    it.before = it.at - 1;
  }
  return true;
}

export function endHeaders(ctx: Context, name: string): boolean {
  const it = ctx.extra(HEADERS)?.byName.get(name);
  if (it === undefined) return false;
  it.at = -1;
  it.ended = false;
  return true;
}

/** The header in view. */
export function headerInView(ctx: Context, name: string): Header | undefined {
  const it = ctx.extra(HEADERS)?.byName.get(name);
  return it?.headers[it.at];
}

// ------------------------------------------------------------------ body lines

export function startLines(ctx: Context, name: string): boolean {
  const start = ctx.msg.bodyStart;
  return start >= 0 && put(named(ctx, LINES), name, { start, end: start, ended: false });
}

export function nextLine(ctx: Context, name: string): boolean {
  const it = ctx.extra(LINES)?.byName.get(name);
  const { text } = ctx.msg;
  if (it === undefined || it.ended) return false;
  if (it.end >= text.length) {
    it.start = it.end;
    it.ended = true;
    return false;
  }
  it.start = it.end;
  const lf = text.indexOf('\n', it.start);
  it.end = lf < 0 ? text.length : lf + 1;
  return true;
}

export function endLines(ctx: Context, name: string): boolean {
  const it = ctx.extra(LINES)?.byName.get(name);
  if (it === undefined) return false;
  it.start = ctx.msg.bodyStart;
  it.end = it.start;
  it.ended = false;
  return true;
}

/** Offsets of the line in view, its line end included. */
export function lineInView(ctx: Context, name: string): { start: number; end: number } | undefined {
  const it = ctx.extra(LINES)?.byName.get(name);
  return it !== undefined && it.end > it.start ? it : undefined;
}
