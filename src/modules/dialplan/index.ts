/** Kamailio's dialplan: rules of a table turn numbers and other texts into others. */
import { DbError } from '../../runtime/database.js';
import { addBranch } from '../../runtime/destination-set.js';
import { bindVariable } from '../../runtime/format.js';
import {
  defineModule,
  fn,
  forms,
  int,
  intParam,
  LEVEL,
  ROUTE,
  type RouteContext,
  str,
  strParam,
  toText,
} from '../../runtime/module.js';
import { branch } from '../../sip/message.js';
import { READ_URL } from '../sql/version.js';
import { type InOut, inOut, isStore, type Output, planNumber, target } from './args.js';
import { rpc } from './rpc.js';
import type { DialplanParams } from './rules.js';
import { DIALPLAN, DialplanState } from './state.js';
import { translate } from './translate.js';

const NO_PLAN = -2;
const NO_RULE = -1;
const NO_Q = -1;

function failed(ctx: RouteContext, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'dialplan', `${text}\n`);
  return -1;
}

/** Writes what a rule gave. */
function run(ctx: RouteContext, dpid: number, input: string, output: Output | undefined, wantsOutput = true): number {
  const state = ctx.host.state(DIALPLAN);
  const plan = state.plans.get(dpid);
  if (plan === undefined) return NO_PLAN;
  const found = translate(ctx.host, plan, input, ctx, wantsOutput);
  if (found === undefined) return NO_RULE;
  if (output !== undefined && found.output !== '') {
    const { variable, isTarget } = output;
    if (variable.set === undefined) {
      ctx.host.log.write(LEVEL.WARN, 'dialplan', 'target variable is read only - skipping setting its value\n');
    } else if (variable.set(ctx, found.output) === false) return failed(ctx, 'setting dst pseudo-variable failed');
    const branches = isTarget && state.params.append_branch !== 0 && ctx.routeType === ROUTE.FAILURE;
    if (branches && !addBranch(ctx, branch(ctx.msg.uri, { q: NO_Q })))
      return failed(ctx, 'append branch action failed');
  }
  if (state.attrs?.set?.(ctx, found.rule.attrs) === false) return failed(ctx, 'setting attr pseudo-variable failed');
  return 1;
}

function translateVariable(ctx: RouteContext, dpid: number, { input, output }: InOut): number {
  if (!ctx.host.state(DIALPLAN).plans.has(dpid)) return NO_PLAN;
  const value = input.get(ctx);
  if (value === null || value === undefined) return failed(ctx, 'no AVP, XAVP or SCRIPTVAR found (error in scripts)');
  return run(ctx, dpid, toText(value), output);
}

const columns = (name: string, what: string) => strParam(name, `Column with ${what}.`);

const TABLE = `modparam("dialplan", "db_url", "text:///tmp/dialplan")`;

export const dialplan = defineModule({
  name: 'dialplan',
  doc: 'Rules of a table turn numbers and other texts into others: several dial plans, each with a number. A rule matches by a text, a Perl-compatible regular expression or a shell pattern; another expression takes the text apart, and a replacement puts it together anew.',
  atStart: ['db_url'],
  params: {
    db_url: strParam(READ_URL, 'The database.'),
    table_name: strParam('dialplan', 'Table of the rules.', (text) =>
      text === '' ? 'invalid database table name' : undefined,
    ),
    dpid_col: columns('dpid', 'the number of the dial plan'),
    pr_col: columns('pr', 'the priority, by which rules are tried'),
    match_op_col: columns('match_op', 'the kind of match: 0 equal, 1 regular expression, 2 shell pattern'),
    match_exp_col: columns('match_exp', 'what must match'),
    match_len_col: columns('match_len', 'the length of texts that the rule is for; 0: any'),
    subst_exp_col: columns(
      'subst_exp',
      'the expression that takes the text apart; empty: the replacement is the output',
    ),
    repl_exp_col: columns('repl_exp', 'the replacement: text, \\1 for groups, \\u for the request URI, variables'),
    attrs_col: columns('attrs', 'attributes of the rule'),
    attrs_pvar: strParam(
      null,
      'AVP, XAVP or script variable that takes the attributes of the rule that matched.',
      (text) => (text === '' || isStore(text) ? undefined : 'invalid pvar name'),
    ),
    fetch_rows: intParam(1000, 'Rows fetched at once; without effect here.'),
    match_dynamic: intParam(
      0,
      '1: expressions may hold variables; $(avp(name)[+]) stands for each value of an AVP in turn.',
    ),
    append_branch: intParam(1, '0: no branch is added when a failure_route writes the request URI.'),
    reload_delta: intParam(5, 'Seconds that must lie between two dialplan.reload.'),
  },
  functions: {
    dp_translate: forms(
      fn({
        doc: 'Translates the user of the request URI by a dial plan. -1: no rule, -2: no such plan.',
        args: [planNumber],
        run: (ctx, _params: DialplanParams, dpid) => translateVariable(ctx, dpid, ctx.host.state(DIALPLAN).ownUser),
      }),
      fn({
        doc: 'Translates a variable into another (`$var(in)/$var(out)`, or `$var(in)` to set the attributes alone). -1: no rule, -2: no such plan.',
        args: [planNumber, inOut],
        example: `${TABLE}\nif (dp_translate("1", "$rU/$var(number)")) xlog("$rU is $var(number)\\n");`,
        run: (ctx, _params: DialplanParams, dpid, vars) => translateVariable(ctx, dpid, vars),
      }),
    ),
    dp_match: fn({
      doc: 'Looks for the rule of a text, and sets the attributes. -1: no rule, -2: no such plan.',
      args: [int('dpid'), str('text')],
      example: `${TABLE}\nmodparam("dialplan", "attrs_pvar", "$var(attrs)")\nif (dp_match("2", "$fU")) xlog("$var(attrs)\\n");`,
      run: (ctx, _params: DialplanParams, dpid, text) => run(ctx, dpid, text, undefined, false),
    }),
    dp_replace: fn({
      doc: 'Translates a text and writes it into a variable. -1: no rule, -2: no such plan.',
      args: [int('dpid'), str('text'), target],
      example: `${TABLE}\ndp_replace("1", "+49$rU", "$var(number)");`,
      run: (ctx, _params: DialplanParams, dpid, text, output) => run(ctx, dpid, text, output),
    }),
    dp_reload: fn({
      doc: 'Reads the rules from the database again.',
      args: [],
      waits: true,
      async run(ctx) {
        try {
          await ctx.host.state(DIALPLAN).load();
          return 1;
        } catch (e) {
          if (!(e instanceof DbError)) throw e;
          return failed(ctx, `failed to reload rules: ${e.message}`);
        }
      },
    }),
  },
  rpc,
  check({ attrs_pvar }, env) {
    if (typeof attrs_pvar !== 'string' || attrs_pvar === '') return [];
    const bound = bindVariable(attrs_pvar, env, { quoted: true });
    return 'error' in bound ? [bound.error] : [];
  },
  async start(host, params): Promise<DialplanState> {
    const state = new DialplanState(host, params as unknown as DialplanParams);
    await state.load();
    return state;
  },
  async reload(host, state, params) {
    const dialplans = state as DialplanState;
    dialplans.params = params as unknown as DialplanParams;
    await dialplans.load().catch((e: unknown) => {
      host.log.write(LEVEL.ERR, 'dialplan', `the rules stay as they were: ${e instanceof Error ? e.message : e}\n`);
    });
  },
});
