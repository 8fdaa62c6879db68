/** What the files of the compiler share: the program being built and the block being compiled. */
import type { Problem, Span } from '../../parser/problem.js';
import type { BlockKind, CallExpr, Compat, Expr, RouteBlock, Script, Statement } from '../../parser/tree.js';
import type { Catalog } from '../catalog.js';
import type { Context } from '../context.js';
import type { CoreSettings } from '../core/params.js';
import type { BindEnv, UsedVariable, Value, VarStore } from '../module.js';
import type { Analysis } from './analyse.js';
import type { Emitter } from './emit.js';

/** A function whose text is generated, for those who need a closure before the text runs. */
export interface Late {
  fn: (c: Context) => Value | Promise<Value>;
}

/** A promise, where the run is to wait: only in a program whose runs can stop. */
// biome-ignore lint/suspicious/noConfusingVoidType: most watchers have nothing to give back
export type Watch = (ctx: Context, at: Statement, routeName: string) => Promise<number> | void;

export interface Unit {
  readonly script: Script;
  readonly catalog: Catalog;
  readonly vars: VarStore;
  readonly core: CoreSettings;
  readonly flags: ReadonlyMap<string, number>;
  readonly avpFlags: ReadonlyMap<string, number>;
  readonly params: (module: string) => Readonly<Record<string, unknown>>;
  readonly emitter: Emitter;
  readonly analysis: Analysis;
  readonly problems: Problem[];
  /** `order` from which Kamailio has shared memory: the first modparam, or the end of the first block. */
  readonly sharedFrom: number;
  /** Main-table routes by name, filled when the text has run. */
  readonly routeFunctions: Map<string, (c: Context) => number | Promise<number>>;
  /** Names of generated functions by table and route name. */
  readonly functionNames: Map<string, string>;
  readonly trace: ((ctx: Context, at: RouteBlock | Statement) => void) | undefined;
  /** What a loaded module wants to be told of each statement and call (debugger). */
  readonly watch: Watch | undefined;
  /** Whoever watches may hold a run up. */
  readonly stops: boolean;
  /** What loaded modules want to be told of each assignment. */
  readonly assigned: ((ctx: Context, target: string, value: Value) => void) | undefined;
  readonly used: Map<string, UsedVariable>;
  /** Generated closures, written after the routes. */
  /** Rest of the action list behind a call, by the call: see `FunctionDefinition.rest`. */
  readonly rests: Map<CallExpr, Late>;
  readonly late: { readonly holder: Late; readonly js: string; readonly isAsync: boolean }[];
}

export interface Scope {
  readonly unit: Unit;
  readonly block: BlockKind;
  /** As Kamailio prints it. */
  readonly routeName: string;
  /** ROUTE bit of the block. */
  readonly routeType: number;
  readonly isAsync: boolean;
  /** Action lists around the statement, within the route body. */
  readonly nesting: number;
  /** Within a while or switch of this function? */
  readonly breakable: boolean;
  /** Does the route call itself, by whatever way? Then levels are counted. */
  readonly recursive: boolean;
}

export function compatAt(script: Script, order: number): Compat {
  let mode: Compat = 'MAXCOMPAT';
  for (const change of script.compat) if (change.order <= order) mode = change.mode;
  return mode;
}

/** `call`: the whole call in whose arguments `span` lies. */
export function bindEnv(scope: Scope, span: Span, call?: Span): BindEnv {
  const { unit } = scope;
  return {
    catalog: unit.catalog,
    defines: unit.script.defines,
    flags: unit.flags,
    avpFlags: unit.avpFlags,
    compat: compatAt(unit.script, span.order),
    vars: unit.vars,
    span,
    ...(call ? { call } : {}),
    routeName: scope.routeName,
    params: unit.params,
    core: unit.core,
    used: unit.used,
  };
}

/** `file:line:column`, for log lines of a running script. */
export function placeOf(span: Span): string {
  return `${span.file}:${span.line}:${span.column}`;
}

/** JavaScript that tells the watching module of `at`; '' where nobody watches. */
export function watched(at: Statement, scope: Scope, end: ';' | ','): string {
  const { watch, emitter, stops } = scope.unit;
  if (watch === undefined) return '';
  const told = `${emitter.constant(watch)}(c, ${emitter.constant(at)}, ${emitter.constant(scope.routeName)})`;
  if (!stops || !scope.isAsync) return `${told}${end} `;
  return end === ';' ? `if ((t = ${told}) !== undefined) await $hold(c, t);` : `await $hold(c, ${told} ?? 0), `;
}

export function ungroup(expr: Expr): Expr {
  let e = expr;
  while (e.kind === 'group') e = e.inner;
  return e;
}
