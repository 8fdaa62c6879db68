/** Functions of the script that set something for the transaction, be it there already or not. */
import type { Context } from '../../runtime/context.js';
import { fn, int, raw } from '../../runtime/module.js';
import { routeName } from './args.js';
import { transactionOf } from './match.js';
import { paramsOf, type TmParams } from './params.js';
import { setFlag, settingsOf } from './settings.js';
import { tmOf } from './state.js';
import { setFinalTimer } from './timers.js';
import { T } from './transaction.js';

const SETTERS = ['request', 'failure', 'tm-reply', 'branch'] as const;

type RouteSetting = 'onFailure' | 'onReply' | 'onBranch' | 'onBranchFailure';

function routeSetter(
  field: RouteSetting,
  what: string,
  routes: readonly ('request' | 'failure' | 'tm-reply' | 'branch')[],
) {
  return fn({
    doc: `Sets the ${what} of the branches to come; "0" unsets it. The last one set counts.`,
    args: [routeName('route')],
    routes,
    run(ctx, _p: unknown, name) {
      settingsOf(ctx)[field] = name;
      return 1;
    },
  });
}

function flagSetter(doc: string, flag: number, set: boolean) {
  return fn({
    doc,
    args: [int('on')],
    routes: SETTERS,
    run(ctx, _p: unknown, on) {
      setFlag(ctx, flag, set === (on !== 0));
      return 1;
    },
  });
}

/** Timers of branches that wait are set anew: `inv` where a provisional reply came, `fr` where none did. */
export function setFr(ctx: Context, inv: number, fr: number): number {
  const settings = settingsOf(ctx);
  if (inv > 0) settings.frInvMs = inv;
  if (fr > 0) settings.frMs = fr;
  const t = transactionOf(ctx);
  if (t === null) return 1;
  const tm = tmOf(ctx.host);
  for (const b of t.branches) {
    if (b.fr === null || b.lastReceived >= 200) continue;
    const ms = b.lastReceived >= 100 && t.isInvite ? inv : fr;
    if (ms > 0) setFinalTimer(tm, t, b, ms);
  }
  return 1;
}

const SET_NAMES: Readonly<Record<string, RouteSetting>> = {
  branch_route: 'onBranch',
  failure_route: 'onFailure',
  onreply_route: 'onReply',
};

export const settingFunctions = {
  t_on_failure: routeSetter('onFailure', 'failure_route', SETTERS),
  t_on_branch_failure: routeSetter('onBranchFailure', 'event_route[tm:branch-failure:…]', SETTERS),
  t_on_reply: routeSetter('onReply', 'onreply_route', SETTERS),
  t_on_branch: routeSetter('onBranch', 'branch_route', ['request', 'failure']),
  t_is_set: fn({
    doc: 'Is a "branch_route", "failure_route" or "onreply_route" set?',
    args: [raw('what')],
    check: ([what]) =>
      what?.kind === 'constant' && SET_NAMES[what.text] === undefined
        ? `unknown kind of route '${what.text}'`
        : undefined,
    run: (ctx, _p: unknown, what) => (settingsOf(ctx)[SET_NAMES[what] ?? 'onFailure'] !== '' ? 1 : -1),
  }),
  t_set_fr: fn({
    doc: 'Timers in ms: after a provisional reply to INVITE, and before any reply. 0 leaves one as it is.',
    args: [int('fr_inv_timer'), { ...int('fr_timer'), optional: true } as const],
    routes: SETTERS,
    run: (ctx, _p: unknown, inv, fr) => setFr(ctx, inv, fr ?? 0),
  }),
  t_reset_fr: fn({
    doc: "Takes the module's timers again.",
    args: [],
    routes: SETTERS,
    run(ctx) {
      const params = paramsOf(ctx.program);
      const code = setFr(ctx, params.fr_inv_timer, params.fr_timer);
      Object.assign(settingsOf(ctx), { frMs: 0, frInvMs: 0 });
      return code;
    },
  }),
  t_set_retr: fn({
    doc: 'Retransmission intervals in ms, first and longest; 0 leaves one as it is.',
    args: [int('retr_timer1'), int('retr_timer2')],
    routes: SETTERS,
    run(ctx, _p: unknown, first, longest) {
      const settings = settingsOf(ctx);
      if (first > 0) settings.retr1Ms = first;
      if (longest > 0) settings.retr2Ms = longest;
      return 1;
    },
  }),
  t_reset_retr: fn({
    doc: "Takes the module's retransmission intervals again.",
    args: [],
    routes: SETTERS,
    run(ctx) {
      Object.assign(settingsOf(ctx), { retr1Ms: 0, retr2Ms: 0 });
      return 1;
    },
  }),
  t_set_max_lifetime: fn({
    doc: 'Longest life of the transaction in ms, for INVITE and for others; 0 leaves it as it is.',
    args: [int('invite'), int('other')],
    routes: SETTERS,
    run(ctx, params: TmParams, invite, other) {
      const settings = settingsOf(ctx);
      if (invite > 0) settings.lifeInvMs = invite;
      if (other > 0) settings.lifeNonInvMs = other;
      setLife(ctx, params);
      return 1;
    },
  }),
  t_reset_max_lifetime: fn({
    doc: "Takes the module's longest life again.",
    args: [],
    routes: SETTERS,
    run(ctx, params: TmParams) {
      Object.assign(settingsOf(ctx), { lifeInvMs: 0, lifeNonInvMs: 0 });
      setLife(ctx, params);
      return 1;
    },
  }),
  t_set_auto_inv_100: fn({
    doc: 'Is an INVITE answered with 100 when it is relayed?',
    args: [int('on')],
    routes: ['request'],
    run(ctx, _p: unknown, on) {
      setFlag(ctx, T.AUTO_INV_100, on !== 0);
      return 1;
    },
  }),
  t_set_disable_6xx: flagSetter('With 1 a 6xx does not end the other branches.', T.DISABLE_6XX, true),
  t_set_disable_failover: flagSetter('With 1 no further address of a host is tried.', T.DISABLE_FAILOVER, true),
  t_set_disable_internal_reply: flagSetter(
    'With 1 t_relay() does not reply by itself where it fails.',
    T.DISABLE_INTERNAL_REPLY,
    true,
  ),
  t_set_no_e2e_cancel_reason: flagSetter(
    "With 1 the caller's Reason is not copied to the CANCELs.",
    T.NO_E2E_CANCEL_REASON,
    true,
  ),
  t_disable_e2e_cancel_reason: flagSetter(
    "With 1 the caller's Reason is not copied to the CANCELs.",
    T.NO_E2E_CANCEL_REASON,
    true,
  ),
};

function setLife(ctx: Context, params: TmParams): void {
  const t = transactionOf(ctx);
  if (t === null) return;
  const { lifeInvMs, lifeNonInvMs } = t.settings;
  t.endOfLife =
    t.created + (t.isInvite ? lifeInvMs || params.max_inv_lifetime : lifeNonInvMs || params.max_noninv_lifetime);
}
