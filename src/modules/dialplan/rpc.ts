/** Management commands of dialplan. */
import { DbError } from '../../runtime/database.js';
import { type Host, LEVEL, type RpcCall, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { intArg, leadingArgs, takesTextAsZero } from '../../runtime/rpc.js';
import type { LengthRules, Rule } from './rules.js';
import { DIALPLAN } from './state.js';
import { translate } from './translate.js';

function planOf(host: Host, dpid: number): readonly LengthRules[] {
  const plan = host.state(DIALPLAN).plans.get(dpid);
  if (plan !== undefined) return plan;
  host.log.write(LEVEL.ERR, 'dialplan', `no information available for dpid ${dpid}\n`);
  throw new RpcFault(500, 'Dialplan ID not matched');
}

async function reload(host: Host): Promise<undefined> {
  const state = host.state(DIALPLAN);
  const now = Math.floor(host.clock.now() / 1000);
  const delta = state.params.reload_delta < 0 ? DEFAULT_DELTA : state.params.reload_delta;
  if (state.reloadedAt !== 0 && state.reloadedAt > now - delta) throw new RpcFault(500, 'ongoing reload');
  state.reloadedAt = now;
  try {
    await state.load();
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'dialplan', `failed to reload rules: ${e.message}\n`);
    throw new RpcFault(500, 'Dialplan Reload Failed');
  }
}

const DEFAULT_DELTA = 5;

/** The number of a plan, the first argument; undefined: there is none. Over JSON a text counts as 0. */
function planNumber(args: readonly RpcValue[], call: RpcCall | undefined): number | undefined {
  if (typeof args[0] === 'string' && takesTextAsZero(call)) return 0;
  return leadingArgs(args, (all, at) => (at === 0 ? intArg(all, at) : 0))[0];
}

function translation(host: Host, args: readonly RpcValue[], call?: RpcCall): RpcValue {
  const dpid = planNumber(args, call);
  const input = args[1];
  if (dpid === undefined || typeof input !== 'string') throw new RpcFault(500, 'Invalid parameters');
  const plan = planOf(host, dpid);
  if (input === '') throw new RpcFault(500, 'Empty input parameter');
  const found = translate(host, plan, input, undefined);
  if (found === undefined) throw new RpcFault(500, 'No translation');
  return { Output: found.output, Attributes: found.rule.attrs || null };
}

/** What is empty is null here. */
function entry(rule: Rule): RpcValue {
  return {
    ENTRY: {
      PRIO: rule.priority,
      MATCHOP: rule.matchOp,
      MATCHEXP: rule.matchExp || null,
      MATCHLEN: rule.matchLength,
      SUBSTEXP: rule.substExp || null,
      REPLEXP: rule.replExp || null,
      ATTRS: rule.attrs || null,
    },
  };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'dialplan.reload': { doc: 'Reload dialplan table from database', run: reload },
  'dialplan.translate': { doc: 'Perform dialplan translation', run: translation },
  'dialplan.dump': {
    doc: 'Dump dialplan content',
    run(host, args, call) {
      const dpid = planNumber(args, call);
      if (dpid === undefined) throw new RpcFault(500, 'Missing parameter');
      const plan = planOf(host, dpid);
      return { DPID: dpid, ENTRIES: plan.flatMap(({ rules }) => rules.map(entry)) };
    },
  },
};
