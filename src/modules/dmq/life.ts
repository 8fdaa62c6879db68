/** Joining the bus, pings, and leaving it (dmq.md, section 3). */
import { type Host, LEVEL, type TimerHandle } from '../../runtime/host.js';
import { parseUri } from '../../sip/uri.js';
import { type Bus, DMQ_EVENT } from './bus.js';
import { addressesOf } from './lookup.js';
import { type DmqNode, keyText, makeNode, type NodeStatus, nodeKey } from './nodes.js';

/** Max-Forwards of the first message after a start: the receiver passes the news on once. */
const NEWS = 2;
const PLAIN = 1;
/** What a clean end waits for answers to its notice, ms. */
const GOODBYE = 300;

export class Life {
  readonly #bus: Bus;
  readonly #host: Host;
  /** Taken out by dmq.remove: they do not come back by themselves. */
  readonly #removed = new Set<string>();
  #timer: TimerHandle | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#host = bus.host;
    bus.onStatus((node, from, to) => this.#raise(node, from, to));
  }

  start(): void {
    this.#join();
    this.#setTimer();
  }

  /** After a change of the parameters. */
  reconfigured(): void {
    this.#setTimer();
    this.#join();
  }

  #setTimer(): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.every(this.#bus.settings.pingMs, () => this.#ping());
  }

  /** Takes a node out for good. */
  remove(node: DmqNode): void {
    this.#removed.add(keyText(node));
    this.#bus.nodes.remove(node);
  }

  add(uri: string): boolean {
    const node = makeNode(uri, 'pending');
    if (node === undefined) return false;
    this.#removed.delete(keyText(node));
    if (this.#bus.nodes.find(node) === undefined) this.#greet(node);
    return true;
  }

  /** Adds the notification addresses that are not listed and asks them for the list. */
  #join(): void {
    const { multiNotify, notificationAddresses } = this.#bus.settings;
    const first = notificationAddresses[0];
    if (first === undefined) return;
    if (multiNotify) this.#host.detach(this.#joinAll(first), 'dmq: multi_notify');
    else for (const address of notificationAddresses) this.#joinOne(address, true);
  }

  #joinOne(address: string, notification: boolean): void {
    const node = makeNode(address, 'pending', { notification });
    if (node === undefined || this.#bus.nodes.find(node) !== undefined || this.#removed.has(keyText(node))) return;
    if (this.#bus.isOwnAddress(node)) return;
    this.#greet(node);
  }

  #greet(node: DmqNode): void {
    if (!this.#bus.nodes.add(node)) return;
    this.#bus.resolve(node);
    if (this.#bus.nodes.find(node) === node) this.#bus.sendList(node, NEWS);
  }

  async #joinAll(address: string): Promise<void> {
    const uri = parseUri(address);
    const key = nodeKey(address);
    if (uri === undefined || key === undefined) return;
    const found = await addressesOf(this.#host.resolver, uri.host, uri.port);
    if (found.length === 0) this.#bus.log(LEVEL.WARN, `no address found for ${uri.host}; it is looked up again later`);
    for (const { ip, port } of found) {
      const host = ip.includes(':') ? `[${ip}]` : ip;
      const transport = key.proto === '*' ? '' : `;transport=${key.proto}`;
      this.#joinOne(`sip:${host}${port === 0 ? '' : `:${port}`}${transport}`, false);
    }
  }

  #ping(): void {
    const { nodes, settings } = this.#bus;
    if (nodes.isAlone()) {
      this.#bus.forgetSync();
      this.#join();
      return;
    }
    for (const node of nodes.others()) this.#bus.sendList(node, PLAIN);
    // Addresses of a name that were given up, or did not resolve: a parted bus finds together again by them.
    if (settings.multiNotify) this.#join();
  }

  /**
   * Tells the others that this node leaves. 5.6.3 means to send `disabled`, and never does; a 5.6.3 node that reads it would
   * keep this one out for up to a ping_interval after its return, so the word is `pending`: out of lists and broadcasts
   * at once, and back at once.
   */
  async leave(): Promise<void> {
    this.#timer?.cancel();
    const active = this.#bus.nodes.active();
    if (active.length === 0) return;
    let open = active.length;
    await new Promise<void>((resolve) => {
      const timer = this.#host.clock.after(GOODBYE, resolve);
      const answered = () => {
        if (--open > 0) return;
        timer.cancel();
        resolve();
      };
      for (const node of active) this.#bus.sendList(node, PLAIN, 'pending', answered);
    });
  }

  #raise(node: DmqNode, from: NodeStatus | undefined, to: NodeStatus | undefined): void {
    if (node.local) return;
    this.#bus.log(LEVEL.DBG, `node ${node.uri}: ${from ?? 'new'} -> ${to ?? 'removed'}`);
    const name = eventOf(from, to);
    if (name === undefined || !this.#host.program.routes.event.has(name)) return;
    const msg = this.#host.fakeRequest();
    msg.newUri = node.uri;
    const event = { node: node.uri, status: to ?? 'removed', channel: '' };
    const run = this.#host.runEvent(name, msg, (ctx) => ctx.setExtra(DMQ_EVENT, event));
    if (run instanceof Promise) this.#host.detach(run, `event_route[${name}]`);
  }
}

function eventOf(from: NodeStatus | undefined, to: NodeStatus | undefined): string | undefined {
  if (to === 'active') return 'dmq:peer-up';
  if (to === 'disabled') return 'dmq:peer-disabled';
  return from === 'active' ? 'dmq:peer-down' : undefined;
}
