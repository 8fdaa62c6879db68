/** The lint rules, one file each, and what runs them. */
import type { Problem } from '../../parser/problem.js';
import type { Program } from '../program.js';
import { armedAfterRelay } from './armed-after-relay.js';
import { armedRouteMissing } from './armed-route-missing.js';
import { assignmentInCondition } from './assignment-in-condition.js';
import { caseFallsThrough } from './case-falls-through.js';
import { comparedWithItself } from './compared-with-itself.js';
import { deprecatedName } from './deprecated-name.js';
import { duplicateCondition } from './duplicate-condition.js';
import { emptyBranch } from './empty-branch.js';
import { endlessLoop } from './endless-loop.js';
import { eventRouteShadowed } from './event-route-shadowed.js';
import { eventRouteSpelling } from './event-route-spelling.js';
import { eventRouteUnknown } from './event-route-unknown.js';
import { kdmqNotHandled } from './kdmq-not-handled.js';
import { kdmqWithoutCheck } from './kdmq-without-check.js';
import { logWithoutNewline } from './log-without-newline.js';
import { noMaxfwdCheck } from './no-maxfwd-check.js';
import { parameterSetTwice } from './parameter-set-twice.js';
import { relayResultIgnored } from './relay-result-ignored.js';
import { replyInRequestRoute } from './reply-in-request-route.js';
import { returnZero } from './return-zero.js';
import { routeLoop } from './route-loop.js';
import { routeNotArmed } from './route-not-armed.js';
import { rpcOpenToAll } from './rpc-open-to-all.js';
import { LintScript, type Rule } from './rule.js';
import { saveWithoutAuth } from './save-without-auth.js';
import { suppressions } from './suppress.js';
import { unreachableStatement } from './unreachable-statement.js';
import { unusedRoute } from './unused-route.js';
import { variableNeverRead } from './variable-never-read.js';
import { variableNeverWritten } from './variable-never-written.js';

export type { Rule } from './rule.js';

export const RULES: readonly Rule[] = [
  armedAfterRelay,
  armedRouteMissing,
  assignmentInCondition,
  caseFallsThrough,
  comparedWithItself,
  deprecatedName,
  duplicateCondition,
  emptyBranch,
  endlessLoop,
  eventRouteShadowed,
  eventRouteSpelling,
  eventRouteUnknown,
  kdmqNotHandled,
  kdmqWithoutCheck,
  logWithoutNewline,
  noMaxfwdCheck,
  parameterSetTwice,
  relayResultIgnored,
  replyInRequestRoute,
  returnZero,
  routeLoop,
  routeNotArmed,
  rpcOpenToAll,
  saveWithoutAuth,
  unreachableStatement,
  unusedRoute,
  variableNeverRead,
  variableNeverWritten,
];

/** What the rules find in a script that compiles, in the order of the text, less what its comments suppress. */
export function lint(program: Program, rules: readonly Rule[] = RULES): Problem[] {
  const on = new LintScript(program);
  const isSuppressed = suppressions(program.script);
  const problems = rules.flatMap((rule) =>
    [...rule.check(on)].map(
      ({ span, message, hint }): Problem => ({
        severity: rule.severity,
        code: rule.code,
        message,
        span,
        phase: 'parse',
        ...(hint === undefined ? {} : { hint }),
      }),
    ),
  );
  return problems.filter((p) => !isSuppressed(p)).sort((a, b) => a.span.order - b.span.order);
}
