/** KDMQ requests as they come in: who may send them, what is done at once and what by the pool, and their answers. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { replyStateless } from '../../runtime/replies.js';
import { topVia } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import { Access } from './access.js';
import { ApplyQueue } from './apply-queue.js';
import type { Bus } from './bus.js';
import { ACCEPTED, BAD_REQUEST, FAILED, OK, type Peer, type PeerReply } from './peer.js';
import { plansOf } from './plans.js';
import type { Plan } from './protocol.js';
import { type HashPair, hashOf, Seen } from './seen.js';

/** Jobs that may wait for the pool: what comes beyond is not answered, and comes again. */
const MAX_WAITING = 20_000;
/** ms between two log lines about strangers. */
const STRANGER_LOG = 10_000;
/** Bodies up to this are read at once: handing one to the pool costs this thread more than reading it. */
const SHORT = 2_000;
/** Replies by the number under which a repeated request finds them; 0: not answered yet. */
const REPLIES: readonly (PeerReply | undefined)[] = [undefined, OK, BAD_REQUEST, FAILED, ACCEPTED];

/** A piece of work for the script thread. */
interface Arrived {
  readonly ctx: Context;
  readonly peer: Peer;
  readonly plan: Plan;
  readonly more: boolean;
  /** Its transaction, where it has one that may be repeated. */
  readonly id: HashPair | undefined;
}

export class Reception {
  readonly #bus: Bus;
  readonly #seen: Seen;
  readonly #queue = new ApplyQueue<Arrived>((a) => this.#apply(a));
  #access: Access;
  #strangerLogged = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#seen = new Seen(() => bus.host.clock.now());
    this.#access = accessOf(bus);
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
    // Behind a long one that the pool has in hand a short one waits its turn.
    if (body.length <= SHORT && this.#bus.pool.pending === 0 && this.#queue.length === 0) {
      this.#applyNow(ctx, peer, body, id);
      return true;
    }
    const { srcIp, srcPort } = ctx.msg.received;
    this.#bus.pool.run(`${srcIp}:${srcPort} ${peer.name}`, { kind: peer.kind, body }, (plan, more) =>
      this.#queue.push({ ctx, peer, plan, more, id }),
    );
    return true;
  }

  #applyNow(ctx: Context, peer: Peer, body: string, id: HashPair | undefined): void {
    const plans = plansOf({ kind: peer.kind, body });
    for (let i = 0; i < plans.length; i++) this.#apply({ ctx, peer, plan: plans[i]!, more: i < plans.length - 1, id });
  }

  /** dmq_process_message(): the same, at once. */
  process(ctx: Context): boolean {
    const peer = this.#peerOf(ctx);
    if (typeof peer === 'boolean') return peer;
    const id = transactionOf(ctx, peer);
    if (id === undefined || !this.#isRepeated(ctx, id)) this.#applyNow(ctx, peer, ctx.msg.body, id);
    return true;
  }

  /** The peer that the request URI names; true: it was answered already, false: an error. */
  #peerOf(ctx: Context): Peer | boolean {
    const name = parseUri(ctx.msg.uri)?.user;
    if (name === null || name === undefined || name === '') return false;
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
  #isRepeated(ctx: Context, id: HashPair): boolean {
    const known = this.#seen.check(id, 0);
    if (known < 0) return false;
    this.#bus.metrics.repeated++;
    const reply = REPLIES[known];
    if (reply !== undefined) answer(ctx, reply);
    return true;
  }

  #apply({ ctx, peer, plan, more, id }: Arrived): void {
    const node = this.#bus.senderOf(ctx);
    const reply = plan.kind === 'unusable' ? BAD_REQUEST : peer.apply(ctx, plan, node);
    if (more || reply === undefined) return;
    if (id !== undefined) this.#seen.set(id, Math.max(REPLIES.indexOf(reply), 0));
    answer(ctx, reply);
  }
}

function accessOf(bus: Bus): Access {
  return new Access(bus.settings.acceptFrom, (ip) => bus.isNode(ip));
}

/** Over UDP a request may be repeated, and is told by its branch; the list of nodes is taken in anew each time. */
function transactionOf(ctx: Context, peer: Peer): HashPair | undefined {
  const { proto, srcIp, srcPort } = ctx.msg.received;
  if (peer.kind === 'list' || proto !== 'udp') return undefined;
  const branch = topVia(ctx.msg)?.branch;
  return branch?.startsWith('z9hG4bK') ? hashOf(branch, srcIp, srcPort) : undefined;
}

function answer(ctx: Context, reply: PeerReply): void {
  replyStateless(ctx, reply.code, reply.reason, reply.body ? { body: { ...reply.body } } : {});
}
