/** What generated code calls: conversions and operators whose types are known only at run time (language.md, 5). */

import { type Context, STOP } from './context.js';
import { LEVEL } from './host.js';
import { clearLogPrefix } from './log-prefix.js';
import { compileRegex, type Regex } from './regex.js';
import { Dual, isInt, printed, toInt, toText, type Value } from './values.js';

export { printed, toInt, toText };

/** Thrown by an operator that cannot give a value: the statement is given up, the script goes on. */
export const EXPRESSION_ERROR = new Error('expression error');

/** Result of a statement whose expression failed; anything else thrown goes on up. */
export function failed(c: Context, e: unknown, where: string): number {
  if (e !== EXPRESSION_ERROR) throw e;
  c.host.log.write(LEVEL.ERR, '<core>', `${where}: the expression could not be evaluated`);
  return -1;
}

/** The value as it is stored: a dual becomes what it counts as, a failed read null. */
export function plain(v: Value): number | string | null {
  if (typeof v === 'string' || typeof v === 'number') return v;
  if (v instanceof Dual) return v.isInt ? v.int : v.text;
  return null;
}

/** As `plain`, for `$var`: null is 0. */
export function stored(v: Value): number | string {
  if (typeof v === 'string' || typeof v === 'number') return v;
  if (v instanceof Dual) return v.isInt ? v.int : v.text;
  return 0;
}

export function add(a: Value, b: Value): number | string {
  return isInt(a) ? (toInt(a) + toInt(b)) | 0 : toText(a) + toText(b);
}

export function equal(a: Value, b: Value): boolean {
  if (typeof a === 'string') return a === (typeof b === 'string' ? b : toText(b));
  if (typeof a === 'number') return a === toInt(b);
  if (a instanceof Dual) return a.isInt ? a.int === toInt(b) : a.text === toText(b);
  return isInt(b) ? toInt(b) === 0 : toText(b) === '';
}

export function isNull(v: Value): boolean {
  return v === null || v === undefined;
}

export function divide(a: number, b: number): number {
  if (b === 0) throw EXPRESSION_ERROR;
  return (a / b) | 0;
}

export function modulo(a: number, b: number): number {
  if (b === 0) throw EXPRESSION_ERROR;
  return (a % b) | 0;
}

export function fail(): never {
  throw EXPRESSION_ERROR;
}

/** Regular expressions that a script makes at run time, the last few kept. */
const dynamic = new Map<string, Regex | null>();
const DYNAMIC_LIMIT = 256;

export function matches(text: string, source: string): boolean {
  let re = dynamic.get(source);
  if (re === undefined) {
    const made = compileRegex(source, { ignoreCase: true });
    re = 'ok' in made ? made.ok : null;
    if (dynamic.size >= DYNAMIC_LIMIT) dynamic.clear();
    dynamic.set(source, re);
  }
  if (re === null) throw EXPRESSION_ERROR;
  return re.test(text);
}

type RouteFunction = (c: Context) => number | Promise<number>;

/** After a module function inside an expression. */
export function called(c: Context, code: number): number {
  c.rc = code;
  if (code === 0) c.stop = STOP.EXIT;
  return code;
}

/** route() as a statement, `levels` action lists deeper than the caller's body. */
export function enter(c: Context, route: RouteFunction, levels: number, max: number): number {
  const depth = c.depth;
  if (depth + levels > max) return tooDeep(c, max);
  c.depth = depth + levels;
  const code = route(c) as number;
  c.depth = depth;
  return code;
}

export async function enterAsync(c: Context, route: RouteFunction, levels: number, max: number): Promise<number> {
  const depth = c.depth;
  if (depth + levels > max) return tooDeep(c, max);
  c.depth = depth + levels;
  const code = await route(c);
  c.depth = depth;
  return code;
}

export function tooDeep(c: Context, max: number): number {
  c.host.log.write(LEVEL.ERR, '<core>', `too many recursive levels of route blocks (max_recursive_level is ${max})`);
  return -1;
}

export function tooLong(c: Context, max: number, where: string): number {
  c.host.log.write(LEVEL.ERR, '<core>', `${where}: runaway while: more than ${max} rounds (max_while_loops)`);
  return -1;
}

/** route() inside an expression: a fresh count of levels and `$rc`. */
export function callRoute(c: Context, route: RouteFunction): number {
  const depth = c.depth;
  c.depth = 2;
  c.rc = 0;
  const code = route(c) as number;
  c.depth = depth;
  c.rc = code;
  return code;
}

export async function callRouteAsync(c: Context, route: RouteFunction): Promise<number> {
  const depth = c.depth;
  c.depth = 2;
  c.rc = 0;
  const code = await route(c);
  c.depth = depth;
  c.rc = code;
  return code;
}

/** The main-table route of a name made at run time; undefined (after an error line) when there is none. */
export function lookup(c: Context, table: ReadonlyMap<string, RouteFunction>, name: string): RouteFunction | undefined {
  const found = table.get(name);
  if (found === undefined) c.host.log.write(LEVEL.ERR, '<core>', `route "${name}" not found`);
  return found;
}

/** Waits for a function that waits; the run keeps its own `$var` meanwhile, as a Kamailio process would. */
export async function hold(c: Context, work: number | Promise<number>): Promise<number> {
  if (typeof work === 'number') return work;
  const saved = c.host.vars.save();
  const { log } = c.host;
  const { prefix } = log;
  clearLogPrefix(log);
  const code = await work;
  // The generated code goes on some microtasks after this function ends. In a turn of the loop of its own no other run
  // comes in between and changes `$var` again.
  await new Promise(setImmediate);
  c.host.vars.restore(saved);
  if (prefix !== undefined) log.prefix = prefix;
  const { onResume } = c;
  c.onResume = null;
  onResume?.();
  return code;
}
