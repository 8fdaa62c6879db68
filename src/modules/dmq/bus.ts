/** This server on the bus: its nodes and peers, what it sends, and what comes of what it gets (dmq.md). */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { extraKey } from '../../runtime/module.js';
import { fromOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { headerMatcher } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import { newRequest } from '../tm/api.js';
import { remembered } from './memo.js';
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
import { ACCEPTED, OK, type Peer, type PeerReply } from './peer.js';
import { plansOf } from './plans.js';
import type { Then, WorkPool } from './pool.js';
import type { Plan, Work } from './protocol.js';
import type { Settings } from './settings.js';

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

export const LIST_TYPE = 'text/plain';
/** What UDP carries at most. */
const MAX_UDP = 65_507;
/** Headers of a bus message never take more. */
const HEADER_ROOM = 1_000;
const PLAIN = 1;
/** Kamailio's nodes take no notice of a header that they do not know. */
const STAMP_HEADER = 'Kamscript-Stamp';
const isStamp = headerMatcher(STAMP_HEADER);
const keyOf = remembered(nodeKey);

/** The node that an event of the module is about. */
export const DMQ_EVENT = extraKey<{ readonly node: string; readonly status: string; readonly channel: string }>(
  'dmq event',
);

export class Bus {
  readonly host: Host;
  readonly nodes = new NodeList();
  readonly locals: readonly Local[];
  readonly metrics = new Metrics();
  settings: Settings;
  readonly #pool: WorkPool | undefined;
  readonly #peers = new Map<string, Peer>();
  readonly #onFirstList: (() => void)[] = [];
  readonly #onStatus: StatusListener[] = [];
  readonly #onListed: ((node: DmqNode, asActive: boolean) => void)[] = [];
  readonly #tagPrefix: string;
  readonly #callPrefix: string;
  #calls = 0;
  #synced = false;

  constructor(host: Host, settings: Settings, sockets: readonly ListenSocket[], pool: WorkPool | undefined) {
    this.host = host;
    this.settings = settings;
    this.#pool = pool;
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
    this.addPeer({ name: settings.notificationChannel, kind: 'list', apply: (ctx, plan) => this.#gotList(ctx, plan) });
  }

  reconfigure(settings: Settings): void {
    this.settings = settings;
    this.nodes.rules = settings.rules;
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

  /** The peer of that name; one that only the script knows by its event route is an extension. */
  peer(ctx: Context, name: string): Peer | undefined {
    return this.#peers.get(name) ?? this.#scriptPeer(ctx, name);
  }

  #scriptPeer(ctx: Context, name: string): Peer | undefined {
    if (!ctx.program.routes.event.has(`dmq:channel-${name}`)) return undefined;
    this.registerScriptPeer(name);
    return this.#peers.get(name);
  }

  /** A peer that a module has. */
  modulePeer(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  /** The listed node that a From URI names; `kamscript`: the message carries a stamp. */
  nodeOf(from: string, kamscript: boolean): DmqNode | undefined {
    const key = keyOf(from);
    const node = key && this.nodes.find(key);
    if (node !== undefined && !node.local) node.kamscript = kamscript;
    return node;
  }

  /** The listed node that a request says it comes from. */
  senderOf(ctx: Context): DmqNode | undefined {
    const from = fromOf(ctx.msg)?.uri;
    return from === undefined ? undefined : this.nodeOf(from, ctx.msg.headers.some(isStamp));
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
    const sender = this.senderOf(ctx);
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
      ({ socket, node }) => socket.ip === plain && socket.port === port && socket.proto === proto && !sameKey(n, node),
    );
  }

  isNode(ip: string): boolean {
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

function isUdp(node: DmqNode): boolean {
  return node.proto === '*' || node.proto === 'udp';
}

function hex(host: Host): string {
  return Math.floor(host.random() * 0x100000000)
    .toString(16)
    .padStart(8, '0');
}
