/** Which routes call which, which can wait, which can call themselves. */
import type { Body, Expr, RouteBlock, Script, Statement } from '../../parser/tree.js';
import type { Catalog } from '../catalog.js';
import { CORE_STATEMENTS } from '../core/statements.js';
import { type BindEnv, formFor, mayWait } from '../module.js';
import { constantValue } from './constant.js';

export interface Analysis {
  /** Key `table/name`. */
  readonly waiting: ReadonlySet<string>;
  readonly recursive: ReadonlySet<string>;
  /** Routes from which a recursive one can be reached. */
  readonly deep: ReadonlySet<string>;
  /** Can any main-table route wait? Then a call by a name made at run time can. */
  readonly anyWaiting: boolean;
  readonly anyRecursive: boolean;
}

interface Facts {
  readonly calls: Set<string>;
  dynamic: boolean;
  waits: boolean;
}

export function routeKey(block: RouteBlock): string {
  return `${block.block}/${block.name ?? ''}`;
}

/** What functions and their parameters are, for the walk. */
interface Known extends Pick<BindEnv, 'params'> {
  readonly catalog: Catalog;
  /** Every route may wait. */
  readonly stops?: boolean;
}

export function analyse(script: Script, known: Known): Analysis {
  const facts = new Map<string, Facts>();
  for (const item of script.items) {
    if (item.kind !== 'block') continue;
    const key = routeKey(item);
    const f: Facts = facts.get(key) ?? { calls: new Set(), dynamic: false, waits: false };
    facts.set(key, f);
    walkBody(item.body, f, known);
  }
  const mains = [...facts.keys()].filter((k) => k.startsWith('request_route/'));
  const edges = new Map<string, Iterable<string>>();
  for (const [key, f] of facts) edges.set(key, f.dynamic ? new Set([...f.calls, ...mains]) : f.calls);
  const waiting = backwards(
    edges,
    [...facts].filter(([, f]) => f.waits || known.stops === true).map(([k]) => k),
  );
  const recursive = new Set([...facts.keys()].filter((k) => reaches(edges, k, k)));
  const deep = backwards(edges, recursive);
  return {
    waiting,
    recursive,
    deep,
    anyWaiting: mains.some((k) => waiting.has(k)),
    anyRecursive: mains.some((k) => deep.has(k)),
  };
}

/** All keys from which one of `ends` can be reached, these included. */
function backwards(edges: ReadonlyMap<string, Iterable<string>>, ends: Iterable<string>): Set<string> {
  const found = new Set(ends);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [key, calls] of edges) {
      if (found.has(key)) continue;
      for (const to of calls) {
        if (!found.has(to)) continue;
        found.add(key);
        grown = true;
        break;
      }
    }
  }
  return found;
}

function reaches(edges: ReadonlyMap<string, Iterable<string>>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [...(edges.get(from) ?? [])];
  while (open.length > 0) {
    const key = open.pop()!;
    if (key === to) return true;
    if (seen.has(key)) continue;
    seen.add(key);
    open.push(...(edges.get(key) ?? []));
  }
  return false;
}

function walkBody(body: Body, f: Facts, known: Known): void {
  for (const s of body.statements) walkStatement(s, f, known);
}

function walkStatement(s: Statement, f: Facts, known: Known): void {
  switch (s.kind) {
    case 'empty':
      return;
    case 'if':
      walk(s.condition, f, known);
      walkBody(s.then, f, known);
      if (s.otherwise) walkBody(s.otherwise, f, known);
      return;
    case 'while':
      walk(s.condition, f, known);
      walkBody(s.body, f, known);
      return;
    case 'switch':
      walk(s.value, f, known);
      for (const label of s.labels) for (const inner of label.statements) walkStatement(inner, f, known);
      return;
    case 'return':
    case 'exit':
    case 'drop':
    case 'break':
      if (s.value) walk(s.value, f, known);
      return;
    default:
      walk(s, f, known);
  }
}

function functionWaits(name: string, count: number, known: Known): boolean {
  const def = known.catalog.function(name)?.def;
  const form = def === undefined ? undefined : formFor(def, count);
  return form !== undefined && mayWait(form, known);
}

function walk(e: Expr, f: Facts, known: Known): void {
  switch (e.kind) {
    case 'call':
      if (functionWaits(e.name, e.args.length, known)) f.waits = true;
      for (const a of e.args) walk(a, f, known);
      return;
    case 'core':
      if (CORE_STATEMENTS[e.name]?.waits?.(e.args)) f.waits = true;
      if (e.expr) walk(e.expr, f, known);
      return;
    case 'route': {
      const name = e.target === undefined ? '' : constantValue(e.target);
      if (name === undefined) f.dynamic = true;
      else f.calls.add(`request_route/${name === 0 ? '' : name}`);
      if (e.target) walk(e.target, f, known);
      return;
    }
    case 'operand':
      if (e.right.kind === 'expr') walk(e.right.expr, f, known);
      return;
    case 'unary':
    case 'strlen':
    case 'strempty':
    case 'defined':
    case '(int)':
    case '(str)':
      walk(e.operand, f, known);
      return;
    case 'binary':
      walk(e.left, f, known);
      walk(e.right, f, known);
      return;
    case 'selval':
      walk(e.condition, f, known);
      walk(e.then, f, known);
      walk(e.otherwise, f, known);
      return;
    case 'group':
      walk(e.inner, f, known);
      return;
    case 'assign':
      walk(e.value, f, known);
      return;
    case 'block':
      walkBody(e.body, f, known);
      return;
    default:
  }
}
