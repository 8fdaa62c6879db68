/** Paths of the module jansson: `a.b[1].c`, `[0].x` (jansson_path.c). */
import type { Jansson } from './value.js';

const fieldOf = (at: Jansson, name: string): Jansson | undefined => (at instanceof Map ? at.get(name) : undefined);

/** C's strtol with base 0 over the whole text; '' is 0. */
function indexOf(text: string): number | undefined {
  const m = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)?$/.exec(text);
  if (m === null) return undefined;
  const digits = m[2] ?? '0';
  const base = /^0[xX]/.test(digits) ? 16 : digits[0] === '0' ? 8 : 10;
  return Number.parseInt(digits, base) * (m[1] === '-' ? -1 : 1);
}

type Step =
  | { readonly kind: 'field'; readonly name: string; readonly end: string }
  | { readonly kind: 'index'; readonly index: number };

/** Takes a path apart; `end` of a field is the sign behind it, '' at the end of the path. Undefined: no path. */
function steps(path: string): Step[] | undefined {
  const out: Step[] = [];
  let at = 0;
  let inBrackets = path[0] === '[';
  if (inBrackets) at++;
  let afterIndex = false;
  while (at < path.length || (inBrackets && at === path.length)) {
    if (inBrackets) {
      const close = path.indexOf(']', at);
      const index = close < 0 ? undefined : indexOf(path.slice(at, close));
      if (index === undefined) return undefined;
      out.push({ kind: 'index', index });
      at = close + 1;
      inBrackets = false;
      afterIndex = true;
      continue;
    }
    const rest = path.slice(at);
    const length = /^[^.[]*/.exec(rest)![0].length;
    const end = rest[length] ?? '';
    if (afterIndex && length > 0) return undefined;
    if (!afterIndex) out.push({ kind: 'field', name: rest.slice(0, length), end });
    at += length + (end === '' ? 0 : 1);
    inBrackets = end === '[';
    afterIndex = false;
  }
  return out;
}

/** The value at a path; '' is the whole. */
export function getAt(root: Jansson, path: string): Jansson | undefined {
  let at: Jansson | undefined = root;
  for (const step of steps(path) ?? [undefined]) {
    if (step === undefined || at === undefined) return undefined;
    if (step.kind === 'field') at = fieldOf(at, step.name);
    else at = Array.isArray(at) && step.index >= 0 ? at[step.index] : undefined;
  }
  return at;
}

/**
 * Sets the value at a path, making objects on the way, or appends it: to an array as one more item, to an object the fields
 * of an object. False when that cannot be; nothing but objects on the way may have been made then.
 */
export function setAt(root: Jansson, path: string, value: Jansson, append: boolean): boolean {
  const all = steps(path);
  if (all === undefined) return false;
  const last = all.at(-1);
  const ends = path.endsWith('.') || last === undefined;
  const way = !ends && last.kind === 'field' ? all.slice(0, -1) : all;
  let cursor: Jansson = root;
  let parent: Jansson | undefined;
  for (const step of way) {
    parent = cursor;
    const next = step.kind === 'field' ? fieldOnTheWay(cursor, step.name, step.end) : itemOnTheWay(cursor, step.index);
    if (next === undefined) return false;
    cursor = next;
  }
  if (!ends && last.kind === 'field')
    return append ? appendTo(fieldOf(cursor, last.name), value) : setField(cursor, last.name, value);
  if (append && (ends || path.endsWith('.'))) return appendTo(cursor, value);
  if (last?.kind !== 'index' || ends || !Array.isArray(parent)) return false;
  parent[last.index] = value;
  return true;
}

function fieldOnTheWay(at: Jansson, name: string, end: string): Jansson | undefined {
  if (name === '' || !(at instanceof Map)) return undefined;
  const found = at.get(name);
  if (found !== undefined || end !== '.') return found;
  const made = new Map<string, Jansson>();
  at.set(name, made);
  return made;
}

function itemOnTheWay(at: Jansson, index: number): Jansson | undefined {
  return Array.isArray(at) && index >= 0 ? at[index] : undefined;
}

function setField(at: Jansson, name: string, value: Jansson): boolean {
  if (name === '' || !(at instanceof Map)) return false;
  at.set(name, value);
  return true;
}

function appendTo(at: Jansson | undefined, value: Jansson): boolean {
  if (Array.isArray(at)) {
    at.push(value);
    return true;
  }
  if (!(at instanceof Map) || !(value instanceof Map)) return false;
  for (const [key, v] of value) at.set(key, v);
  return true;
}
