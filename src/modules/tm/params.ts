/** Parameters of the module, with the defaults of Kamailio 5.6.3 (times in ms). */
import { intParam, kemiParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export const tmParams = {
  fr_timer: intParam(30000, 'Time without any reply after which a branch fails with 408, ms.'),
  fr_inv_timer: intParam(120000, 'Time after a provisional reply to INVITE without a final one, ms.'),
  wt_timer: intParam(5000, 'Time that a transaction is kept after its end, ms.'),
  retr_timer1: intParam(500, 'First retransmission interval over UDP, ms.'),
  retr_timer2: intParam(4000, 'Greatest retransmission interval, ms.'),
  max_inv_lifetime: intParam(180000, 'Longest life of an INVITE transaction, ms.'),
  max_noninv_lifetime: intParam(32000, 'Longest life of other transactions, ms.'),
  noisy_ctimer: intParam(
    1,
    'Answer 408 to an INVITE without any reply (0: forget it silently where nobody would notice).',
  ),
  auto_inv_100: intParam(1, 'Answer a relayed INVITE with 100 at once.'),
  auto_inv_100_reason: strParam('trying -- your call is important to us', 'Reason of that 100.'),
  restart_fr_on_each_reply: intParam(1, 'Each provisional reply starts fr_inv_timer anew, repeated ones too.'),
  ruri_matching: intParam(1, 'Pre-RFC 3261 matching compares the Request-URI.'),
  via1_matching: intParam(1, 'Pre-RFC 3261 matching compares the top Via.'),
  callid_matching: intParam(0, 'Compare the Call-ID too; always done here, the key of a transaction contains it.'),
  callid_cseq_matching: intParam(0, 'A reply must have the Call-ID and CSeq of its transaction.'),
  pass_provisional_replies: intParam(0, 'Provisional replies of local transactions reach their owner.'),
  aggregate_challenges: intParam(1, 'All challenges of a fork go into one 401 or 407.'),
  unmatched_cancel: intParam(0, 'CANCEL without its INVITE: 0 relayed statefully, 1 statelessly, 2 dropped.'),
  default_code: intParam(500, 'Code of t_reply() where its argument is no number.'),
  default_reason: strParam('Server Internal Error', 'Reason of t_reply() where its argument has no value.'),
  reparse_invite: intParam(1, 'CANCEL and ACK are made from the INVITE sent (always so here).'),
  ac_extra_hdrs: strParam('', 'Headers beginning so are copied from the INVITE to its CANCEL and ACK.'),
  cancel_b_method: intParam(
    1,
    'Cancelled branch without any reply: 0 as if 487 had come, 1 keep sending, 2 CANCEL anyway.',
  ),
  on_sl_reply: strParam('', 'onreply_route for replies without a transaction.'),
  contacts_avp: strParam('', 'XAVP for t_load_contacts(); it must be set for the serial forking functions.'),
  contact_flows_avp: strParam('', 'XAVP for further flows of one instance.'),
  xavp_contact: strParam('', 'XAVP whose values go with the contacts.'),
  disable_6xx_block: intParam(0, 'A 6xx is a reply like others: it does not end the other branches.'),
  local_ack_mode: intParam(
    0,
    'ACK of a local INVITE: 0 as RFC 3261 says, 1 and 2 to where the INVITE or its reply went.',
  ),
  failure_reply_mode: intParam(
    3,
    'Replies of earlier steps after a serial one: 0 kept, 1 dropped always, 2 those of the last step, 3 where a branch was added.',
  ),
  faked_reply_prio: intParam(2000, 'Added to the rank of replies made here, greater is worse.'),
  remap_503_500: intParam(1, 'A relayed 503 becomes 500 (RFC 3261, 16.7).'),
  failure_exec_mode: intParam(
    0,
    'A branch that could not be sent waits for fr_timer and then fails with 408, in place of an error of t_relay().',
  ),
  dns_reuse_rcv_socket: intParam(0, 'Fail over to another address from the socket of the request.'),
  local_cancel_reason: intParam(1, 'Reason header in CANCELs made here.'),
  e2e_cancel_reason: intParam(1, "The caller's Reason headers go into the CANCELs made for its CANCEL."),
  relay_100: intParam(0, 'Relay 100 replies too.'),
  rich_redirect: intParam(0, '3xx made here: bit 1 adds branch flags, bit 2 adds path to the contacts.'),
  exec_time_check: intParam(5000, 'Accepted; no route here is timed by it.'),
  reply_relay_mode: intParam(1, 'A further 2xx after the end: 0 becomes the reply kept, 1 only passes.'),
  enable_uac_fr: intParam(0, '1: requests made here may have failure routes, set in event_route[tm:local-request].'),
  event_callback: kemiParam(),
  event_callback_lres_sent: kemiParam(),
  unix_tx_timeout: intParam(500, 'Accepted; t_write_unix() is not there.'),
  blst_503: intParam(0, '1: who answers 503 is avoided (with use_dst_blocklist) for the seconds of its Retry-After.'),
  blst_503_def_timeout: intParam(0, 'Seconds for a 503 without Retry-After; 0: such a one does not count.'),
  blst_503_min_timeout: intParam(0, 'Least seconds for a 503 with Retry-After.'),
  blst_503_max_timeout: intParam(3600, 'Most seconds for a 503 with Retry-After.'),
  blst_methods_add: intParam(
    1,
    'Methods whose requests make a next hop avoided that does not answer: bits, 1 is INVITE.',
  ),
  blst_methods_lookup: intParam(-9, 'Methods whose requests go to no next hop that is avoided: bits; all but BYE.'),
  reparse_on_dns_failover: intParam(1, 'The request is built anew for each address (always so here).'),
  fr_timer_avp: strParam(null, 'AVP with the fr_timer of this call in seconds, `$avp(name)`; t_set_fr() is better.'),
  fr_inv_timer_avp: strParam(null, 'AVP with the fr_inv_timer of this call in seconds.'),
} as const;

/** Those that cfg.set may change while the server runs: the group tm of 5.6.3, less what only 0 is taken for. */
export const tmSettings = [
  'auto_inv_100_reason',
  'default_reason',
  'ac_extra_hdrs',
  'ruri_matching',
  'via1_matching',
  'callid_matching',
  'callid_cseq_matching',
  'fr_timer',
  'fr_inv_timer',
  'wt_timer',
  'retr_timer1',
  'retr_timer2',
  'max_inv_lifetime',
  'max_noninv_lifetime',
  'noisy_ctimer',
  'auto_inv_100',
  'unix_tx_timeout',
  'restart_fr_on_each_reply',
  'pass_provisional_replies',
  'aggregate_challenges',
  'unmatched_cancel',
  'default_code',
  'reparse_invite',
  'cancel_b_method',
  'reparse_on_dns_failover',
  'disable_6xx_block',
  'local_ack_mode',
  'local_cancel_reason',
  'e2e_cancel_reason',
  'relay_100',
  'blst_503',
  'blst_503_def_timeout',
  'blst_503_min_timeout',
  'blst_503_max_timeout',
  'blst_methods_add',
  'blst_methods_lookup',
] as const satisfies readonly (keyof typeof tmParams)[];

type Values<D> = {
  readonly [K in keyof D]: D[K] extends { readonly type: 'int' }
    ? number
    : K extends 'fr_timer_avp' | 'fr_inv_timer_avp'
      ? string | null
      : string;
};
export type TmParams = Values<typeof tmParams>;

/** The values that a script gave. */
export function paramsOf(program: Program): TmParams {
  return program.params('tm') as unknown as TmParams;
}
