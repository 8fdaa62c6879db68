/** The lint rules, one file each, and what runs them. */
import type { Problem, Severity } from '../../parser/problem.js';
import type { Program } from '../program.js';
import { armedAfterRelay } from './armed-after-relay.js';
import { armedRouteMissing } from './armed-route-missing.js';
import { assignmentInCondition } from './assignment-in-condition.js';
import { caseFallsThrough } from './case-falls-through.js';
import { comparedWithItself } from './compared-with-itself.js';
import { constantCondition } from './constant-condition.js';
import { controlSocketOpen } from './control-socket-open.js';
import { defaultPassword } from './default-password.js';
import { deprecatedName } from './deprecated-name.js';
import { dotInAddressPattern } from './dot-in-address-pattern.js';
import { duplicateCondition } from './duplicate-condition.js';
import { emptyBranch } from './empty-branch.js';
import { emptyRoute } from './empty-route.js';
import { endlessLoop } from './endless-loop.js';
import { eventRouteShadowed } from './event-route-shadowed.js';
import { eventRouteSpelling } from './event-route-spelling.js';
import { eventRouteUnknown } from './event-route-unknown.js';
import { execUnescaped } from './exec-unescaped.js';
import { failureWithoutCancelCheck } from './failure-without-cancel-check.js';
import { flagNeverSet } from './flag-never-set.js';
import { flagNeverTested } from './flag-never-tested.js';
import { headerWithoutLineEnd } from './header-without-line-end.js';
import { kdmqNotHandled } from './kdmq-not-handled.js';
import { kdmqWithoutCheck } from './kdmq-without-check.js';
import { logWithoutNewline } from './log-without-newline.js';
import { methodUnknown } from './method-unknown.js';
import { moduleNeverUsed } from './module-never-used.js';
import { noMaxfwdCheck } from './no-maxfwd-check.js';
import { nsqWithoutFallback } from './nsq-without-fallback.js';
import { oldTlsMethod } from './old-tls-method.js';
import { parameterSetTwice } from './parameter-set-twice.js';
import { readBeforeWrite } from './read-before-write.js';
import { recordRouteUnused } from './record-route-unused.js';
import { relayAfterReply } from './relay-after-reply.js';
import { relayResultIgnored } from './relay-result-ignored.js';
import { relaysForAll } from './relays-for-all.js';
import { replyInRequestRoute } from './reply-in-request-route.js';
import { returnZero } from './return-zero.js';
import { routeLoop } from './route-loop.js';
import { routeNotArmed } from './route-not-armed.js';
import { rpcOpenToAll } from './rpc-open-to-all.js';
import { type Finding, LintScript, type Rule } from './rule.js';
import { saveWithoutAuth } from './save-without-auth.js';
import { sqlUnescaped } from './sql-unescaped.js';
import { statelessReplyInTransaction } from './stateless-reply-in-transaction.js';
import { statusNeverMatches } from './status-never-matches.js';
import { statusOutOfRange } from './status-out-of-range.js';
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
  constantCondition,
  controlSocketOpen,
  defaultPassword,
  deprecatedName,
  dotInAddressPattern,
  duplicateCondition,
  emptyBranch,
  emptyRoute,
  endlessLoop,
  eventRouteShadowed,
  eventRouteSpelling,
  eventRouteUnknown,
  execUnescaped,
  failureWithoutCancelCheck,
  flagNeverSet,
  flagNeverTested,
  headerWithoutLineEnd,
  kdmqNotHandled,
  kdmqWithoutCheck,
  logWithoutNewline,
  methodUnknown,
  moduleNeverUsed,
  noMaxfwdCheck,
  nsqWithoutFallback,
  oldTlsMethod,
  parameterSetTwice,
  readBeforeWrite,
  recordRouteUnused,
  relayAfterReply,
  relayResultIgnored,
  relaysForAll,
  replyInRequestRoute,
  returnZero,
  routeLoop,
  routeNotArmed,
  rpcOpenToAll,
  saveWithoutAuth,
  sqlUnescaped,
  statelessReplyInTransaction,
  statusNeverMatches,
  statusOutOfRange,
  unreachableStatement,
  unusedRoute,
  variableNeverRead,
  variableNeverWritten,
];

/** What a rule counts as; `off`: it does not run. */
export type RuleLevel = Severity | 'off';

export interface LintOptions {
  readonly rules?: readonly Rule[];
  /** In place of the rules' own severities, by code; `*` for all others. */
  readonly levels?: ReadonlyMap<string, RuleLevel>;
}

/** What the rules find in a script that compiles, in the order of the text, less what its comments suppress. */
export function lint(program: Program, { rules = RULES, levels }: LintOptions = {}): Problem[] {
  const on = new LintScript(program);
  const isSuppressed = suppressions(program.script);
  const problems = rules.flatMap((rule) => {
    const severity = levels?.get(rule.code) ?? levels?.get('*') ?? rule.severity;
    return severity === 'off' ? [] : [...rule.check(on)].map((found) => problemOf(rule, severity, found));
  });
  return problems.filter((p) => !isSuppressed(p)).sort((a, b) => a.span.order - b.span.order);
}

function problemOf(rule: Rule, severity: Severity, { span, message, hint }: Finding): Problem {
  return { severity, code: rule.code, message, span, phase: 'parse', ...(hint === undefined ? {} : { hint }) };
}
