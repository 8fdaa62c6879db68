/** `@tm`, `@tm.uas.…`, `@tm.uac.…`: the transaction of the message (5.6.3's tm/select.c). */
import { type Context, ROUTE } from '../../runtime/context.js';
import type { SelectDefinition } from '../../runtime/module.js';
import { type Get, leaf, type Place, select, tree } from '../../runtime/selects/tree.js';
import { transactionOf } from './match.js';
import { type ClientBranch, FAKED, type Transaction } from './transaction.js';

const of =
  (get: (t: Transaction, ctx: Context) => string | number | null): Get =>
  (ctx) => {
    const t = transactionOf(ctx);
    const value = t === null ? null : get(t, ctx);
    return value === null ? null : `${value}`;
  };

/** 1 for the ACK of a negative reply whose retransmission had stopped already, else -1. */
function isRepeatedAck(t: Transaction, { msg }: Context): number {
  return msg.isRequest && msg.method === 'ACK' && t.status >= 300 && t.replyRetr === null ? 1 : -1;
}

const request = tree(
  of((t) => t.request?.text ?? null),
  { neg_ack_retransmission: leaf(of(isRepeatedAck)) },
);
const response = leaf(of((t) => t.replyText));

/** The branch whose reply runs the reply route. */
const branchOfReply = (t: Transaction, ctx: Context): ClientBranch | undefined =>
  (ctx.routeType & ROUTE.TM_ONREPLY) !== 0 ? t.branches[ctx.branchIndex] : undefined;

/** 1 where the branch had this status or a greater one already, else -1. */
function isRepeatedReply(t: Transaction, ctx: Context): number | null {
  const branch = branchOfReply(t, ctx);
  return branch === undefined ? null : ctx.msg.status <= branch.lastReceived ? 1 : -1;
}

/** A branch by its index, from 0. */
function branchPlace(index: number): Place {
  const branch = (get: (b: ClientBranch) => string | number | null) =>
    leaf(of((t) => (t.branches[index] === undefined ? null : get(t.branches[index]))));
  const reply = branch((b) => (b.reply === null || b.reply === FAKED ? null : b.reply.text));
  const sent = branch((b) => b.text);
  return tree(undefined, {
    status: branch((b) => b.lastReceived),
    uri: branch((b) => b.uri),
    response: reply,
    resp: reply,
    request: sent,
    req: sent,
  });
}

const uac = tree(undefined, {
  count: leaf(of((t) => t.branches.length)),
  relayed: leaf(of((t) => t.replyBranch)),
  last_status: leaf(of((t, ctx) => branchOfReply(t, ctx)?.lastReceived ?? null)),
  response_retransmission: leaf(of(isRepeatedReply)),
});

const root = tree((ctx) => (transactionOf(ctx) === null ? '0' : '1'), {
  method: leaf(of((t) => t.method)),
  uas: tree(undefined, {
    status: leaf(of((t) => t.status)),
    request,
    req: request,
    local_to_tag: leaf(of((t) => t.localTag)),
    response,
    resp: response,
  }),
  uac: (path) => (typeof path[0] === 'number' ? branchPlace(path[0])(path.slice(1)) : uac(path)),
});

export const selects: Readonly<Record<string, SelectDefinition>> = {
  tm: select(
    'Is there a transaction (1 or 0)? `.method`, `.uas` (`.status`, `.request`, `.response`, `.local_to_tag`), `.uac` (`.count`, `.relayed`, `.last_status`, `.response_retransmission`) and `.uac[i]` from 0 (`.status`, `.uri`, `.request`, `.response`).',
    root,
  ),
};
