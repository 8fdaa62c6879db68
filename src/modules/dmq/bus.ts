/** This server on the bus: its nodes and peers, what it sends, and what comes of what it gets (dmq.md). */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { replyStateless } from '../../runtime/replies.js';
import { HDR } from '../../sip/header-names.js';
import type { ListenSocket } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { newRequest } from '../tm/api.js';
import { type DmqNode, keyText, makeNode, NodeList, nodeKey, uriOf } from './nodes.js';
import type { Pool } from './pool.js';
import type { BodyKind, Plan } from './protocol.js';
import type { Settings } from './settings.js';

/** What a peer answers. */
export interface PeerReply {
  readonly code: number;
  readonly reason: string;
  readonly body?: { readonly type: string; readonly text: string };
}

/** A named consumer of bus messages. */
export interface Peer {
  readonly name: string;
  readonly kind: BodyKind;
  /** Undefined: nothing is answered. */
  apply(ctx: Context, plan: Plan): PeerReply | undefined;
}

const OK: PeerReply = { code: 200, reason: 'OK' };
const ACCEPTED: PeerReply = { code: 202, reason: 'Accepted DMQ' };
const BAD_REQUEST: PeerReply = { code: 400, reason: 'Bad Request' };
const LIST_TYPE = 'text/plain';
/** What UDP carries at most. */
const MAX_UDP = 65_507;
/** Headers of a bus message never take more. */
const HEADER_ROOM = 1_000;
/** Max-Forwards of the first message after a start: the receiver passes the news on once. */
const NEWS = 2;
const PLAIN = 1;

export class Bus {
  readonly host: Host;
  readonly settings: Settings;
  readonly nodes = new NodeList();
  readonly socket: ListenSocket;
  readonly #pool: Pool | undefined;
  readonly #peers = new Map<string, Peer>();
  readonly #onFirstList: (() => void)[] = [];
  #synced = false;

  constructor(host: Host, settings: Settings, socket: ListenSocket, pool: Pool | undefined) {
    this.host = host;
    this.settings = settings;
    this.socket = socket;
    this.#pool = pool;
    this.nodes.add(makeNode(settings.serverAddress, 'active', { local: true })!);
    this.addPeer({ name: settings.notificationChannel, kind: 'list', apply: (ctx, plan) => this.#gotList(ctx, plan) });
  }

  addPeer(peer: Peer): void {
    this.#peers.set(peer.name, peer);
  }

  /** Calls `fn` once after the first list of nodes arrived: peers ask for their first synchronisation then. */
  onFirstList(fn: () => void): void {
    this.#onFirstList.push(fn);
  }

  // ------------------------------------------------------------------ sending

  /** One message to a listed node; false: it cannot be sent. */
  send(
    peer: string,
    node: DmqNode,
    body: string,
    contentType: string,
    options: { maxForwards?: number; status?: boolean } = {},
  ): boolean {
    if (peer === '') return false;
    if (node.proto !== 'tcp' && node.proto !== 'tls' && body.length + HEADER_ROOM > MAX_UDP) {
      this.#log(
        LEVEL.ERR,
        `a message of ${body.length} bytes to ${uriOf(node)} is too big for UDP; use transport=tcp on this bus`,
      );
      return false;
    }
    const uri = uriOf(node, peer);
    const headers = `Max-Forwards: ${options.maxForwards ?? PLAIN}\r\n${contentType === '' ? '' : `Content-Type: ${contentType}\r\n`}`;
    const from = uriOf(this.nodes.local!, peer);
    const counts = options.status ?? false;
    const sent = newRequest(
      this.host,
      { method: 'KDMQ', uri, from, to: uri, headers, body, socket: this.socket },
      ({ code, message }) => {
        if (counts) this.#replied(node, code, message?.body ?? '');
      },
    );
    return sent !== undefined;
  }

  /** To every active node; false at the first that cannot be sent to. */
  broadcast(peer: string, body: string, contentType: string, options: { status?: boolean } = {}): boolean {
    return this.nodes.active().every((node) => this.send(peer, node, body, contentType, options));
  }

  sendList(node: DmqNode, maxForwards: number): void {
    this.send(this.settings.notificationChannel, node, this.nodes.text(), LIST_TYPE, { maxForwards, status: true });
  }

  /** A name that the script sends by is a peer from then on: requests for it are accepted. */
  registerScriptPeer(name: string): void {
    if (name !== '' && !this.#peers.has(name))
      this.addPeer({ name, kind: 'opaque', apply: (ctx) => this.#toScript(name, ctx) });
  }

  // ---------------------------------------------------------------- receiving

  /** dmq_handle_message(): false is an error, and then nothing was answered. */
  handle(ctx: Context): boolean {
    const name = parseUri(ctx.msg.uri)?.user;
    if (name === null || name === undefined || name === '' || this.#pool === undefined) return false;
    const peer = this.#peers.get(name) ?? this.#scriptPeer(ctx, name);
    if (peer === undefined) {
      replyStateless(ctx, 404, 'User Not Found');
      return true;
    }
    const lane = `${ctx.msg.received.srcIp}:${ctx.msg.received.srcPort} ${name}`;
    this.#pool.read(lane, peer.kind, ctx.msg.body, (plan) => this.#apply(ctx, peer, plan));
    return true;
  }

  /** The extension: a channel that only the script knows. */
  #scriptPeer(ctx: Context, name: string): Peer | undefined {
    if (!ctx.program.routes.event.has(`dmq:channel-${name}`)) return undefined;
    this.registerScriptPeer(name);
    return this.#peers.get(name);
  }

  #apply(ctx: Context, peer: Peer, plan: Plan): void {
    const reply = plan.kind === 'unusable' ? BAD_REQUEST : peer.apply(ctx, plan);
    if (reply === undefined) return;
    replyStateless(ctx, reply.code, reply.reason, reply.body ? { body: { ...reply.body } } : {});
  }

  #toScript(name: string, ctx: Context): PeerReply {
    const run = this.host.runEvent(`dmq:channel-${name}`, ctx.msg);
    if (run instanceof Promise) this.host.detach(run, `event_route[dmq:channel-${name}]`);
    return ACCEPTED;
  }

  #gotList(ctx: Context, plan: Plan): PeerReply | undefined {
    if (plan.kind !== 'list') return undefined;
    const news = this.#take(plan.nodes);
    const hops = Number.parseInt(ctx.msg.firstValue(HDR.MAXFORWARDS) ?? '0', 10) - 1;
    if (news && hops > 0) for (const node of this.nodes.active()) this.sendList(node, hops);
    return { ...OK, body: { type: LIST_TYPE, text: this.nodes.text() } };
  }

  /** Merges a list; true when it brought something new. The first one begins the first synchronisation. */
  #take(listed: Parameters<NodeList['merge']>[0]): boolean {
    const { added, changed } = this.nodes.merge(listed);
    for (const node of added) this.#resolve(node);
    for (const node of [...added, ...changed]) this.#log(LEVEL.DBG, `node ${keyText(node)} is ${node.status}`);
    if (!this.#synced) {
      this.#synced = true;
      for (const fn of this.#onFirstList) fn();
    }
    return added.length + changed.length > 0;
  }

  #replied(node: DmqNode, code: number, body: string): void {
    const became = this.nodes.replied(node, code);
    if (became === 'removed' || became === 'disabled')
      this.#log(LEVEL.ERR, `node ${uriOf(node)} does not answer: ${became}`);
    if (code !== 200 || this.#pool === undefined) return;
    this.#pool.read(keyText(node), 'list', body, (plan) => {
      if (plan.kind === 'list') this.#take(plan.nodes);
    });
  }

  // --------------------------------------------------------------------- life

  /** Adds the notification addresses and asks them for the list. */
  join(): void {
    for (const address of this.settings.notificationAddresses) {
      const key = nodeKey(address);
      if (key === undefined || this.nodes.find(key) !== undefined) continue;
      const node = makeNode(address, 'pending', { notification: true })!;
      this.nodes.add(node);
      this.#resolve(node);
      this.sendList(node, NEWS);
    }
  }

  ping(): void {
    if (this.nodes.isAlone()) {
      this.#synced = false;
      this.join();
      return;
    }
    for (const node of this.nodes.others()) this.sendList(node, PLAIN);
  }

  /** Tells the others that this node leaves. */
  leave(): void {
    const body = this.nodes.text('disabled');
    for (const node of this.nodes.active()) this.send(this.settings.notificationChannel, node, body, LIST_TYPE);
  }

  isFromNode(ctx: Context): boolean {
    const ip = ctx.msg.received.srcIp;
    return this.nodes.others().some((n) => n.resolvedIp === ip);
  }

  #resolve(node: DmqNode): void {
    const found = this.host.resolver.resolve(node.host, Number(node.port) || 0, undefined);
    const take = (targets: readonly { readonly ip: string }[]) => {
      node.resolvedIp = targets[0]?.ip ?? '';
    };
    if (found instanceof Promise) this.host.detach(found.then(take), `dmq: ${node.host}`);
    else take(found);
  }

  #log(level: number, text: string): void {
    if (level <= this.host.log.level) this.host.log.write(level, 'dmq', text);
  }
}
