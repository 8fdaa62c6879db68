/** Statements (language.md, section 7). Every statement leaves its code in `r`. */
import type {
  AssignExpr,
  Body,
  CallExpr,
  CoreStatement,
  Expr,
  IfStatement,
  LeaveStatement,
  RouteBlock,
  RouteCall,
  Statement,
  SwitchLabel,
  SwitchStatement,
  WhileStatement,
} from '../../parser/tree.js';
import { compileRegex } from '../regex.js';
import { callCode } from './call.js';
import { asInt, asText, asValue, type Code, mayFail, nonZero, positive } from './code.js';
import { constantValue, intOf, staticType } from './constant.js';
import { coreStatementCode } from './core-statement.js';
import { Emitter } from './emit.js';
import { assigned, expression, routeTarget } from './expression.js';
import { problem } from './problems.js';
import { timedStatement } from './timed.js';
import { type Late, placeOf, type Scope, type Unit, watched } from './unit.js';
import { assignment } from './variable.js';

const STOPPED = 'if (c.stop !== 0) return r;';

export function body(b: Body, scope: Scope): void {
  list(b.statements, scope);
}

/** One action list; a call that takes the rest of it is handed what follows. */
function list(statements: readonly Statement[], scope: Scope, after?: (i: number) => void): void {
  statements.forEach((s, i) => {
    if (s.kind === 'call') restBefore(s, statements.slice(i + 1), scope);
    statement(s, scope);
    after?.(i);
  });
}

/** Hands the statements behind a call over in `c.rest`: written once more, as a function, for a run of their own. */
function restBefore(call: CallExpr, following: readonly Statement[], scope: Scope): void {
  const { catalog, emitter, late, rests, problems } = scope.unit;
  if (catalog.function(call.name)?.def.rest !== true) return;
  if (following.every((s) => s.kind === 'empty')) return emitter.line('c.rest = null;', call.span);
  let holder = rests.get(call);
  if (holder === undefined) {
    const made: Late = { fn: () => null };
    rests.set(call, made);
    holder = made;
    // its problems are told where it is compiled in its place
    const unit = { ...scope.unit, problems: [...problems] };
    const js = blockFunction({ statements: following, span: call.span }, { ...scope, unit });
    late.push({ holder: made, js: `(${js})()`, isAsync: scope.isAsync });
  }
  emitter.line(`c.rest = ${emitter.constant(holder)}.fn;`, call.span);
}

/** Tells who watches that the run is at `at`. */
export function traced(at: RouteBlock | Statement, scope: Scope): void {
  const { trace, emitter } = scope.unit;
  if (trace !== undefined) emitter.line(`${emitter.constant(trace)}(c, ${emitter.constant(at)});`, at.span);
  const watching = at.kind === 'block' ? '' : watched(at, scope, ';');
  if (watching !== '') emitter.line(watching, at.span);
}

export function statement(s: Statement, scope: Scope): void {
  if (s.kind !== 'empty') traced(s, scope);
  timedStatement(s, scope, () => untimed(s, scope));
}

function untimed(s: Statement, scope: Scope): void {
  switch (s.kind) {
    case 'empty':
      return;
    case 'call':
      return callStatement(s, scope);
    case 'core':
      return coreStatement(s, scope);
    case 'route':
      return routeStatement(s, scope);
    case 'assign':
      return assignStatement(s, scope);
    case 'if':
      return ifStatement(s, scope);
    case 'while':
      return whileStatement(s, scope);
    case 'switch':
      return switchStatement(s, scope);
    default:
      return leaveStatement(s, scope);
  }
}

function callStatement(s: CallExpr, scope: Scope): void {
  const call = callCode(s, scope);
  if (call === undefined) return;
  const js = call.waits ? `await $hold(c, ${call.js})` : call.js;
  scope.unit.emitter.line(`if ((c.rc = r = ${js}) === 0) { c.stop = 1; return 0; }`, s.span);
}

function coreStatement(s: CoreStatement, scope: Scope): void {
  const js = coreStatementCode(s, scope);
  if (js !== undefined) scope.unit.emitter.line(`r = ${js};`, s.span);
}

function routeStatement(s: RouteCall, scope: Scope): void {
  const target = routeTarget(s, scope);
  if (target === undefined) return;
  const { emitter, core } = scope.unit;
  const wait = scope.isAsync && target.waits;
  const name = target.optional ? 't' : target.js;
  const counted = `(c, ${name}, ${scope.nesting + 1}, ${core.maxRecursiveLevel})`;
  const js = target.deep
    ? wait
      ? `await $enterAsync${counted}`
      : `$enter${counted}`
    : `${wait ? 'await ' : ''}${name}(c)`;
  const run = `c.rc = r = ${js}; ${STOPPED}`;
  const line = target.optional ? `t = ${target.js}; if (t === undefined) r = -1; else { ${run} }` : run;
  emitter.line(line, s.span);
}

function assignStatement(s: AssignExpr, scope: Scope): void {
  const value = assigned(expression(s.value, scope));
  const js = assignment(s.target, { ...value, selval: false }, scope);
  if (js === undefined) return;
  guarded(scope, s, value, `${js}${value.calls ? ` ${STOPPED}` : ''}`);
}

/** Wraps a line whose expression may have no value. */
function guarded(scope: Scope, at: Statement, value: Code, js: string): void {
  const { emitter } = scope.unit;
  if (!mayFail(value)) return emitter.line(js, at.span);
  const place = emitter.constant(placeOf(at.span));
  emitter.line(`try { ${js} } catch (e) { r = $failed(c, e, ${place}); }`, at.span);
}

/** A condition as JavaScript; where it may fail, it is worked out before, into a variable of its own. */
function condition(scope: Scope, at: Statement, js: string, value: Code): string {
  const { emitter } = scope.unit;
  if (!mayFail(value) && !value.calls) return js;
  const name = emitter.fresh('q');
  const place = emitter.constant(placeOf(at.span));
  const assign = `${name} = ${js};`;
  emitter.line(
    `let ${name} = false; ${mayFail(value) ? `try { ${assign} } catch (e) { $failed(c, e, ${place}); }` : assign}`,
    at.span,
  );
  return name;
}

function ifStatement(s: IfStatement, scope: Scope): void {
  const { emitter } = scope.unit;
  const value = expression(s.condition, scope);
  const test = condition(scope, s, positive(value), value);
  emitter.line(value.calls ? 'r = 0; if (c.stop !== 0) return 0; r = 1;' : 'r = 1;', s.span);
  emitter.line(`if (${test}) {`, s.span);
  nested(s.then, scope);
  if (s.otherwise) {
    emitter.line('} else {');
    nested(s.otherwise, scope);
  }
  emitter.line('}');
}

/** One action list deeper; in a route that calls itself the level is counted. */
function nested(b: Body, scope: Scope): void {
  const inner = { ...scope, nesting: scope.nesting + 1 };
  levelled(inner, () => body(b, inner));
}

function levelled(scope: Scope, write: () => void): void {
  const { emitter, core } = scope.unit;
  if (!scope.recursive) return write();
  const max = core.maxRecursiveLevel;
  emitter.line(`if (c.depth + ${scope.nesting} > ${max}) r = $tooDeep(c, ${max}); else {`);
  write();
  emitter.line('}');
}

function whileStatement(s: WhileStatement, scope: Scope): void {
  const { emitter, problems } = scope.unit;
  if (staticType(s.condition) === 'str') {
    problems.push(problem('string-condition', {}, s.condition.span));
    return;
  }
  const value = expression(s.condition, scope);
  const rounds = emitter.fresh('n');
  const max = emitter.fresh('m');
  emitter.line('r = 1;');
  // not a constant: cfg.set may change it; 0 is no limit
  emitter.line(`const ${max} = c.program.core.maxWhileLoops || Infinity;`);
  emitter.line(`for (let ${rounds} = 0; ; ${rounds}++) {`, s.span);
  const test = condition(scope, s, nonZero(value), value);
  emitter.line(`if (!${test}) { ${value.calls ? 'if (c.stop !== 0) return 0; ' : ''}break; }`, s.span);
  const place = emitter.constant(placeOf(s.span));
  emitter.line(`if (${rounds} >= ${max}) { r = $tooLong(c, ${max}, ${place}); break; }`);
  const inner = { ...scope, nesting: scope.nesting + 1, breakable: true };
  levelled(inner, () => {
    // What the condition ended is noticed after the first statement of the body, as in Kamailio.
    list(s.body.statements, inner, (i) => {
      if (i === 0 && value.calls) emitter.line(STOPPED);
    });
  });
  emitter.line('}');
}

function switchStatement(s: SwitchStatement, scope: Scope): void {
  const { emitter, problems } = scope.unit;
  const value = expression(s.value, scope);
  const labels = s.labels.map((l) => ({ label: l, value: labelValue(l, problems) }));
  const first = labels.find((l) => l.label.kind !== 'default');
  if (first === undefined) return defaultOnly(s, value, scope);
  const ints = first.label.kind === 'case' && typeof first.value === 'number';
  if (!ints && s.labels[0]!.kind === 'default') {
    problems.push(problem('default-before-strings', {}, s.labels[0]!.span));
    return;
  }
  const keys = ints ? labels.map((l) => l.value) : labels.map((_, i) => i);
  duplicates(labels, problems);
  const subject = ints ? asInt(value) : `${emitter.constant(textMatcher(labels, problems))}(${asText(value)})`;
  const test = switchSubject(scope, s, subject, value);
  emitter.line('r = 1;');
  emitter.line(`switch (${test}) {`, s.span);
  const inner = { ...scope, nesting: scope.nesting + 1, breakable: true };
  labels.forEach(({ label }, i) => {
    emitter.line(label.kind === 'default' ? 'default:' : `case ${keys[i]}:`, label.span);
    levelled(inner, () => list(label.statements, inner));
  });
  emitter.line('}');
}

function switchSubject(scope: Scope, s: SwitchStatement, js: string, value: Code): string {
  if (!mayFail(value) && !value.calls) return js;
  const { emitter } = scope.unit;
  const name = emitter.fresh('q');
  const place = emitter.constant(placeOf(s.span));
  emitter.line(`let ${name}; try { ${name} = ${js}; } catch (e) { r = $failed(c, e, ${place}); }`, s.span);
  if (value.calls) emitter.line('if (c.stop !== 0) return 0;');
  return name;
}

function defaultOnly(s: SwitchStatement, value: Code, scope: Scope): void {
  const { emitter, problems } = scope.unit;
  if (s.labels.length === 0) return emitter.line(`r = 1; ${asValue(value)};`, s.span);
  if (constantValue(s.value) === undefined) {
    problems.push(problem('default-only', {}, s.span));
    return;
  }
  emitter.line('switch (0) { default:', s.span);
  const inner = { ...scope, nesting: scope.nesting + 1, breakable: true };
  for (const l of s.labels) list(l.statements, inner);
  emitter.line('}');
}

function labelValue(l: SwitchLabel, problems: Unit['problems']): number | string | undefined {
  if (l.kind === 'default' || l.value === undefined) return undefined;
  const v = constantValue(l.value);
  if (v === undefined) problems.push(problem('case-not-constant', {}, l.value.span));
  return v;
}

interface Labelled {
  readonly label: SwitchLabel;
  readonly value: number | string | undefined;
}

function duplicates(labels: readonly Labelled[], problems: Unit['problems']): void {
  const seen = new Set<number | string>();
  for (const { label, value } of labels) {
    if (label.kind !== 'case' || value === undefined) continue;
    if (seen.has(value)) problems.push(problem('duplicate-case', {}, label.span));
    seen.add(value);
  }
}

/** Index of the first label that a text matches, -1 for none. */
function textMatcher(labels: readonly Labelled[], problems: Unit['problems']): (text: string) => number {
  const tests: { test: (text: string) => boolean; index: number }[] = [];
  labels.forEach(({ label, value }, index) => {
    if (value === undefined) return;
    const source = `${value}`;
    if (label.kind === 'case') {
      tests.push({ test: (t) => t === source, index });
      return;
    }
    const re = compileRegex(source, {});
    if ('error' in re) problems.push(problem('bad-regex', { text: source, why: re.error }, label.span));
    else tests.push({ test: (t) => re.ok.test(t), index });
  });
  if (labels.every((l) => l.label.kind !== 'regex')) {
    const byText = new Map(
      labels.map((l, i) => [`${l.value}`, i] as const).filter(([, i]) => labels[i]!.value !== undefined),
    );
    return (text) => byText.get(text) ?? -1;
  }
  return (text) => tests.find((t) => t.test(text))?.index ?? -1;
}

function leaveStatement(s: LeaveStatement, scope: Scope): void {
  const { emitter, problems } = scope.unit;
  if (s.kind === 'break') return emitter.line(scope.breakable ? 'r = 1; break;' : 'return 0;', s.span);
  if (s.value !== undefined && staticType(s.value) === 'str') {
    problems.push(problem('string-return', {}, s.value.span));
    return;
  }
  const stop = s.kind === 'exit' ? 1 : s.kind === 'drop' ? 2 : 0;
  if (s.value === undefined) {
    const value = s.kind === 'drop' ? 0 : 1;
    return emitter.line(`${stop > 0 ? `c.stop = ${stop}; ` : ''}return ${value};`, s.span);
  }
  const constant = constantValue(s.value);
  if (constant !== undefined) {
    const n = intOf(constant);
    const flag = stop > 0 ? stop : n === 0 ? 1 : 0;
    return emitter.line(`${flag > 0 ? `c.stop = ${flag}; ` : ''}return ${n};`, s.span);
  }
  const value = assigned(expression(s.value as Expr, scope));
  const set = stop > 0 ? `c.stop = ${stop};` : 'if (r === 0) c.stop = 1;';
  guarded(scope, s, value, `r = ${asInt(value)}; ${set} return r;`);
}

/** A `{ … }` within an expression, as the text of a function without arguments. */
export function blockFunction(b: Body, scope: Scope): string {
  const emitter = new Emitter();
  // Constants belong to the whole program: only the lines are our own.
  emitter.constant = (v) => scope.unit.emitter.constant(v);
  emitter.fresh = (p) => scope.unit.emitter.fresh(p);
  const inner: Scope = { ...scope, unit: { ...scope.unit, emitter }, nesting: 1, breakable: false };
  body(b, inner);
  const text = emitter.code.replaceAll('\n', ' ');
  return `${scope.isAsync ? 'async ' : ''}() => { let r = 1, t, a0, a1, a2, a3, a4, a5; c.rc = 0; ${text} return r; }`;
}
