/** Expressions: types, folding and operators as Kamailio has them (language.md, section 5). */

import { nearest } from '../../parser/nearest.js';
import type { BinaryExpr, CoreOperand, Expr, FuncExpr, RouteCall, SelvalExpr, UnaryExpr } from '../../parser/tree.js';
import { bindOperand } from '../core/operands.js';
import { compileRegex } from '../regex.js';
import { callCode, lateGetter } from './call.js';
import { asInt, asText, asValue, type Code, code, isCell, nonZero, positive } from './code.js';
import { constantValue, intOf, staticType } from './constant.js';
import { coreStatementCode } from './core-statement.js';
import { problem } from './problems.js';
import { blockFunction } from './statement.js';
import { bindEnv, type Scope, ungroup, watched } from './unit.js';
import { accessorOf, assignment, isNullVariable, selectCode, variableCode } from './variable.js';

export function expression(e: Expr, scope: Scope): Code {
  const wrong = typeMismatch(e, scope);
  if (wrong !== undefined) return wrong;
  const constant = constantValue(e);
  if (constant !== undefined) return constantCode(constant);
  switch (e.kind) {
    case 'number':
    case 'string':
      return constantCode(e.value);
    case 'group':
      return expression(e.inner, scope);
    case 'variable':
      return variableCode(e, scope);
    case 'select':
      return selectCode(e, scope);
    case 'call': {
      const call = callCode(e, scope);
      if (call === undefined) return code('int', '-1');
      const js = call.waits ? `await $hold(c, ${call.js})` : call.js;
      return callValue(`(${watched(e, scope, ',')}c.rc = 0, $called(c, ${js}))`);
    }
    case 'core': {
      const js = coreStatementCode(e, scope);
      return js === undefined ? code('int', '-1') : callValue(`(${watched(e, scope, ',')}${js})`);
    }
    case 'route':
      return callValue(`(${watched(e, scope, ',')}${routeValue(e, scope)})`);
    case 'operand':
      return operandCode(e, scope);
    case 'unary':
      return unary(e, scope);
    case 'binary':
      return binary(e, scope);
    case 'strlen':
    case 'strempty':
    case 'defined':
    case '(int)':
    case '(str)':
      return oneOperand(e, scope);
    case 'selval':
      return selval(e, scope);
    case 'assign': {
      const value = expression(e.value, scope);
      const js = assignment(e.target, assigned(value), scope);
      const run = `() => { let r; ${js} }`;
      const call = scope.isAsync ? `await (async ${run})()` : `(${run})()`;
      return code('int', js === undefined ? '1' : `(${call}, 1)`, [value]);
    }
    case 'block': {
      const call = scope.isAsync ? `await (${blockFunction(e.body, scope)})()` : `(${blockFunction(e.body, scope)})()`;
      return callValue(`(${call})`);
    }
  }
}

/** A call has its raw code when it is the whole right side of an assignment, else 1 or 0. */
export function assigned(value: Code): Code {
  return value.raw === undefined ? value : code('int', value.raw, [value]);
}

function callValue(js: string): Code {
  return { js: `(${js} > 0)`, type: 'bool', fallible: false, calls: true, raw: js };
}

function constantCode(v: number | string): Code {
  return typeof v === 'number' ? code('int', v < 0 ? `(${v})` : `${v}`) : code('str', JSON.stringify(v));
}

function routeValue(e: RouteCall, scope: Scope): string {
  const target = routeTarget(e, scope);
  if (target === undefined) return '-1';
  const js = scope.isAsync && target.waits ? `await $callRouteAsync(c, ${target.js})` : `$callRoute(c, ${target.js})`;
  return target.optional ? `((t = ${target.js}) === undefined ? -1 : ${js.replace(target.js, 't')})` : js;
}

/** The function of a route() call; `optional`: it may turn out to be undefined at run time. */
export function routeTarget(
  e: RouteCall,
  scope: Scope,
): { readonly js: string; readonly waits: boolean; readonly deep: boolean; readonly optional: boolean } | undefined {
  const { unit } = scope;
  const name = e.target === undefined ? '' : constantValue(e.target);
  if (name === undefined) {
    const value = expression(e.target!, scope);
    const js = `$lookup(c, ${unit.emitter.constant(unit.routeFunctions)}, ${asText(value)})`;
    return { js, waits: unit.analysis.anyWaiting, deep: unit.analysis.anyRecursive, optional: true };
  }
  const key = `request_route/${name === 0 || name === '0' ? '' : name}`;
  const js = unit.functionNames.get(key);
  if (js === undefined) {
    const values = { name: `${name}`, file: e.span.file, line: e.span.line };
    const near = nearRoute(`${name}`, scope);
    unit.problems.push(problem('unknown-route', values, e.span, near ? { hint: `did you mean route(${near})?` } : {}));
    return undefined;
  }
  return { js, waits: unit.analysis.waiting.has(key), deep: unit.analysis.deep.has(key), optional: false };
}

function nearRoute(name: string, scope: Scope): string | undefined {
  const names = [...scope.unit.functionNames.keys()]
    .filter((k) => k.startsWith('request_route/'))
    .map((k) => k.slice(14));
  return nearest(name, names);
}

function operandCode(e: CoreOperand, scope: Scope): Code {
  const bound = bindOperand(e, bindEnv(scope, e.span), (inner) => {
    const constant = constantValue(inner);
    if (constant !== undefined) return { constant, get: () => constant };
    const plain = ungroup(inner);
    if (plain.kind === 'variable') return { get: accessorOf(plain, scope).get };
    return { get: lateGetter(asValue(expression(inner, scope)), scope) };
  });
  if ('error' in bound) {
    const extra = bound.hint ? { hint: bound.hint } : {};
    scope.unit.problems.push(problem('core-operand', { name: e.operand, why: bound.error }, e.span, extra));
    return code('bool', 'false');
  }
  return code('bool', `${scope.unit.emitter.constant(bound.ok)}(c)`);
}

/** What Kamailio's parser refuses by the types it knows. */
function typeMismatch(e: Expr, scope: Scope): Code | undefined {
  if (e.kind === 'unary')
    return staticType(e.operand) === 'str' ? mismatch('string', 'int', e.operand, scope) : undefined;
  if (e.kind === 'strlen' || e.kind === 'strempty' || e.kind === 'defined') {
    return staticType(e.operand) === 'int' ? mismatch('int', 'string', e.operand, scope) : undefined;
  }
  return e.kind === 'binary' ? binaryMismatch(e, scope) : undefined;
}

function binaryMismatch(e: BinaryExpr, scope: Scope): Code | undefined {
  const left = staticType(e.left);
  const right = staticType(e.right);
  if (INT_OPERATORS.has(e.op)) {
    if (left === 'str') return mismatch('string', 'int', e.left, scope);
    return right === 'str' ? mismatch('string', 'int', e.right, scope) : undefined;
  }
  if (left !== 'int') return undefined;
  if (e.op === '=~' || e.op === 'eq' || e.op === 'ne') return mismatch('int', 'string', e.left, scope);
  const same = e.op === '+' || e.op === '==' || e.op === '!=';
  return right === 'str' && same ? mismatch('string', 'int', e.right, scope) : undefined;
}

function unary(e: UnaryExpr, scope: Scope): Code {
  const v = expression(e.operand, scope);
  if (e.op === '!') return code('bool', `!${nonZero(v)}`, [v]);
  return code('int', e.op === '-' ? `(-${asInt(v)} | 0)` : `(~${asInt(v)})`, [v]);
}

function oneOperand(e: FuncExpr, scope: Scope): Code {
  const inner = ungroup(e.operand);
  if (e.kind === 'defined') {
    if (inner.kind !== 'variable' && inner.kind !== 'select') return code('bool', 'true');
    const v = expression(inner, scope);
    return v.type === 'any' ? code('bool', `!$N(${v.js})`, [v]) : code('bool', 'true');
  }
  const v = expression(e.operand, scope);
  if (e.kind === 'strlen') return code('int', `${asText(v)}.length`, [v]);
  if (e.kind === 'strempty') return code('bool', `(${asText(v)} === "")`, [v]);
  return e.kind === '(int)' ? code('int', asInt(v), [v]) : code('str', asText(v), [v]);
}

function selval(e: SelvalExpr, scope: Scope): Code {
  const [c, a, b] = [e.condition, e.then, e.otherwise].map((x) => expression(x, scope)) as [Code, Code, Code];
  const pick = (v: Code) => (v.type === 'any' ? `$V(${v.js})` : asValue(v));
  return code('any', `(${positive(c)} ? ${pick(a)} : ${pick(b)})`, [c, a, b], { selval: true });
}

function mismatch(got: string, want: string, at: Expr, scope: Scope): Code {
  const values = { got, want, line: at.span.line, column: at.span.column };
  const hint = want === 'int' ? 'use (int) to take it as a number' : 'use (str) to take it as a text';
  scope.unit.problems.push(problem('type-mismatch', values, at.span, { hint }));
  return code(want === 'int' ? 'int' : 'str', want === 'int' ? '0' : '""');
}

const INT_OPERATORS = new Set(['||', '&&', '|', '&', '^', '<<', '>>', '-', '*', '/', 'mod']);

function binary(e: BinaryExpr, scope: Scope): Code {
  return folded(e, scope) ?? operator(e, scope);
}

/** Kamailio's rewriting of operators with one constant operand: what it drops is not evaluated. */
function folded(e: BinaryExpr, scope: Scope): Code | undefined {
  const a = constantValue(e.left);
  const b = constantValue(e.right);
  if (b === '' && (e.op === '==' || e.op === 'eq')) {
    const v = expression(e.left, scope);
    return code('bool', `(${asText(v)} === "")`, [v]);
  }
  const zero = code('int', '0');
  const asNumber = (x: Expr): Code => {
    const v = expression(x, scope);
    return code('int', asInt(v), [v]);
  };
  switch (e.op) {
    case '*':
      if (a === 0 || b === 0) return zero;
      if (b === 1) return asNumber(e.left);
      return a === 1 ? asNumber(e.right) : undefined;
    case '&':
      return a === 0 || b === 0 ? zero : undefined;
    case '&&':
      if (a === 0 || b === 0) return zero;
      if (b === 1) return asNumber(e.left);
      return a === 1 ? asNumber(e.right) : undefined;
    case '||':
      if (a === 1 || b === 1) return code('int', '1');
      if (b === 0) return asNumber(e.left);
      return a === 0 ? asNumber(e.right) : undefined;
    case '/':
      if (a === 0) return zero;
      return b === 1 ? asNumber(e.left) : undefined;
    case 'mod':
      return a === 0 ? zero : undefined;
    case '|':
      if (b === 0) return asNumber(e.left);
      return a === 0 ? asNumber(e.right) : undefined;
    case '-':
      return b === 0 ? asNumber(e.left) : undefined;
    case '+':
      return b === 0 && staticType(e.left) === 'int' ? asNumber(e.left) : undefined;
    default:
      return undefined;
  }
}

function operator(e: BinaryExpr, scope: Scope): Code {
  const inner = ungroup(e.right);
  if (inner.kind === 'variable' && isNullVariable(inner)) return nullTest(e, scope);
  if (e.op === '=~') return match(e, scope);
  const l = expression(e.left, scope);
  const r = expression(e.right, scope);
  const both = [l, r];
  const int = (js: string) => code('int', js, both, selvalFails(both));
  const bool = (js: string) => code('bool', js, both, selvalFails(both));
  switch (e.op) {
    case '||':
      return bool(`(${nonZero(l)} || ${nonZero(r)})`);
    case '&&':
      return bool(`(${nonZero(l)} && ${nonZero(r)})`);
    case '|':
    case '&':
    case '^':
    case '<<':
    case '>>':
      return int(`(${asInt(l)} ${e.op} ${asInt(r)})`);
    case '<':
    case '>':
    case '<=':
    case '>=':
      return bool(`(${asInt(l)} ${e.op} ${asInt(r)})`);
    case '-':
      return int(`(${asInt(l)} - ${asInt(r)} | 0)`);
    case '*':
      return int(`Math.imul(${asInt(l)}, ${asInt(r)})`);
    case '/':
    case 'mod':
      return division(e, l, r);
    case 'ieq':
      return bool(`(${asInt(l)} === ${asInt(r)})`);
    case 'ine':
      return bool(`(${asInt(l)} !== ${asInt(r)})`);
    case 'eq':
      return bool(`(${asText(l)} === ${asText(r)})`);
    case 'ne':
      return bool(`(${asText(l)} !== ${asText(r)})`);
    case '==':
    case '!=':
      return equality(e.op, l, r);
    default:
      return sum(l, r);
  }
}

function selvalFails(parts: readonly Code[]): { fallible: boolean } | Record<string, never> {
  return parts.some((p) => p.selval) ? { fallible: true } : {};
}

function division(e: BinaryExpr, l: Code, r: Code): Code {
  const by = constantValue(e.right);
  const sign = e.op === '/' ? '/' : '%';
  if (by !== undefined && intOf(by) !== 0)
    return code('int', `(${asInt(l)} ${sign} ${asInt(r)} | 0)`, [l, r], selvalFails([l]));
  return code('int', `${e.op === '/' ? '$div' : '$mod'}(${asInt(l)}, ${asInt(r)})`, [l, r], { fallible: true });
}

function sum(l: Code, r: Code): Code {
  if (l.type === 'int' || l.type === 'bool')
    return code('int', `(${asInt(l)} + ${asInt({ ...r, selval: false })} | 0)`, [l, r]);
  if (l.type === 'str') return code('str', `(${l.js} + ${asText(r)})`, [l, r]);
  const slow = `$add(${l.js}, ${asValue(r)})`;
  // The test of the type stands in the text, so that each place has a profile of its own; long texts are not doubled.
  if (!isCell(l) || r.js.length > DOUBLED_AT_MOST) return code('any', slow, [l, r]);
  return code('any', `(typeof ${l.js} === "number" ? (${l.js} + ${asInt({ ...r, selval: false })} | 0) : ${slow})`, [
    l,
    r,
  ]);
}

const DOUBLED_AT_MOST = 160;

function equality(op: '==' | '!=', l: Code, r: Code): Code {
  const not = op === '!=';
  const fails = selvalFails([l, r]);
  if ('fallible' in fails) return code('bool', '$fail()', [l, r], fails);
  const sign = not ? '!==' : '===';
  if (l.type === 'int' || l.type === 'bool') return code('bool', `(${asInt(l)} ${sign} ${asInt(r)})`, [l, r]);
  if (l.type === 'str') return code('bool', `(${l.js} ${sign} ${asText(r)})`, [l, r]);
  const slow = `${not ? '!' : ''}$eq(${l.js}, ${asValue(r)})`;
  const type = r.type === 'str' ? 'string' : r.type === 'any' ? undefined : 'number';
  if (type === undefined || !isCell(l) || r.js.length > DOUBLED_AT_MOST) return code('bool', slow, [l, r]);
  return code('bool', `(typeof ${l.js} === "${type}" ? ${l.js} ${sign} ${asValue(r)} : ${slow})`, [l, r]);
}

function nullTest(e: BinaryExpr, scope: Scope): Code {
  const l = expression(e.left, scope);
  if (e.op === '==' || e.op === 'eq' || e.op === 'ieq' || e.op === '=~') {
    return code('bool', l.type === 'any' ? `$N(${l.js})` : `(${asValue(l)}, false)`, [l]);
  }
  if (e.op === '!=' || e.op === 'ne' || e.op === 'ine') {
    return code('bool', l.type === 'any' ? `!$N(${l.js})` : `(${asValue(l)}, true)`, [l]);
  }
  const r = code('any', 'null');
  if (e.op === '+') return sum(l, r);
  const plain: BinaryExpr = { ...e, right: { kind: 'number', value: 0, text: '0', span: e.right.span } };
  return operator(plain, scope);
}

function match(e: BinaryExpr, scope: Scope): Code {
  const l = expression(e.left, scope);
  const source = constantValue(e.right);
  if (source === undefined) {
    const r = expression(e.right, scope);
    return code('bool', `$match(${asText(l)}, ${asText(r)})`, [l, r], { fallible: true });
  }
  const re = compileRegex(`${source}`, { ignoreCase: true });
  if ('error' in re) {
    scope.unit.problems.push(problem('bad-regex', { text: `${source}`, why: re.error }, e.right.span));
    return code('bool', 'false');
  }
  return code('bool', `${scope.unit.emitter.constant(re.ok)}.test(${asText(l)})`, [l]);
}
