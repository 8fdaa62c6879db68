/** Calls of module functions: looked up, checked and bound once. */

import { nearest } from '../../parser/nearest.js';
import type { CallExpr, Expr } from '../../parser/tree.js';
import type { FunctionEntry } from '../catalog.js';
import { unbuiltModuleOf } from '../kamailio-modules.js';
import { type ArgDefinition, type ArgSource, type BoundArg, FAILED, formFor, mayWait, ROUTE } from '../module.js';
import { asValue } from './code.js';
import { constantValue } from './constant.js';
import { expression } from './expression.js';
import { problem } from './problems.js';
import { timedCall } from './timed.js';
import { bindEnv, type Late, type Scope, ungroup } from './unit.js';
import { accessorOf } from './variable.js';

const MAX_ARGUMENTS = 6;

/** JavaScript of the call (its value is the return code, or a promise of it where `waits`); undefined: told why not. */
export function callCode(call: CallExpr, scope: Scope): { readonly js: string; readonly waits: boolean } | undefined {
  const entry = functionOf(call, scope);
  if (entry === undefined) return undefined;
  const bound = call.args.map((a, i) => argument(call, entry, a, i, scope));
  const sources = bound.map((b) => b?.source);
  if (bound.some((b) => b === undefined)) return undefined;
  const why = entry.def.check?.(sources as ArgSource[], bindEnv(scope, call.span));
  if (why !== undefined) {
    scope.unit.problems.push(problem('bad-call', { name: call.name, why }, call.span));
    return undefined;
  }
  const js = callText(
    entry,
    bound.map((b) => b!.bound),
    scope,
  );
  return {
    js: timedCall(js, call, scope),
    waits: mayWait(entry.def, scope.unit),
  };
}

function callText(entry: FunctionEntry, args: readonly BoundArg<unknown>[], scope: Scope): string {
  const { emitter, params } = scope.unit;
  const checks: string[] = [];
  const texts = args.map((a) => {
    if (a.kind === 'constant') return literal(a.value) ?? emitter.constant(a.value);
    const read = `${emitter.constant(a.get)}(c)`;
    if (a.kind === 'dynamic') return read;
    const temp = `a${checks.length}`;
    checks.push(`(${temp} = ${read}) === $F`);
    return temp;
  });
  const run = emitter.constant(entry.def.run);
  const js = `${run}(${['c', emitter.constant(params(entry.module.name)), ...texts].join(', ')})`;
  return checks.length === 0 ? js : `(${checks.join(' || ')} ? -1 : ${js})`;
}

function literal(v: unknown): string | undefined {
  return typeof v === 'number' && Number.isInteger(v) ? `${v}` : v === null ? 'null' : undefined;
}

function functionOf(call: CallExpr, scope: Scope): FunctionEntry | undefined {
  const { catalog, problems } = scope.unit;
  const { name } = call;
  const entry = catalog.function(name);
  if (call.args.length > MAX_ARGUMENTS) {
    problems.push(problem('too-many-arguments', { name, count: call.args.length }, call.span));
    return undefined;
  }
  if (entry === undefined) {
    const unknown = unknownFunction(call, scope);
    if (unknown !== undefined) problems.push(unknown);
    return undefined;
  }
  const def = formFor(entry.def, call.args.length);
  if (def === undefined) {
    const shapes = [entry.def, ...(entry.def.forms ?? [])].map((d) => signature(name, d.args));
    const extra = { hint: `write ${shapes.join(' or ')}` };
    problems.push(problem('argument-count', { name, count: call.args.length }, call.span, extra));
    return undefined;
  }
  const { routes } = def;
  if ((routes & scope.routeType) === 0) {
    const extra = { hint: `${name}() may stand in: ${blockNames(routes)}` };
    problems.push(problem('wrong-block', { name }, call.span, extra));
    return undefined;
  }
  return { ...entry, def };
}

/** Undefined: it is of a module that could not be loaded, which was told. */
function unknownFunction(call: CallExpr, scope: Scope) {
  const { catalog } = scope.unit;
  const { name } = call;
  const missing = catalog.loaded.find((m) => m.missing?.includes(name));
  if (missing) return problem('not-built', { name: `${name}()`, module: missing.name }, call.nameSpan);
  const unbuilt = unbuiltModuleOf(name);
  if (unbuilt !== undefined && catalog.failed.has(unbuilt)) return undefined;
  const home = catalog.moduleWithFunction(name);
  const near = nearest(name, catalog.functionNames());
  const hint = home
    ? `it is in module ${home}: add loadmodule "${home}.so" before this place`
    : unbuilt !== undefined
      ? `it is in module ${unbuilt} of Kamailio, which is not built in kamscript`
      : near
        ? `did you mean ${near}()?`
        : undefined;
  return problem('unknown-function', { name }, call.nameSpan, hint ? { hint } : {});
}

export function signature(name: string, args: readonly ArgDefinition[]): string {
  const shown = args.map((a, i) => `${a.optional ? '[' : ''}${i > 0 ? ', ' : ''}${a.name}`).join('');
  return `${name}(${shown}${']'.repeat(args.filter((a) => a.optional).length)})`;
}

const BLOCKS: readonly (readonly [number, string])[] = [
  [ROUTE.REQUEST, 'request_route'],
  [ROUTE.FAILURE, 'failure_route'],
  [ROUTE.CORE_ONREPLY, 'reply_route'],
  [ROUTE.TM_ONREPLY, 'onreply_route[…]'],
  [ROUTE.BRANCH, 'branch_route'],
  [ROUTE.ONSEND, 'onsend_route'],
  [ROUTE.EVENT, 'event_route'],
];

function blockNames(routes: number): string {
  return BLOCKS.filter(([bit]) => (routes & bit) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

function argument(
  call: CallExpr,
  entry: FunctionEntry,
  arg: Expr,
  index: number,
  scope: Scope,
): { readonly source: ArgSource; readonly bound: BoundArg<unknown> } | undefined {
  const { problems } = scope.unit;
  const def = entry.def.args[index]!;
  const values = { name: call.name, index: index + 1 };
  const before = problems.length;
  const source = argumentSource(arg, scope);
  if (source === undefined || problems.length > before) return undefined;
  if (source.kind === 'expression' && !def.dynamic) {
    const hint =
      arg.kind === 'variable'
        ? `write it in quotes: "${arg.text}"`
        : 'build the text in a variable first, and write "$var(x)" in quotes';
    problems.push(problem('argument-not-constant', values, arg.span, { hint }));
    return undefined;
  }
  const result = def.bind(source, bindEnv(scope, arg.span, call.span));
  if ('ok' in result) return { source, bound: result.ok };
  const extra = result.hint ? { hint: result.hint } : {};
  problems.push(problem('bad-argument', { ...values, why: result.error }, arg.span, extra));
  return undefined;
}

function argumentSource(arg: Expr, scope: Scope): ArgSource | undefined {
  const constant = constantValue(arg);
  if (constant !== undefined) return { kind: 'constant', text: `${constant}` };
  const inner = ungroup(arg);
  if (inner.kind === 'variable') {
    const variable = accessorOf(inner, scope);
    return { kind: 'expression', get: variable.get, variable };
  }
  const value = expression(arg, scope);
  if (value.calls) {
    scope.unit.problems.push(
      problem('argument-nested-call', {}, arg.span, { hint: 'call it in a statement before, and use its result' }),
    );
    return undefined;
  }
  return { kind: 'expression', get: lateGetter(asValue(value), scope) };
}

/** A closure over generated text that does not run yet. */
export function lateGetter(
  js: string,
  scope: Scope,
): (c: import('../context.js').Context) => import('../values.js').Value {
  const holder: Late = { fn: () => null };
  scope.unit.late.push({ holder, js, isAsync: false });
  return (c) => holder.fn(c) as import('../values.js').Value;
}

export { FAILED };
