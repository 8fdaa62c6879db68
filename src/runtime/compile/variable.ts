/** Variables and selects in expressions and as targets. */
import type { SelectExpr, VariableExpr } from '../../parser/tree.js';
import { bindSelect, bindVariable } from '../format.js';
import type { PvAccessor } from '../module.js';
import { asInt, asText, asValue, type Code, code } from './code.js';
import { problem } from './problems.js';
import { bindEnv, type Scope } from './unit.js';

const READS_NOTHING: PvAccessor = { get: () => null };

export function accessorOf(e: VariableExpr, scope: Scope): PvAccessor {
  if (/^\$\(?shv\(/.test(e.text) && e.span.order < scope.unit.sharedFrom) {
    const hint =
      'Kamailio can read $shv outside quotes only after the first modparam or route block: put a modparam line before';
    scope.unit.problems.push(problem('no-shared-memory', { name: e.text }, e.span, { hint }));
  }
  const found = bindVariable(e.text, bindEnv(scope, e.span));
  if ('ok' in found) return found.ok;
  const extra = found.hint ? { hint: found.hint } : {};
  // The binder says it in Kamailio's words where there are any.
  const own = found.error.startsWith("Can't get from cache");
  const values = { text: own ? found.error : `Can't get from cache: ${e.text}: ${found.error}` };
  scope.unit.problems.push(problem('unknown-variable', values, e.span, extra));
  return READS_NOTHING;
}

export function variableCode(e: VariableExpr, scope: Scope): Code {
  const accessor = accessorOf(e, scope);
  const { emitter } = scope.unit;
  if (accessor.cell) return code('any', `${emitter.constant(accessor.cell)}.v`, [], { variable: true });
  const type = accessor.type === 'int' ? 'int' : accessor.type === 'string' ? 'str' : 'any';
  return code(type, `${emitter.constant(accessor.get)}(c)`, [], { variable: true });
}

export function selectCode(e: SelectExpr, scope: Scope): Code {
  const found = bindSelect(e.text, bindEnv(scope, e.span));
  if ('error' in found) {
    const extra = found.hint ? { hint: found.hint } : {};
    scope.unit.problems.push(problem('unknown-select', { name: e.text, why: found.error }, e.span, extra));
    return code('any', 'null');
  }
  return code('any', `${scope.unit.emitter.constant(found.ok)}(c)`);
}

/** Is the variable `$null` itself? `x == $null` asks whether x is defined. */
export function isNullVariable(e: VariableExpr): boolean {
  return e.text === '$null' || e.text === '$(null)';
}

/** JavaScript that stores `value` in the target; undefined when it cannot be one (problems were told). */
export function assignment(target: VariableExpr | SelectExpr, value: Code, scope: Scope): string | undefined {
  const js = plainAssignment(target, value, scope);
  const { assigned, emitter } = scope.unit;
  if (js === undefined || assigned === undefined || target.kind === 'select') return js;
  const get = emitter.constant(accessorOf(target, scope).get);
  return `${js} ${emitter.constant(assigned)}(c, ${emitter.constant(target.text)}, ${get}(c));`;
}

function plainAssignment(target: VariableExpr | SelectExpr, value: Code, scope: Scope): string | undefined {
  const { unit } = scope;
  if (target.kind === 'select') {
    unit.problems.push(problem('select-target', {}, target.span));
    return undefined;
  }
  const before = unit.problems.length;
  const accessor = accessorOf(target, scope);
  if (unit.problems.length > before) return undefined;
  if (accessor.cell) {
    const cell = `${unit.emitter.constant(accessor.cell)}.v`;
    if (value.type !== 'any') return `${cell} = ${asValue(value)}; r = 1;`;
    return `${cell} = ${accessor.nullable ? '$P' : '$S'}(${value.js}); r = 1;`;
  }
  if (accessor.set === undefined) {
    const transformed = target.text.startsWith('$(') && /\{\s*[A-Za-z]/.test(target.text);
    unit.problems.push(problem(transformed ? 'target-with-transformation' : 'read-only-target', {}, target.span));
    return undefined;
  }
  if (accessor.wantsText && value.variable) {
    return `r = ${unit.emitter.constant(accessor.set)}(c, $W(${value.js})) === false ? -1 : 1;`;
  }
  const plain = value.type === 'any' ? `$P(${value.js})` : value.type === 'str' ? asText(value) : asInt(value);
  return `r = ${unit.emitter.constant(accessor.set)}(c, ${plain}) === false ? -1 : 1;`;
}
