/** tm: stateful forwarding (RFC 3261, 16 and 17). What a script sees; the work is in the files beside. */
import { redirectContact } from '../../runtime/destination-set.js';
import { defineModule, needsNoRun } from '../../runtime/module.js';
import { functions, scriptReply } from './functions.js';
import { relayFunctions } from './functions-relay.js';
import { settingFunctions } from './functions-settings.js';
import { makeTagPrefix, tagOf } from './local-reply.js';
import { transactionOf } from './match.js';
import { tmParams, tmSettings } from './params.js';
import { replyReceived } from './receive-reply.js';
import { finishRun } from './relay.js';
import { rpc } from './rpc.js';
import { selects } from './selects.js';
import { Tm } from './state.js';
import { branchTimeout } from './timeout.js';
import { destroy } from './timers.js';

export const tm = defineModule({
  name: 'tm',
  doc: 'Stateful forwarding: transactions, retransmission, forking, CANCEL and failure routes (RFC 3261, 16 and 17).',
  params: tmParams,
  settings: tmSettings,
  functions: { ...functions, ...relayFunctions, ...settingFunctions },
  rpc,
  selects,
  events: {
    'tm:local-request': 'Each request that tm builds itself, ACK and CANCEL excepted; edits count.',
    'tm:local-response': 'Each reply that tm makes itself, after it was sent.',
    'tm:branch-failure:*': 'A branch failed, where t_on_branch_failure() named this event.',
  },
  missing: ['t_write_req', 't_write_unix', 't_relay_to_sctp', 't_forward_nonack_sctp', 't_replicate_sctp', 'tw_append'],
  start(host) {
    const state = new Tm(host);
    state.branchTimeout = (t, b) => branchTimeout(state, t, b);
    host.hooks.afterRequest.push(needsNoRun((ctx) => finishRun(state, ctx)));
    host.hooks.onReply.push((ctx) => replyReceived(state, ctx));
    // send_reply() does not look for a transaction: it takes the one the run has
    host.hooks.statefulReply = (ctx, code, reason) =>
      transactionOf(ctx) === null ? undefined : scriptReply(ctx, code, reason);
    host.hooks.replyTag = (ctx) => {
      const t = transactionOf(ctx);
      return t === null ? undefined : tagOf(state, t, ctx.msg);
    };
    return state;
  },
  ready(_host, state) {
    const own = state as Tm;
    own.tagPrefix = makeTagPrefix(own);
    own.redirectContacts = redirectContact;
  },
  stop(_host, state) {
    const own = state as Tm;
    for (const t of [...own.byLabel.values()]) destroy(own, t);
  },
});
