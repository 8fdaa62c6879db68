/** Peer `presence` of the DMQ bus: what is published at one node is known at all (dmq.md, 6.4). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import type { Bus } from '../dmq/bus.js';
import { type DmqNode, keyText } from '../dmq/nodes.js';
import { BAD_REQUEST, FAILED, OK, type Peer, type PeerReply } from '../dmq/peer.js';
import { PRESENCE_SYNC_REQUEST, presenceText, type WirePresentity } from '../dmq/presence-body.js';
import type { Plan } from '../dmq/protocol.js';
import type { PresenceEvent } from './event.js';
import type { Presentity } from './presentity.js';
import { type Publication, publish } from './publish.js';
import type { Change, Presence } from './state.js';

const JSON_TYPE = 'application/json';
/** Messages to one node that are unanswered. */
const WINDOW = 8;
/** Changes that are kept for one node; what comes beyond is not told. */
const MOST = 50_000;
/** Documents that are gone, of which an older node may still tell. */
const MOST_GONE = 100_000;

/** What one node is still to be told: in order for each document, and not too much at once. */
class Outflow {
  readonly #bus: Bus;
  readonly #node: DmqNode;
  readonly #waiting = new Map<string, string[]>();
  readonly #open = new Set<string>();
  #size = 0;

  constructor(bus: Bus, node: DmqNode) {
    this.#bus = bus;
    this.#node = node;
  }

  /** False: too much waits already. */
  tell(key: string, body: string): boolean {
    if (this.#size >= MOST) return false;
    const there = this.#waiting.get(key);
    if (there === undefined) this.#waiting.set(key, [body]);
    else there.push(body);
    this.#size++;
    this.#send();
    return true;
  }

  clear(): void {
    this.#waiting.clear();
    this.#size = 0;
  }

  #send(): void {
    for (const [key, bodies] of this.#waiting) {
      if (this.#open.size >= WINDOW) return;
      if (this.#open.has(key)) continue;
      const body = bodies.shift();
      if (bodies.length === 0) this.#waiting.delete(key);
      if (body === undefined) continue;
      this.#size--;
      this.#open.add(key);
      const onReply = (): void => {
        this.#open.delete(key);
        this.#send();
      };
      if (!this.#bus.send('presence', this.#node, body, JSON_TYPE, { onReply })) this.#open.delete(key);
    }
  }
}

export class PresencePeer implements Peer {
  readonly name = 'presence';
  readonly kind = 'presence';
  readonly #bus: Bus;
  readonly #presence: Presence;
  readonly #outflows = new Map<string, Outflow>();
  /** When documents that were taken away would have ended, by ruid: seconds since the epoch. */
  readonly #gone = new Map<string, number>();
  #stopped = false;

  constructor(bus: Bus, presence: Presence) {
    this.#bus = bus;
    this.#presence = presence;
    presence.replicate = (p, change) => this.#tell(p, change);
    bus.onFirstList(() => this.#ask(bus.nodes.active()));
    bus.onStatus((node, from, to) => {
      if (to !== 'active') this.#outflows.get(keyText(node))?.clear();
      // it was away: what changed there meanwhile was told to nobody here
      else if (from !== undefined && from !== 'active') this.#ask([node]);
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const outflow of this.#outflows.values()) outflow.clear();
  }

  // ------------------------------------------------------------------ sending

  #ask(nodes: readonly DmqNode[]): void {
    if (this.#stopped) return;
    for (const node of nodes) if (!node.local) this.#bus.send(this.name, node, PRESENCE_SYNC_REQUEST, JSON_TYPE);
  }

  #outflow(node: DmqNode): Outflow {
    const key = keyText(node);
    let found = this.#outflows.get(key);
    if (found === undefined) {
      found = new Outflow(this.#bus, node);
      this.#outflows.set(key, found);
    }
    return found;
  }

  #tell(p: Readonly<Presentity>, change: Change): void {
    if (this.#stopped) return;
    if (change.expires === 0) this.#remember(p);
    const body = presenceText(this.#wire(p, change));
    for (const node of this.#bus.nodes.active()) this.#tellNode(node, p.ruid, body);
  }

  #tellNode(node: DmqNode, ruid: string, body: string): void {
    if (node.local || this.#outflow(node).tell(ruid, body)) return;
    this.#bus.log(LEVEL.ERR, `node ${node.uri} has ${MOST} changes of presence to hear of: no more are kept for it`);
  }

  #wire(p: Readonly<Presentity>, { isNew, etag, expires }: Change): WirePresentity {
    return {
      domain: p.domain,
      user: p.user,
      etag,
      expires,
      recv: p.receivedTime,
      sender: p.sender,
      event: p.event,
      isNew,
      newTag: isNew || p.etag === etag ? '' : p.etag,
      sphere: '',
      ruid: p.ruid,
      // always whole: a Kamailio node that keeps documents in memory would lose it at a refresh without
      body: expires === 0 ? '' : p.body,
    };
  }

  #remember(p: Readonly<Presentity>): void {
    if (this.#gone.size >= MOST_GONE) {
      const oldest = this.#gone.keys().next().value;
      if (oldest !== undefined) this.#gone.delete(oldest);
    }
    this.#gone.set(p.ruid, p.expires);
  }

  /** All documents, for a node of this kind; a Kamailio node expects none, and would keep some of them twice. */
  async #tellAll(node: DmqNode): Promise<void> {
    const now = this.#presence.now();
    for (const p of await this.#presence.presentities.every()) {
      const left = p.expires <= 0 ? -1 : p.expires - now;
      if (left !== 0 && left >= -1 && p.body !== '')
        this.#tellNode(node, p.ruid, presenceText(this.#wire(p, { isNew: true, etag: p.etag, expires: left })));
    }
  }

  // ---------------------------------------------------------------- receiving

  apply(_ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined {
    if (plan.kind !== 'presence') return BAD_REQUEST;
    const { does } = plan;
    if (does.kind === 'failed') return FAILED;
    if (does.kind === 'sync') {
      if (node?.kamscript === true && !node.local)
        this.#bus.host.detach(this.#guarded(this.#tellAll(node)), 'presence: all documents for a node');
      return OK;
    }
    if (does.kind !== 'update') return OK;
    const event = this.#presence.events.find(does.change.event);
    if (event === undefined) return BAD_REQUEST;
    if (does.change.isNew && does.change.body === '') return FAILED;
    this.#bus.host.detach(this.#guarded(this.#take(does.change, event, node)), 'presence: a change from the bus');
    return OK;
  }

  async #guarded(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (e) {
      this.#presence.error('DMQ', e);
    }
  }

  async #take(change: WirePresentity, event: PresenceEvent, node: DmqNode | undefined): Promise<void> {
    if (change.isNew && (await this.#isOld(change, node))) return;
    const { domain, user, etag, expires, sender, isNew, body, newTag } = change;
    const receivedTime = change.recv > 0 ? change.recv : this.#presence.now();
    const ruid = change.ruid === '' ? {} : { ruid: change.ruid };
    const here = { domain, user, event, expires, sender, body, receivedTime, priority: 0, fromBus: true, ...ruid };
    const asked: Publication = { ...here, etag, isNew, ...(newTag === '' ? { newTag: etag } : { newTag }) };
    let unknown = false;
    await publish(this.#presence, asked, (outcome) => {
      unknown = outcome.kind === 'unknown-tag';
    });
    if (expires === 0 && change.ruid !== '') this.#gone.set(change.ruid, this.#presence.now());
    // it was published before this node was there
    if (unknown && body !== '' && expires !== 0)
      await publish(this.#presence, { ...here, etag: newTag || etag, isNew: true }, () => {});
  }

  /** It is known already, or was taken away: then the node that still has it hears so. */
  async #isOld(change: WirePresentity, node: DmqNode | undefined): Promise<boolean> {
    if (change.ruid === '') return false;
    if (this.#gone.has(change.ruid)) {
      const gone = { ...change, isNew: false, expires: 0, newTag: '', body: '' };
      if (node !== undefined) this.#tellNode(node, change.ruid, presenceText(gone));
      return true;
    }
    const known = await this.#presence.presentities.findByRuid(change.ruid);
    return known !== undefined && known.receivedTime >= change.recv;
  }
}
