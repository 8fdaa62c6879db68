/** Transactions that the script marked with flags are accounted when they end. */
import { Context, ROUTE } from '../../runtime/context.js';
import type { Host } from '../../runtime/host.js';
import { contentLengthOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { directionOf, UPSTREAM } from '../rr/state.js';
import { onTransaction, reasonOf, replyTag, type TmEvent } from '../tm/api.js';
import { type AccParams, boundOf, paramsOf } from './params.js';
import { markUpstream, type Outcome, TITLE, writeLog, writeRowsLater } from './record.js';

function has(msg: SipMessage, flag: number): boolean {
  return flag >= 0 && ((msg.flags >>> flag) & 1) === 1;
}

const toLog = (msg: SipMessage, p: AccParams) => has(msg, p.log_flag);
const toDatabase = (msg: SipMessage, p: AccParams) => p.db_url !== null && has(msg, p.db_flag);
const isAccounted = (msg: SipMessage, p: AccParams) => toLog(msg, p) || toDatabase(msg, p);
const missedToLog = (msg: SipMessage, p: AccParams) => has(msg, p.log_missed_flag);
const missedToDatabase = (msg: SipMessage, p: AccParams) => p.db_url !== null && has(msg, p.db_missed_flag);
const isMissedWanted = (msg: SipMessage, p: AccParams) => missedToLog(msg, p) || missedToDatabase(msg, p);

/** Looks at each new transaction, and follows those that have one of the flags. */
export function accountTransactions(host: Host): void {
  onTransaction(host, (t, ctx) => {
    const params = paramsOf(t.program);
    const { msg } = ctx;
    if (msg.method === 'CANCEL' && params.report_cancels === 0) return;
    const prepared = params.acc_prepare_always !== 0 || has(msg, params.acc_prepare_flag);
    const missed = prepared || isMissedWanted(msg, params);
    if (!missed && !isAccounted(msg, params)) return;
    t.on('responseOut', (event) => replied(host, event));
    if (params.report_ack !== 0 && isAccounted(msg, params)) t.on('e2eAckIn', (event) => acknowledged(host, event));
    if (t.isInvite && missed) t.on('onFailure', (event) => void accountMissed(host, event, event.request));
    if (params.detect_direction === 0 || directionOf(ctx) !== UPSTREAM) return;
    markUpstream(msg);
    if (t.request !== null) markUpstream(t.request);
  });
}

/** A run that sees the request, with the URI of the branch whose reply counts. */
function inView(host: Host, event: TmEvent, msg: SipMessage, account: (ctx: Context) => void): void {
  const { t, code } = event;
  const branch = t.replyBranch >= 0 ? t.replyBranch : code >= 300 ? t.pickedBranch : -1;
  const ctx = runOf(host, event, msg);
  const uri = t.branches[branch]?.uri;
  if (uri === undefined) {
    account(ctx);
    return;
  }
  const { newUri, uriIsNew } = msg;
  msg.newUri = uri;
  account(ctx);
  msg.newUri = newUri;
  msg.uriIsNew = uriIsNew;
}

/** What a failure route sees of the reply is seen here too. */
function runOf(host: Host, { t, ctx: like }: TmEvent, msg: SipMessage): Context {
  const ctx = new Context(host, t.program, msg, like?.routeType ?? ROUTE.REQUEST, t.env);
  ctx.transaction = t;
  ctx.transactionSought = true;
  if (like !== undefined) {
    ctx.branchIndex = like.branchIndex;
    ctx.reply = like.reply;
  }
  return ctx;
}

function outcomeOf({ request, reply, code }: TmEvent, params: AccParams): Outcome {
  const tagged = reply ?? request;
  const header = params.reason_from_hf !== 0 ? reply?.firstValue(HDR.REASON)?.trim() : undefined;
  return {
    toTag: (tagged === null ? undefined : toOf(tagged)?.tag) ?? '',
    code: `${code}`,
    reason: header ?? (reply === null ? reasonOf(code) : reply.reason),
  };
}

function replied(host: Host, event: TmEvent): void {
  const { t, reply, code } = event;
  // a failure route has a copy, whose flags are not those of the transaction yet
  const request = event.ctx?.routeType === ROUTE.FAILURE ? t.request : event.request;
  if (request === null) return;
  const params = paramsOf(t.program);
  const local = t.isInvite && code >= 300 && isMissedWanted(request, params) && accountMissed(host, event, request);
  if (!counts(request, reply, code, params, boundOf(t.program).filtered)) return;
  const known = outcomeOf(event, params);
  const outcome = local && known.toTag === '' ? { ...known, toTag: replyTag(host, t, request) } : known;
  inView(host, event, request, (ctx) => {
    if (toLog(request, params)) writeLog(ctx, TITLE.ANSWERED, outcome);
    if (toDatabase(request, params)) writeRowsLater(ctx, boundOf(t.program).accTable(ctx), outcome);
  });
}

/** Is this a reply to account? */
function counts(
  request: SipMessage,
  reply: SipMessage | null,
  code: number,
  params: AccParams,
  filtered: ReadonlySet<number>,
): boolean {
  if (code >= 300) return has(request, params.failed_transaction_flag) && !filtered.has(code);
  if (!isAccounted(request, params)) return false;
  return code >= 200 || (params.early_media !== 0 && reply !== null && (contentLengthOf(reply) ?? 0) > 0);
}

/** The flags of missed calls are used up: the next attempt must set them again. True where the reply was made here. */
function accountMissed(host: Host, event: TmEvent, request: SipMessage | null): boolean {
  const { t, reply } = event;
  if (request === null) return false;
  const params = paramsOf(t.program);
  const log = missedToLog(request, params);
  const database = missedToDatabase(request, params);
  const known = outcomeOf(event, params);
  const outcome = reply === null && known.toTag === '' ? { ...known, toTag: replyTag(host, t, request) } : known;
  inView(host, event, request, (ctx) => {
    if (log) writeLog(ctx, TITLE.MISSED, outcome);
    if (database) writeRowsLater(ctx, boundOf(t.program).missedTable(ctx), outcome);
  });
  const used = (log ? 1 << params.log_missed_flag : 0) | (database ? 1 << params.db_missed_flag : 0);
  request.flags = (request.flags & ~used) >>> 0;
  return reply === null;
}

/** The ACK of a 2xx; the flags are those of its INVITE. */
function acknowledged(host: Host, event: TmEvent): void {
  const { t, request: ack } = event;
  if (ack === null || t.request === null) return;
  const params = paramsOf(t.program);
  const outcome = { toTag: toOf(ack)?.tag ?? '', code: `${t.status}`, reason: reasonOf(t.status) };
  const ctx = runOf(host, event, ack);
  if (toLog(t.request, params)) writeLog(ctx, TITLE.ACKED, outcome);
  if (toDatabase(t.request, params)) writeRowsLater(ctx, boundOf(t.program).accTable(ctx), outcome);
}
