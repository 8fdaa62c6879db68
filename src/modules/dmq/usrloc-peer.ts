/** Peer `usrloc`: contacts registered at one node are known at all (module dmq_usrloc; dmq.md, 6.2). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import type { Proto } from '../../sip/transport.js';
import { type AorRecord, CONTACT_FLAG, type ContactInfo } from '../usrloc/contact.js';
import { type ChangeKind, type Contact, type Domain, type Usrloc, usrlocOf } from '../usrloc/index.js';
import type { Bus } from './bus.js';
import { Friends, type FriendsOwner } from './friends.js';
import type { DmqNode } from './nodes.js';
import { type Outgoing, TELL } from './outbox.js';
import { BAD_REQUEST, OK, type Peer, type PeerReply } from './peer.js';
import type { Plan } from './protocol.js';
import type { SyncLink, SyncSource } from './sync.js';
import {
  contactText,
  multiText,
  USRLOC_ACTION,
  USRLOC_SYNC_REQUEST,
  type UsrlocDeed,
  type WireContact,
} from './usrloc-body.js';
import { Recent, type Stamp, StampClock } from './versions.js';

/** Stamp of what was not changed lately. */
const LONG_AGO = 1;

/** Parameters of dmq_usrloc in shape. */
export interface UsrlocPeerSettings {
  readonly sync: boolean;
  readonly socketInfo: boolean;
  readonly batchContacts: number;
  readonly batchBytes: number;
  readonly pause: SyncLink['pause'];
  readonly domain: string;
  readonly tellDeletes: boolean;
}

const keyOf = (aor: string, uri: string): string => `${aor}\0${uri}`;

export class UsrlocPeer implements Peer, FriendsOwner {
  readonly name = 'usrloc';
  readonly kind = 'usrloc';
  readonly request = USRLOC_SYNC_REQUEST;
  readonly friends: Friends;
  readonly #bus: Bus;
  readonly #usrloc: Usrloc;
  readonly #clock: StampClock;
  /** When a contact was last changed, by AOR and address: two nodes may give one contact different ruids. */
  readonly #stamps: Recent<Stamp>;
  /** Contacts that are gone, as they were. */
  readonly #gone: Recent<WireContact>;
  settings: UsrlocPeerSettings;
  /** What is done now came over the bus: it is not told on. */
  #applying = false;
  #stopped = false;
  /** Stamp of the first request for all contacts. */
  #askedAt: Stamp = Number.POSITIVE_INFINITY;

  constructor(bus: Bus, settings: UsrlocPeerSettings) {
    this.#bus = bus;
    this.settings = settings;
    this.#usrloc = usrlocOf(bus.host);
    this.#clock = new StampClock(bus.host.clock);
    this.#stamps = new Recent(bus.host.clock);
    this.#gone = new Recent(bus.host.clock);
    this.friends = new Friends(bus, this);
    this.#usrloc.onChange((kind, contact) => this.#changed(kind, contact));
  }

  get asks(): boolean {
    return this.settings.sync;
  }

  get pause(): SyncLink['pause'] {
    return this.settings.pause;
  }

  get #domain(): Domain {
    return this.#usrloc.domain(this.settings.domain);
  }

  nextStamp(): Stamp {
    return this.#clock.next();
  }

  requestSync(): void {
    this.#askedAt = this.#clock.next();
    this.friends.askAll();
  }

  stop(): void {
    this.#stopped = true;
    this.friends.stop();
  }

  // ------------------------------------------------------------------ sending

  #changed(kind: ChangeKind, contact: Readonly<Contact>): void {
    if (this.#applying || this.#stopped || kind === 'expire' || contact.domain !== this.settings.domain) return;
    if (kind === 'delete') {
      if (!this.settings.tellDeletes) return;
      this.#gone.set(contact.ruid, this.#wire(contact));
    }
    this.#stamps.set(keyOf(contact.aor, contact.uri), this.#clock.next());
    this.friends.meetAll();
    for (const friend of this.friends) friend.outbox.tell(contact.ruid, TELL.VALUE);
  }

  messages(ruid: string): readonly Outgoing[] {
    const contact = this.#domain.byRuid.get(ruid);
    const wire = contact === undefined ? this.#gone.get(ruid) : this.#wire(contact);
    if (wire === undefined) return [];
    const action = contact === undefined ? USRLOC_ACTION.REMOVE : USRLOC_ACTION.UPDATE;
    return [{ body: contactText(action, wire), stamp: this.#stamps.get(keyOf(wire.aor, wire.c)) ?? LONG_AGO }];
  }

  #wire(c: Readonly<Contact>): WireContact {
    return {
      aor: c.aor,
      ruid: c.ruid,
      c: c.uri,
      received: c.received,
      sock: this.settings.socketInfo ? (c.socket?.text ?? '') : '',
      path: c.path,
      callid: c.callId,
      user_agent: c.userAgent,
      instance: c.instance,
      expires: c.expires,
      cseq: c.cseq,
      flags: c.flags & ~CONTACT_FLAG.EXPIRE_TOLD,
      cflags: c.cflags,
      q: c.q,
      last_modified: c.lastModified,
      methods: c.methods,
      reg_id: c.regId,
      server_id: c.serverId,
    };
  }

  /** All contacts: each by itself, or in groups. Those that come meanwhile are told as changes. */
  all(): SyncSource {
    const contacts = this.#domain.byRuid.values();
    let left = this.#domain.byRuid.size;
    const { batchContacts, batchBytes } = this.settings;
    return {
      empty: '',
      next: () => {
        const texts: string[] = [];
        const ruids = new Set<string>();
        let last: Stamp = LONG_AGO;
        for (let bytes = 0; left > 0 && ruids.size < batchContacts && bytes < batchBytes; left--) {
          const { done, value } = contacts.next();
          if (done) break;
          const text = contactText(USRLOC_ACTION.UPDATE, this.#wire(value));
          texts.push(text);
          last = this.#stamps.get(keyOf(value.aor, value.uri)) ?? LONG_AGO;
          ruids.add(value.ruid);
          bytes += text.length;
        }
        if (texts.length === 0) return undefined;
        const body = batchContacts > 1 ? multiText(texts) : texts[0]!;
        const stamp = ruids.size === 1 ? last : LONG_AGO;
        return { body, size: texts.length, stamp, has: (key) => ruids.has(key), keys: () => ruids };
      },
    };
  }

  // ---------------------------------------------------------------- receiving

  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined {
    if (plan.kind !== 'usrloc') return BAD_REQUEST;
    const stamp = this.#bus.stampOf(ctx, node);
    if (stamp > 0) this.#clock.heard(stamp);
    this.#applying = true;
    try {
      for (const deed of plan.does.deeds) this.#do(deed, stamp, plan.does.group, node);
    } finally {
      this.#applying = false;
    }
    return plan.does.broken ? BAD_REQUEST : OK;
  }

  #do(deed: UsrlocDeed, stamp: Stamp, group: boolean, node: DmqNode | undefined): void {
    if (deed.kind === 'sync') {
      if (node !== undefined && !node.local) this.friends.sync(node, stamp > 0 || node.kamscript);
      else this.#bus.log(LEVEL.WARN, 'a request for all contacts from no other node of the bus: not answered');
    } else if (deed.kind === 'update') {
      const { aor, c } = deed.contact;
      if (this.#isNews(keyOf(aor, c), stamp, group)) this.#update(deed.contact, node);
    } else if (deed.kind === 'remove' && this.#isNews(keyOf(deed.aor, deed.c), stamp, group))
      this.#remove(deed.ruid, deed.aor, deed.c);
  }

  /** Of two changes the later one stays; an answer to a request for all undoes nothing that came after the request. */
  #isNews(key: string, stamp: Stamp, group: boolean): boolean {
    const known = this.#stamps.get(key) ?? 0;
    if (group && stamp <= LONG_AGO) return known === 0 || known < this.#askedAt;
    if (stamp > 0 && known > stamp) return false;
    this.#stamps.set(key, stamp > 0 ? stamp : this.#clock.next());
    return true;
  }

  #update(wire: WireContact, node: DmqNode | undefined): void {
    const usrloc = this.#usrloc;
    const domain = this.#domain;
    const info = this.#info(wire);
    const known = wire.ruid === '' ? undefined : usrloc.findByRuid(domain, wire.ruid);
    if (known?.contact.aor === wire.aor) return usrloc.update(known.record, known.contact, info);
    const record = domain.records.get(wire.aor) ?? usrloc.addRecord(domain, wire.aor);
    const match = usrloc.match(record, info);
    if (match.kind === 'none') usrloc.insert(domain, record, info);
    else if (match.kind === 'found') this.#takeOver(record, match.contact, info, node);
    usrloc.release(domain, record);
  }

  /**
   * The contact was registered at both nodes before either told the other: each gave it a ruid. A 5.6.3 node finds what is
   * to be removed by ruid alone, so its own stays; between kamscript nodes it is the smaller one.
   */
  #takeOver(record: AorRecord, contact: Contact, info: ContactInfo, node: DmqNode | undefined): void {
    const usrloc = this.#usrloc;
    if (info.ruid === contact.ruid || (node?.kamscript === true && contact.ruid < info.ruid))
      return usrloc.update(record, contact, info);
    usrloc.remove(this.#domain, record, contact);
    usrloc.insert(this.#domain, record, info);
  }

  #remove(ruid: string, aor: string, c: string): void {
    const usrloc = this.#usrloc;
    const domain = this.#domain;
    const record = domain.records.get(aor);
    const contact = record?.contacts.find((k) => k.ruid === ruid) ?? record?.contacts.find((k) => k.uri === c);
    if (record === undefined || contact === undefined) return;
    usrloc.remove(domain, record, contact);
    usrloc.release(domain, record);
  }

  #info(w: WireContact): ContactInfo {
    return {
      ruid: w.ruid === '' ? this.#usrloc.newRuid() : w.ruid,
      uri: w.c,
      received: w.received,
      path: w.path,
      expires: w.expires,
      q: w.q,
      callId: w.callid,
      cseq: w.cseq,
      flags: w.flags & ~CONTACT_FLAG.EXPIRE_TOLD,
      cflags: w.cflags,
      userAgent: w.user_agent,
      socket: this.settings.socketInfo ? this.#socket(w.sock) : null,
      methods: w.methods,
      instance: w.instance,
      regId: w.reg_id,
      serverId: w.server_id,
      connection: -1,
      lastModified: w.last_modified,
      xavp: null,
    };
  }

  /** The own socket of that name. */
  #socket(text: string): ContactInfo['socket'] {
    const m = /^([a-z]+):(.+?)(?::(\d+))?$/.exec(text);
    return m === null ? null : (this.#bus.host.findSocket(m[1] as Proto, m[2]!, Number(m[3] ?? 0)) ?? null);
  }
}
