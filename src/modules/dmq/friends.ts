/**
 * What a peer keeps for each node that was active once: an outbox of what it still has to be told, and the synchronisation
 * that it asked for. Both outlive its absence.
 */
import type { Bus } from './bus.js';
import { type DmqNode, keyText, type NodeStatus } from './nodes.js';
import { Outbox, type Outcome, type Outgoing } from './outbox.js';
import { Sync, type SyncLink, type SyncSource } from './sync.js';

const JSON_TYPE = 'application/json';
/** Pause before a message that was lost is tried again, ms. */
const RETRY = 1000;
/** A node that comes back is asked for all it has no oftener than this, ms. */
const ASK_AGAIN = 15_000;
/** Messages of a synchronisation that are unanswered: to a Kamailio node, and to one with a larger receive buffer. */
const WINDOW = 8;
const WIDE_WINDOW = 16;

export interface Friend {
  readonly node: DmqNode;
  readonly outbox: Outbox;
  sync: Sync | undefined;
  /** It missed more than was kept for it. */
  missedAll: boolean;
  /** When it was last asked for all it has, ms; 0 never. */
  asked: number;
  /** It did not show this server as active: what changed there meanwhile was not told, and not asked for yet. */
  leftOut: boolean;
}

/** What makes a peer of this kind. */
export interface FriendsOwner {
  readonly name: string;
  /** Does it ask others for all they have? */
  readonly asks: boolean;
  /** The body that asks for it. */
  readonly request: string;
  /** Messages about a key, in the order in which they have to arrive. */
  messages(key: string, tell: number): readonly Outgoing[];
  /** All that it has. `stamps`: the node reads stamps. */
  all(stamps: boolean): SyncSource;
  /** How a synchronisation is slowed down. */
  readonly pause?: SyncLink['pause'];
  nextStamp(): number;
}

export class Friends {
  readonly #bus: Bus;
  readonly #owner: FriendsOwner;
  readonly #friends = new Map<string, Friend>();

  constructor(bus: Bus, owner: FriendsOwner) {
    this.#bus = bus;
    this.#owner = owner;
    bus.onStatus((node, from, to) => this.#status(node, from, to));
    bus.onListed((node, asActive) => this.#listed(node, asActive));
  }

  get size(): number {
    return this.#friends.size;
  }

  [Symbol.iterator](): IterableIterator<Friend> {
    return this.#friends.values();
  }

  of(node: DmqNode | undefined): Friend | undefined {
    return node === undefined ? undefined : this.#friends.get(keyText(node));
  }

  /** To be called before changes are told: nodes that became active before the peer was there. */
  meetAll(): void {
    for (const node of this.#bus.nodes.active()) if (!this.#friends.has(keyText(node))) this.meet(node);
  }

  meet(node: DmqNode): Friend {
    const key = keyText(node);
    const known = this.#friends.get(key);
    if (known?.node === node) return known;
    const made = this.#make(node, known);
    this.#friends.set(key, made);
    return made;
  }

  /** A node that was removed and has come back is another entry of the list: it inherits. */
  #make(node: DmqNode, old: Friend | undefined): Friend {
    old?.sync?.stop();
    const friend: { -readonly [K in keyof Friend]: Friend[K] } = {
      node,
      outbox: undefined as never,
      sync: undefined,
      missedAll: old !== undefined && (old.missedAll || old.sync?.done === false),
      asked: old?.asked ?? 0,
      leftOut: false,
    };
    const { nodes, host } = this.#bus;
    friend.outbox = new Outbox({
      isUp: () => node.status === 'active' && nodes.find(node) === node,
      send: (message, then) => this.#send(node, message, then),
      messages: (key, tell) => this.#owner.messages(key, tell),
      overflowed: () => {
        friend.missedAll = true;
      },
      isBusy: (key) => friend.sync?.isBusy(key) ?? false,
      get busy() {
        return (friend.sync?.open ?? 0) > 0;
      },
      later: (fn) => void host.clock.after(RETRY, fn),
    });
    if (old !== undefined) friend.outbox.inherit(old.outbox);
    return friend;
  }

  #send(node: DmqNode, message: Outgoing, then: (outcome: Outcome) => void): boolean {
    return this.#bus.send(this.#owner.name, node, message.body, JSON_TYPE, {
      stamp: message.stamp,
      onReply: (code, made) => {
        const lost = code === 408 || (made && code !== 200);
        if (code === 408) this.#bus.nodes.peerTimeout(node);
        then(lost ? 'lost' : 'answered');
      },
    });
  }

  /** Asks the active nodes (or the first of them) for all they have: the first synchronisation. */
  askAll(): void {
    if (!this.#owner.asks) return;
    const active = this.#bus.nodes.active();
    for (const node of this.#bus.settings.initWithSingle ? active.slice(0, 1) : active) this.#ask(this.meet(node));
  }

  #ask(friend: Friend): void {
    friend.asked = this.#bus.host.clock.now();
    this.#bus.send(this.#owner.name, friend.node, this.#owner.request, JSON_TYPE, { stamp: this.#owner.nextStamp() });
  }

  /** Sends a node all there is. */
  sync(node: DmqNode, stamps: boolean): void {
    const friend = this.meet(node);
    friend.missedAll = false;
    friend.sync?.stop();
    const { pause } = this.#owner;
    friend.sync = new Sync(
      {
        node,
        outbox: friend.outbox,
        clock: this.#bus.host.clock,
        window: stamps ? WIDE_WINDOW : WINDOW,
        ...(pause === undefined ? {} : { pause }),
        send: (body, stamp = this.#owner.nextStamp(), then) => this.#send(node, { body, stamp }, then),
      },
      this.#owner.all(stamps),
    );
    friend.sync.pump();
  }

  #status(node: DmqNode, from: NodeStatus | undefined, to: NodeStatus | undefined): void {
    if (node.local || to !== 'active') return;
    const known = this.#friends.get(keyText(node));
    const friend = this.meet(node);
    if (friend.missedAll) this.sync(node, node.kamscript);
    friend.outbox.wake();
    friend.sync?.pump();
    if (known !== undefined && from !== 'active') friend.leftOut = !this.#askAgain(friend);
  }

  /** A Kamailio node keeps nothing for who was away: what it changed meanwhile has to be asked for. False: later. */
  #askAgain(friend: Friend): boolean {
    if (friend.node.kamscript || !this.#owner.asks) return true;
    if (this.#bus.host.clock.now() - friend.asked < ASK_AGAIN) return false;
    this.#ask(friend);
    return true;
  }

  /** This server may have been the one that was away, and not know it (a stopped process, a one-sided loss). */
  #listed(node: DmqNode, asActive: boolean): void {
    const friend = this.of(node);
    if (friend === undefined || friend.node !== node) return;
    if (!asActive) friend.leftOut = true;
    else if (friend.leftOut) friend.leftOut = !this.#askAgain(friend);
  }

  stop(): void {
    for (const friend of this.#friends.values()) friend.sync?.stop();
  }
}
