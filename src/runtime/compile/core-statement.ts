/** Statements of the core other than route and leave. */
import type { CoreStatement } from '../../parser/tree.js';
import { CORE_STATEMENTS } from '../core/statements.js';
import { ROUTE } from '../module.js';
import { lateGetter } from './call.js';
import { asValue } from './code.js';
import { expression } from './expression.js';
import { problem } from './problems.js';
import { bindEnv, type Scope } from './unit.js';

/** What onsend_route admits (language.md, section 8). */
const IN_ONSEND = /^(log|setflag|resetflag|isflagset|set_forward_.*|set_reply_.*)$/;

/** JavaScript of its value; undefined when it cannot stand (the problem was told). */
export function coreStatementCode(e: CoreStatement, scope: Scope): string | undefined {
  const { problems, emitter } = scope.unit;
  const def = CORE_STATEMENTS[e.name];
  if (def === undefined) {
    problems.push(problem('core-statement', { name: e.name, why: 'not built in kamscript yet' }, e.span));
    return undefined;
  }
  if (scope.routeType === ROUTE.ONSEND && !IN_ONSEND.test(e.name)) {
    problems.push(problem('onsend-command', { name: e.name }, e.span));
    return undefined;
  }
  const env = bindEnv(scope, e.span);
  const expr = e.expr === undefined ? undefined : lateGetter(asValue(expression(e.expr, scope)), scope);
  const bound = def.bind(e.args, env, expr);
  if ('error' in bound) {
    const extra = bound.hint ? { hint: bound.hint } : {};
    problems.push(
      problem('core-statement', { name: e.name, why: bound.error }, e.span, {
        ...extra,
        ...(def.phase ? { phase: def.phase } : {}),
      }),
    );
    return undefined;
  }
  const js = `${emitter.constant(bound.ok)}(c)`;
  return def.waits?.(e.args) ? `(await $hold(c, ${js}))` : js;
}
