/** KDMQ requests as they come in: who may send them, what is done at once and what by the pool, and their answers. */
import type { Context } from '../../runtime/context.js';
import { type Hooks, LEVEL } from '../../runtime/host.js';
import { replyStateless } from '../../runtime/replies.js';
import { topVia } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import { Access } from './access.js';
import { ApplyQueue } from './apply-queue.js';
import type { Bus } from './bus.js';
import { type CustomMessage, customContext } from './custom.js';
import { remembered } from './memo.js';
import { nodeKey } from './nodes.js';
import { ACCEPTED, BAD_REQUEST, FAILED, OK, type Peer, type PeerReply } from './peer.js';
import { plansOf } from './plans.js';
import type { Plan } from './protocol.js';
import { Seen, type Transaction, transaction } from './seen.js';
import { LONG, type ShortMessage, ShortWay } from './short-way.js';

/** Jobs that may wait for the pool: what comes beyond is not answered, and comes again. */
const MAX_WAITING = 20_000;
/** ms between two log lines about strangers. */
const STRANGER_LOG = 10_000;
/** Bodies up to this are read at once: handing one to the pool costs this thread more than reading it. */
const SHORT = 2_000;
/** Over UDP the bodies of a synchronisation too: datagrams of the bus are taken in slices of time (server/patient.ts). */
const SHORT_UDP = 32_000;
/** Replies by the number under which a repeated request finds them; 0: not answered yet. */
const REPLIES: readonly (PeerReply | undefined)[] = [undefined, OK, BAD_REQUEST, FAILED, ACCEPTED];

/** A piece of work for the script thread. */
interface Arrived {
  readonly ctx: Context;
  readonly peer: Peer;
  readonly plan: Plan;
  readonly more: boolean;
  /** Its transaction, where it has one that may be repeated. */
  readonly id: Transaction | undefined;
}

const userOf = remembered((uri) => parseUri(uri)?.user ?? '');

export class Reception {
  readonly #bus: Bus;
  readonly #seen: Seen;
  readonly #short: ShortWay;
  readonly #queue = new ApplyQueue<Arrived>((a) => this.#apply(a.ctx, a.peer, a.plan, a.more, a.id));
  #access: Access;
  #strangerLogged = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#seen = new Seen(() => bus.host.clock.now());
    this.#short = new ShortWay(bus.host, (m) => this.#takeShort(m));
    this.#access = accessOf(bus);
  }

  /** Datagrams with bus messages wait for the others (server/patient.ts). */
  get mayWait(): NonNullable<Hooks['mayWait']> {
    return {
      is: isBusMessage,
      take: (text, from) => this.#short.take(text, from),
      dropped: () => {
        this.#bus.metrics.refused++;
      },
    };
  }

  /** After a change of the parameters. */
  reconfigured(): void {
    this.#access = accessOf(this.#bus);
  }

  /** dmq_handle_message(): false is an error, and then nothing was answered. */
  handle(ctx: Context): boolean {
    if (this.#bus.pool === undefined) return false;
    const peer = this.#peerOf(ctx);
    if (typeof peer === 'boolean') return peer;
    if (this.#bus.pool.pending > MAX_WAITING) {
      this.#bus.metrics.refused++;
      return true;
    }
    const id = transactionOf(ctx, peer);
    if (id !== undefined && this.#isRepeated(ctx, id)) return true;
    const { body } = ctx.msg;
    const short = ctx.msg.received.proto === 'udp' ? SHORT_UDP : SHORT;
    // Behind a long one that the pool has in hand a short one waits its turn.
    if (body.length <= short && this.#bus.pool.pending === 0 && this.#queue.length === 0) {
      this.#applyNow(ctx, peer, body, id);
      return true;
    }
    const { srcIp, srcPort } = ctx.msg.received;
    this.#bus.pool.run(`${srcIp}:${srcPort} ${peer.name}`, { kind: peer.kind, body }, (plan, more) =>
      this.#queue.push({ ctx, peer, plan, more, id }),
    );
    return true;
  }

  /** handle() for a message on the short way. */
  #takeShort(m: ShortMessage): PeerReply | undefined | typeof LONG {
    const { pool, metrics } = this.#bus;
    if (pool === undefined || pool.pending > 0 || this.#queue.length > 0 || m.body.length > SHORT_UDP) return LONG;
    const peer = this.#bus.modulePeer(userOf(m.uri));
    if (peer?.applyStamped === undefined || !this.#access.allows(m.ip)) return LONG;
    this.#short.begin(m);
    metrics.received(peer.name);
    const known = this.#seen.check(m.id, 0);
    if (known >= 0) {
      metrics.repeated++;
      return REPLIES[known];
    }
    const node = this.#bus.nodeOf(m.from, m.isStamped);
    const stamp = node?.kamscript === true ? m.stamp : 0;
    let reply: PeerReply = BAD_REQUEST;
    for (const plan of plansOf({ kind: peer.kind, body: m.body }))
      reply = plan.kind === 'unusable' ? BAD_REQUEST : peer.applyStamped(stamp, plan, node);
    this.#seen.set(m.id, Math.max(REPLIES.indexOf(reply), 0));
    return reply;
  }

  #applyNow(ctx: Context, peer: Peer, body: string, id: Transaction | undefined): void {
    const plans = plansOf({ kind: peer.kind, body });
    const last = plans.length - 1;
    for (let i = 0; i <= last; i++) this.#apply(ctx, peer, plans[i]!, i < last, id);
  }

  /** dmq_process_message(): the same, at once. */
  process(ctx: Context): boolean {
    const peer = this.#peerOf(ctx);
    if (typeof peer === 'boolean') return peer;
    const id = transactionOf(ctx, peer);
    if (id === undefined || !this.#isRepeated(ctx, id)) this.#applyNow(ctx, peer, ctx.msg.body, id);
    return true;
  }

  /** dmq_process_custom(), and dmq_handle_custom() where `later`: as if it had come from a node, but nobody is answered. */
  custom(ctx: Context, given: CustomMessage, later: boolean): boolean {
    const { pool, host, nodes } = this.#bus;
    const peer = this.#bus.peer(ctx, given.peer);
    const own = peer && customContext(ctx, given, this.#bus.locals[0]!);
    if (peer === undefined || own === undefined || (later && pool === undefined)) return false;
    const key = nodeKey(given.node);
    const apply = (plan: Plan) => {
      if (plan.kind !== 'unusable') peer.apply(own, plan, key && nodes.find(key));
    };
    const work = { kind: peer.kind, body: given.body };
    if (later) pool!.run(`custom ${peer.name}`, work, (plan) => host.turns.run(() => apply(plan)));
    else for (const plan of plansOf(work)) apply(plan);
    return true;
  }

  /** The peer that the request URI names; true: it was answered already, false: an error. */
  #peerOf(ctx: Context): Peer | boolean {
    const name = userOf(ctx.msg.uri);
    if (name === '') return false;
    if (!this.#access.allows(ctx.msg.received.srcIp)) return this.#stranger(ctx);
    const peer = this.#bus.peer(ctx, name);
    this.#bus.metrics.received(peer === undefined ? '(unknown)' : name);
    if (peer !== undefined) return peer;
    replyStateless(ctx, 404, 'User Not Found');
    return true;
  }

  #stranger(ctx: Context): true {
    this.#bus.metrics.strangers++;
    const now = this.#bus.host.clock.now();
    if (now - this.#strangerLogged > STRANGER_LOG) {
      this.#strangerLogged = now;
      const { srcIp } = ctx.msg.received;
      this.#bus.log(
        LEVEL.WARN,
        `KDMQ from ${srcIp} refused: no node of the bus; modparam("dmq", "accept_from", "${srcIp}") lets it in`,
      );
    }
    replyStateless(ctx, 403, 'Forbidden');
    return true;
  }

  /** Was it seen before? Then it is answered as it was then. */
  #isRepeated(ctx: Context, id: Transaction): boolean {
    const known = this.#seen.check(id, 0);
    if (known < 0) return false;
    this.#bus.metrics.repeated++;
    const reply = REPLIES[known];
    if (reply !== undefined) answer(ctx, reply);
    return true;
  }

  #apply(ctx: Context, peer: Peer, plan: Plan, more: boolean, id: Transaction | undefined): void {
    const node = this.#bus.senderOf(ctx);
    const reply = plan.kind === 'unusable' ? BAD_REQUEST : peer.apply(ctx, plan, node);
    if (more || reply === undefined) return;
    if (id !== undefined) this.#seen.set(id, Math.max(REPLIES.indexOf(reply), 0));
    answer(ctx, reply);
  }
}

const METHOD = 'KDMQ ';

function isBusMessage(data: Buffer | string): boolean {
  if (typeof data === 'string') return data.startsWith(METHOD);
  return data[0] === METHOD.charCodeAt(0) && data.toString('latin1', 0, METHOD.length) === METHOD;
}

function accessOf(bus: Bus): Access {
  return new Access(bus.settings.acceptFrom, (ip) => bus.isNode(ip));
}

/** Over UDP a request may be repeated, and is told by its branch; the list of nodes is taken in anew each time. */
function transactionOf(ctx: Context, peer: Peer): Transaction | undefined {
  const { proto, srcIp, srcPort } = ctx.msg.received;
  if (peer.kind === 'list' || proto !== 'udp') return undefined;
  const branch = topVia(ctx.msg)?.branch;
  return branch?.startsWith('z9hG4bK') ? transaction(branch, srcIp, srcPort) : undefined;
}

function answer(ctx: Context, reply: PeerReply): void {
  replyStateless(ctx, reply.code, reply.reason, reply.body ? { body: { ...reply.body } } : {});
}
