/** This server on the bus: its nodes and peers, what it sends, and what comes of what it gets (dmq.md). */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { extraKey } from '../../runtime/module.js';
import { replyStateless } from '../../runtime/replies.js';
import { fromOf, topVia } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { headerMatcher } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { newRequest } from '../tm/api.js';
import { Access } from './access.js';
import { ApplyQueue } from './apply-queue.js';
import { Metrics } from './metrics.js';
import {
  type DmqNode,
  keyText,
  makeNode,
  NodeList,
  type NodeStatus,
  nodeKey,
  type StatusListener,
  sameKey,
  uriOf,
} from './nodes.js';
import { plansOf } from './plans.js';
import type { Then, WorkPool } from './pool.js';
import type { BodyKind, Plan, Work } from './protocol.js';
import { type HashPair, hashOf, Seen } from './seen.js';
import type { Settings } from './settings.js';

/** What a peer answers. */
export interface PeerReply {
  readonly code: number;
  readonly reason: string;
  readonly body?: { readonly type: string; readonly text: string };
}

/** What dmq.stats shows of a node that a peer has to tell things. */
export interface FriendStats {
  readonly node: DmqNode;
  readonly outbox: { readonly waiting: number; readonly open: number };
  readonly sync: { readonly done: boolean; readonly sent: number } | undefined;
}

/** A named consumer of bus messages. */
export interface Peer {
  readonly name: string;
  readonly kind: BodyKind;
  /** What it keeps for each node, for those that replicate. */
  readonly friends?: Iterable<FriendStats>;
  /** `node`: who says by From that it sent this, if it is listed. Undefined: nothing is answered. */
  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined;
}

/** One address of this server on the bus and the socket that goes with it. */
export interface Local {
  readonly node: DmqNode;
  readonly socket: ListenSocket;
}

export interface SendOptions {
  readonly maxForwards?: number;
  /** The reply counts for the node's status, and a list in it is read. */
  readonly status?: boolean;
  /** When what is told was written (versions.ts). */
  readonly stamp?: number;
  /** The final status; `made`: by tm, as none came. */
  readonly onReply?: (code: number, made: boolean) => void;
}

export const OK: PeerReply = { code: 200, reason: 'OK' };
export const BAD_REQUEST: PeerReply = { code: 400, reason: 'Bad Request' };
export const FAILED: PeerReply = { code: 500, reason: 'Server Internal Error' };
const ACCEPTED: PeerReply = { code: 202, reason: 'Accepted DMQ' };
export const LIST_TYPE = 'text/plain';
/** What UDP carries at most. */
const MAX_UDP = 65_507;
/** Headers of a bus message never take more. */
const HEADER_ROOM = 1_000;
const PLAIN = 1;
/** Jobs that may wait for the pool: what comes beyond is not answered, and comes again. */
const MAX_WAITING = 20_000;
/** ms between two log lines about strangers. */
const STRANGER_LOG = 10_000;

/** Kamailio's nodes take no notice of a header that they do not know. */
const STAMP_HEADER = 'Kamscript-Stamp';
const isStamp = headerMatcher(STAMP_HEADER);

/** The node that an event of the module is about. */
export const DMQ_EVENT = extraKey<{ readonly node: string; readonly status: string; readonly channel: string }>(
  'dmq event',
);

/** Replies by the number under which a repeated request finds them; 0: not answered yet. */
const REPLIES: readonly (PeerReply | undefined)[] = [undefined, OK, BAD_REQUEST, FAILED, ACCEPTED];

/** Bodies up to this are read at once: handing one to the pool costs this thread more than reading it. */
const SHORT = 2_000;

/** A piece of work for the script thread. */
interface Arrived {
  readonly ctx: Context;
  readonly peer: Peer;
  readonly plan: Plan;
  readonly more: boolean;
  /** Its transaction, where it has one that may be repeated. */
  readonly id: HashPair | undefined;
}

export class Bus {
  readonly host: Host;
  readonly nodes = new NodeList();
  readonly locals: readonly Local[];
  readonly metrics = new Metrics();
  settings: Settings;
  access: Access;
  readonly #pool: WorkPool | undefined;
  readonly #peers = new Map<string, Peer>();
  readonly #onFirstList: (() => void)[] = [];
  readonly #onStatus: StatusListener[] = [];
  readonly #onListed: ((node: DmqNode, asActive: boolean) => void)[] = [];
  readonly #seen: Seen;
  readonly #queue: ApplyQueue<Arrived>;
  readonly #tagPrefix: string;
  readonly #callPrefix: string;
  #calls = 0;
  #synced = false;
  #strangerLogged = 0;

  constructor(host: Host, settings: Settings, sockets: readonly ListenSocket[], pool: WorkPool | undefined) {
    this.host = host;
    this.settings = settings;
    this.#pool = pool;
    this.#seen = new Seen(() => host.clock.now());
    this.#queue = new ApplyQueue((a) => this.#apply(a));
    this.#tagPrefix = `${hex(host)}${hex(host)}-`;
    this.#callPrefix = `${hex(host)}${hex(host)}-`;
    this.locals = settings.serverAddresses.map((address, i) => {
      const node = makeNode(address, 'active', { local: true })!;
      node.resolvedIp = sockets[i]!.ip;
      return { node, socket: sockets[i]! };
    });
    for (const { node } of [...this.locals].reverse()) this.nodes.add(node);
    this.nodes.rules = settings.rules;
    this.nodes.onStatus = (node, from, to) => {
      for (const fn of this.#onStatus) fn(node, from, to);
    };
    this.access = this.#accessOf(settings);
    this.addPeer({ name: settings.notificationChannel, kind: 'list', apply: (ctx, plan) => this.#gotList(ctx, plan) });
  }

  #accessOf(settings: Settings): Access {
    return new Access(settings.acceptFrom, (ip) => this.nodes.nodes.some((n) => !n.local && n.resolvedIp === ip));
  }

  reconfigure(settings: Settings): void {
    this.settings = settings;
    this.nodes.rules = settings.rules;
    this.access = this.#accessOf(settings);
  }

  addPeer(peer: Peer): void {
    this.#peers.set(peer.name, peer);
  }

  /** Calls `fn` when the list of a node shows whether it tells this server of changes: it does so to active nodes alone. */
  onListed(fn: (node: DmqNode, asActive: boolean) => void): void {
    this.#onListed.push(fn);
  }

  get peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  removePeer(name: string): void {
    this.#peers.delete(name);
  }

  /** Calls `fn` once after the first list of nodes arrived: peers ask for their first synchronisation then. */
  onFirstList(fn: () => void): void {
    this.#onFirstList.push(fn);
  }

  onStatus(fn: StatusListener): void {
    this.#onStatus.push(fn);
  }

  get pool(): WorkPool | undefined {
    return this.#pool;
  }

  /** Has something read or written by the pool, or at once where there is none. */
  work(lane: string, work: Work, then: Then): void {
    if (this.#pool !== undefined) return this.#pool.run(lane, work, then);
    const plans = plansOf(work);
    plans.forEach((plan, i) => {
      then(plan, i < plans.length - 1);
    });
  }

  // ------------------------------------------------------------------ sending

  /** The own address from which a node is reached: of its transport and address family, else the first. */
  localFor(node: DmqNode): Local {
    const proto = node.proto === '*' ? 'udp' : node.proto;
    const ip = node.resolvedIp || node.host;
    const af = ip.includes(':') ? 6 : 4;
    return (
      this.locals.find((l) => l.socket.proto === proto && (node.resolvedIp === '' || l.socket.af === af)) ??
      this.locals[0]!
    );
  }

  /** One message to a listed node; false: it cannot be sent. */
  send(peer: string, node: DmqNode, body: string, contentType: string, options: SendOptions = {}): boolean {
    if (peer === '') return false;
    if (isUdp(node) && body.length + HEADER_ROOM > MAX_UDP) return this.#tooBig(node, body.length);
    const { node: own, socket } = this.localFor(node);
    const uri = uriOf(node, peer);
    const type = contentType === '' ? '' : `Content-Type: ${contentType}\r\n`;
    const stamp = `${STAMP_HEADER}: ${options.stamp ?? 0}\r\n`;
    const call = (++this.#calls).toString(16);
    const sent = newRequest(
      this.host,
      {
        method: 'KDMQ',
        uri,
        from: uriOf(own, peer),
        to: uri,
        headers: `Max-Forwards: ${options.maxForwards ?? PLAIN}\r\n${type}${stamp}`,
        body,
        socket,
        callId: `${this.#callPrefix}${call}@${socket.ip}`,
        fromTag: this.#tagPrefix + call,
      },
      ({ code, message }) => {
        this.metrics.replied(peer, code);
        if (options.status) this.#replied(node, code, message?.body ?? '');
        options.onReply?.(code, message === null);
      },
    );
    if (sent === undefined) return false;
    this.metrics.sent(peer);
    return true;
  }

  #tooBig(node: DmqNode, bytes: number): false {
    this.log(
      LEVEL.ERR,
      `a message of ${bytes} bytes to ${uriOf(node)} is too big for UDP; use transport=tcp on this bus`,
    );
    this.metrics.tooBig++;
    return false;
  }

  /** To every active node; false at the first that cannot be sent to. */
  broadcast(peer: string, body: string, contentType: string, options: SendOptions = {}): boolean {
    return this.nodes.active().every((node) => this.send(peer, node, body, contentType, options));
  }

  sendList(node: DmqNode, maxForwards: number, own?: NodeStatus, onReply?: () => void): void {
    const body = this.listFor(node, own);
    const then = onReply === undefined ? {} : { onReply };
    this.send(this.settings.notificationChannel, node, body, LIST_TYPE, { maxForwards, status: true, ...then });
  }

  /**
   * The list as it may be shown to a node: one whose name nobody resolves, or an IPv6 address, would block a 5.6.3 node
   * until its restart (dmq.md, 2.2). Of the own addresses the one it knows is shown.
   */
  listFor(node: DmqNode | undefined, own?: NodeStatus): string {
    const local = node === undefined ? this.locals[0]! : this.localFor(node);
    const v6 = local.socket.af === 6 || node?.kamscript === true;
    return this.nodes.text(own, (n) => {
      if (n.local) return n === local.node;
      return n.resolvedIp !== '' && (v6 || n.host[0] !== '[');
    });
  }

  /** A name that the script sends by is a peer from then on: requests for it are accepted. */
  registerScriptPeer(name: string): void {
    if (name !== '' && !this.#peers.has(name))
      this.addPeer({ name, kind: 'opaque', apply: (ctx, _plan, node) => this.#toScript(name, ctx, node) });
  }

  // ---------------------------------------------------------------- receiving

  /** dmq_handle_message(): false is an error, and then nothing was answered. */
  handle(ctx: Context): boolean {
    if (this.#pool === undefined) return false;
    const peer = this.#peerOf(ctx);
    if (typeof peer === 'boolean') return peer;
    if (this.#pool.pending > MAX_WAITING) {
      this.metrics.refused++;
      return true;
    }
    const id = transactionOf(ctx, peer);
    if (id !== undefined && this.#isRepeated(ctx, id)) return true;
    const { body } = ctx.msg;
    // Behind a long one that the pool has in hand a short one waits its turn.
    if (body.length <= SHORT && this.#pool.pending === 0 && this.#queue.length === 0) {
      this.#applyNow(ctx, peer, body, id);
      return true;
    }
    const { srcIp, srcPort } = ctx.msg.received;
    this.#pool.run(`${srcIp}:${srcPort} ${peer.name}`, { kind: peer.kind, body }, (plan, more) =>
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
    if (!this.access.allows(ctx.msg.received.srcIp)) return this.#stranger(ctx);
    const peer = this.#peers.get(name) ?? this.#scriptPeer(ctx, name);
    this.metrics.received(peer === undefined ? '(unknown)' : name);
    if (peer !== undefined) return peer;
    replyStateless(ctx, 404, 'User Not Found');
    return true;
  }

  #stranger(ctx: Context): true {
    this.metrics.strangers++;
    const now = this.host.clock.now();
    if (now - this.#strangerLogged > STRANGER_LOG) {
      this.#strangerLogged = now;
      const { srcIp } = ctx.msg.received;
      this.log(
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
    this.metrics.repeated++;
    const reply = REPLIES[known];
    if (reply !== undefined) answer(ctx, reply);
    return true;
  }

  /** The extension: a channel that only the script knows. */
  #scriptPeer(ctx: Context, name: string): Peer | undefined {
    if (!ctx.program.routes.event.has(`dmq:channel-${name}`)) return undefined;
    this.registerScriptPeer(name);
    return this.#peers.get(name);
  }

  #apply({ ctx, peer, plan, more, id }: Arrived): void {
    const node = this.#sender(ctx);
    const reply = plan.kind === 'unusable' ? BAD_REQUEST : peer.apply(ctx, plan, node);
    if (more || reply === undefined) return;
    if (id !== undefined) this.#seen.set(id, Math.max(REPLIES.indexOf(reply), 0));
    answer(ctx, reply);
  }

  /** The listed node that a request says it comes from. */
  #sender(ctx: Context): DmqNode | undefined {
    const from = fromOf(ctx.msg)?.uri;
    const key = from === undefined ? undefined : nodeKey(from);
    const node = key && this.nodes.find(key);
    if (node !== undefined && !node.local) node.kamscript = ctx.msg.headers.some(isStamp);
    return node;
  }

  /** When what a request tells was written; 0 where it does not say. */
  stampOf(ctx: Context, node: DmqNode | undefined): number {
    if (node?.kamscript !== true) return 0;
    const header = ctx.msg.headers.find(isStamp);
    const stamp = header === undefined ? 0 : Number(ctx.msg.value(header));
    return Number.isSafeInteger(stamp) && stamp > 0 ? stamp : 0;
  }

  #toScript(name: string, ctx: Context, node: DmqNode | undefined): PeerReply {
    const event = { node: node?.uri ?? '', status: node?.status ?? '', channel: name };
    const run = this.host.runEvent(`dmq:channel-${name}`, ctx.msg, (own) => own.setExtra(DMQ_EVENT, event));
    if (run instanceof Promise) this.host.detach(run, `event_route[dmq:channel-${name}]`);
    return ACCEPTED;
  }

  #gotList(ctx: Context, plan: Plan): PeerReply | undefined {
    if (plan.kind !== 'list') return undefined;
    const news = this.#take(plan);
    const hops = Number.parseInt(ctx.msg.firstValue(HDR.MAXFORWARDS) ?? '0', 10) - 1;
    const sender = this.#sender(ctx);
    if (news && hops > 0) for (const node of this.nodes.active()) this.sendList(node, hops);
    // A node that was given up and has been started again: it is asked at once instead of at the next ping.
    else if (hops > 0 && sender?.status === 'disabled') this.sendList(sender, PLAIN);
    this.#listTaken();
    this.#showsUs(sender, plan);
    return { ...OK, body: { type: LIST_TYPE, text: this.listFor(sender) } };
  }

  /** Merges a list; true when it brought something new. */
  #take(list: Extract<Plan, { kind: 'list' }>): boolean {
    if (list.bad > 0) this.log(LEVEL.WARN, `${list.bad} lines of a list of nodes are no nodes: skipped`);
    const { added, changed } = this.nodes.merge(list.nodes.filter((n) => !this.isOwnAddress(n)));
    for (const node of added) this.resolve(node);
    return added.length + changed.length > 0;
  }

  /** The first list begins the first synchronisation; the news about it go before, as Kamailio sends them. */
  #listTaken(): void {
    if (this.#synced) return;
    this.#synced = true;
    for (const fn of this.#onFirstList) fn();
  }

  #showsUs(node: DmqNode | undefined, list: Extract<Plan, { kind: 'list' }>): void {
    if (node === undefined || node.local || list.nodes.length === 0) return;
    const asActive = list.nodes.some((n) => n.status === 'active' && this.locals.some((l) => sameKey(l.node, n)));
    for (const fn of this.#onListed) fn(node, asActive);
  }

  #replied(node: DmqNode, code: number, body: string): void {
    const became = this.nodes.replied(node, code);
    if (became === 'removed' || became === 'disabled')
      this.log(LEVEL.ERR, `node ${uriOf(node)} does not answer: ${became}`);
    if (code !== 200 || body === '') return;
    this.work(keyText(node), { kind: 'list', body }, (plan) => {
      if (plan.kind !== 'list') return;
      this.#take(plan);
      this.#listTaken();
      this.#showsUs(node, plan);
    });
  }

  // --------------------------------------------------------------------- life

  /** The list has shrunk to this node: the first list that comes begins a synchronisation again. */
  forgetSync(): void {
    this.#synced = false;
  }

  /** Is it this server under another spelling? Kamailio would list itself twice and talk to itself. */
  isOwnAddress(n: { readonly host: string; readonly port: string; readonly proto: string }, ip = n.host): boolean {
    const plain = ip[0] === '[' ? ip.slice(1, -1) : ip;
    const proto = n.proto === '*' ? 'udp' : n.proto;
    const port = Number(n.port) || (proto === 'tls' ? 5061 : 5060);
    return this.locals.some(
      ({ socket, node }) =>
        socket.ip === plain && socket.port === port && socket.proto === proto && n.host !== node.host,
    );
  }

  isFromNode(ctx: Context): boolean {
    const ip = ctx.msg.received.srcIp;
    return this.nodes.nodes.some((n) => !n.local && n.resolvedIp === ip);
  }

  /** Finds out the address of a node; one that turns out to be this server is taken out. */
  resolve(node: DmqNode): void {
    const found = this.host.resolver.resolve(node.host, Number(node.port) || 0, undefined);
    const take = (targets: readonly { readonly ip: string }[]) => {
      node.resolvedIp = targets[0]?.ip ?? '';
      if (node.resolvedIp !== '' && this.isOwnAddress(node, node.resolvedIp)) this.nodes.remove(node);
    };
    if (found instanceof Promise) this.host.detach(found.then(take), `dmq: ${node.host}`);
    else take(found);
  }

  log(level: number, text: string): void {
    if (level <= this.host.log.level) this.host.log.write(level, 'dmq', text);
  }
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

function isUdp(node: DmqNode): boolean {
  return node.proto === '*' || node.proto === 'udp';
}

function hex(host: Host): string {
  return Math.floor(host.random() * 0x100000000)
    .toString(16)
    .padStart(8, '0');
}
