/** The location service: who is registered where. Registrar, nathelper, databases and DMQ reach it by this. */
import { coreHash } from '../../runtime/corehash.js';
import { type Host, stateKey } from '../../runtime/host.js';
import { sruid } from '../../runtime/sruid.js';
import { kept } from '../../sip/text.js';
import {
  type AorRecord,
  CONTACT_FLAG,
  Contact,
  type ContactInfo,
  DELETED,
  isValid,
  sameInstance,
  updateContact,
} from './contact.js';
import { DB_MODE, MATCH, type UsrlocParams, usrlocParams } from './params.js';

export type ChangeKind = 'insert' | 'update' | 'delete' | 'expire';

/** Told after each change of the memory, before the answer goes out. The contact is the kept one: do not change it. */
export type ChangeListener = (kind: ChangeKind, contact: Readonly<Contact>) => void;

/** What a database does for usrloc. */
export interface Storage {
  /** Takes a change in. Changes are written in order. */
  write(kind: 'insert' | 'update' | 'delete', contact: Readonly<Contact>): void;
  /** Resolves when all that was taken in so far is written; rejects when some of it could not be. */
  written(): Promise<void>;
  /** All contacts of an address (db_mode 3). */
  read(domain: string, aor: string): Promise<readonly Contact[]>;
  /** All contacts of a table. */
  all(domain: string): Promise<readonly Contact[]>;
  /** The contact with that ruid (db_mode 3). */
  readByRuid(domain: string, ruid: string): Promise<Contact | undefined>;
}

/** One location table. */
export class Domain {
  readonly name: string;
  readonly records = new Map<string, AorRecord>();
  readonly byRuid = new Map<string, Contact>();
  expired = 0;

  constructor(name: string) {
    this.name = name;
  }

  contactCount(): number {
    let n = 0;
    for (const record of this.records.values()) n += record.contacts.length;
    return n;
  }
}

/** What `match` finds: a contact, or why there is none to be changed. */
export type Match =
  | { readonly kind: 'found'; readonly contact: Contact }
  /** Nothing like it is there. */
  | { readonly kind: 'none' }
  /** The same registration again: leave it. */
  | { readonly kind: 'repeated' }
  /** An older one: refuse it. */
  | { readonly kind: 'outdated' };

/** What of a registration tells which contact it is about. */
export type MatchKey = Pick<ContactInfo, 'uri' | 'callId' | 'path' | 'cseq' | 'instance' | 'regId'>;

const NONE: Match = { kind: 'none' };

export class Usrloc {
  readonly host: Host;
  readonly domains = new Map<string, Domain>();
  /** Set by the database layer while the server starts. */
  storage: Storage | null = null;
  readonly newRuid: () => string;
  readonly #listeners: ChangeListener[] = [];
  /** Ends of the works on addresses that are going on. */
  readonly #busy = new Map<string, Promise<void>>();

  constructor(host: Host) {
    this.host = host;
    const serverId = Number(host.program.core.values.get('server_id') ?? 0);
    this.newRuid = sruid({
      prefix: 'uloc',
      serverId,
      now: host.clock.now(),
      pid: host.pid,
      random: () => host.random(),
    });
  }

  get params(): UsrlocParams {
    return usrlocParams(this.host.program);
  }

  get natFlag(): number {
    const bit = this.params.nat_bflag;
    return bit < 0 ? 0 : (1 << bit) >>> 0;
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.host.clock.now() / 1000);
  }

  /** Calls `fn` for each change from now on. */
  onChange(fn: ChangeListener): void {
    this.#listeners.push(fn);
  }

  #tell(kind: ChangeKind, contact: Contact): void {
    for (const fn of this.#listeners) fn(kind, contact);
  }

  /** The table of a name, made when it is not there. */
  domain(name: string): Domain {
    let domain = this.domains.get(name);
    if (domain === undefined) {
      domain = new Domain(name);
      this.domains.set(name, domain);
    }
    return domain;
  }

  /** The record of an address: from memory, or with db_mode 3 a copy of what the database holds. */
  find(domain: Domain, aor: string): AorRecord | undefined | Promise<AorRecord | undefined> {
    if (this.params.db_mode !== DB_MODE.ONLY || this.storage === null) return domain.records.get(aor);
    return this.storage.read(domain.name, aor).then((contacts) => {
      if (contacts.length === 0) return undefined;
      const record: AorRecord = { aor, hash: coreHash(aor), contacts: [] };
      for (const contact of contacts) this.#place(record, contact);
      return record;
    });
  }

  /**
   * Runs `work` when no other work on the same address is going on: with db_mode 3 an address is read, changed and
   * written, and what came between would be lost. Otherwise it runs at once.
   */
  exclusively<T>(domain: Domain, aor: string, work: () => T | Promise<T>): T | Promise<T> {
    if (this.#inMemory()) return work();
    const key = `${domain.name}\0${aor}`;
    const before = this.#busy.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    const end = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.set(key, end);
    void end.then(() => {
      if (this.#busy.get(key) === end) this.#busy.delete(key);
    });
    return mine;
  }

  /** A new record; with db_mode 3 it is not kept. */
  addRecord(domain: Domain, aor: string): AorRecord {
    const record: AorRecord = { aor: kept(aor), hash: coreHash(aor), contacts: [] };
    if (this.#inMemory()) domain.records.set(record.aor, record);
    return record;
  }

  #inMemory(): boolean {
    return this.params.db_mode !== DB_MODE.ONLY || this.storage === null;
  }

  /** To be called after changes: an empty record goes. */
  release(domain: Domain, record: AorRecord): void {
    if (record.contacts.length === 0 && domain.records.get(record.aor) === record) domain.records.delete(record.aor);
  }

  insert(domain: Domain, record: AorRecord, info: ContactInfo): Contact {
    const keepalive = (info.cflags & this.natFlag) !== 0 ? 1 : 0;
    const ruid = info.ruid || this.newRuid();
    const contact = new Contact(domain.name, record.aor, ruid, info, 'new', this.now(), keepalive);
    this.#place(record, contact);
    if (this.#inMemory()) domain.byRuid.set(contact.ruid, contact);
    this.#store('insert', contact);
    this.#tell('insert', contact);
    return contact;
  }

  /** Takes a contact in as it is, from a database. */
  restore(contact: Contact): void {
    const domain = this.domain(contact.domain);
    const record = domain.records.get(contact.aor) ?? this.addRecord(domain, contact.aor);
    this.#place(record, contact);
    domain.byRuid.set(contact.ruid, contact);
  }

  /** Before the first with a smaller q; with desc_time_order in front. */
  #place(record: AorRecord, contact: Contact): void {
    const { contacts } = record;
    if (contacts.length === 0) {
      // an array that grows has room for many more: most addresses have one contact
      record.contacts = [contact];
      return;
    }
    if (this.params.desc_time_order !== 0) {
      contacts.unshift(contact);
      return;
    }
    const at = contacts.findIndex((c) => c.q < contact.q);
    contacts.splice(at < 0 ? contacts.length : at, 0, contact);
  }

  update(record: AorRecord, contact: Contact, info: ContactInfo): void {
    updateContact(contact, info, this.now());
    this.#store('update', contact);
    this.#tell('update', contact);
    this.#moveUpdated(record, contact);
  }

  #moveUpdated(record: AorRecord, contact: Contact): void {
    const { contacts } = record;
    if (contacts.length === 1) return;
    const at = contacts.indexOf(contact);
    if (at < 0) return;
    if (this.params.desc_time_order !== 0) {
      contacts.splice(at, 1);
      contacts.unshift(contact);
      return;
    }
    const before = contacts[at - 1];
    const after = contacts[at + 1];
    if ((before === undefined || contact.q <= before.q) && (after === undefined || contact.q >= after.q)) return;
    contacts.splice(at, 1);
    // to the front of all that are not smaller, as Kamailio does it here, unlike in `#place`
    const place = contacts.findIndex((c) => c.q >= contact.q);
    contacts.splice(place < 0 ? contacts.length : place, 0, contact);
  }

  remove(domain: Domain, record: AorRecord, contact: Contact): void {
    this.#tell('delete', contact);
    if (contact.state !== 'new' && this.params.db_mode === DB_MODE.WRITE_BACK && this.storage !== null) {
      // the timer takes it out of the database, and then from here
      contact.expires = DELETED;
      return;
    }
    this.#store('delete', contact);
    this.#drop(domain, record, contact);
  }

  #drop(domain: Domain, record: AorRecord, contact: Contact): void {
    const at = record.contacts.indexOf(contact);
    if (at >= 0) record.contacts.splice(at, 1);
    if (domain.byRuid.get(contact.ruid) === contact) domain.byRuid.delete(contact.ruid);
  }

  #store(kind: 'insert' | 'update' | 'delete', contact: Contact): void {
    const { storage, params } = this;
    if (storage === null) return;
    const direct = params.db_mode === DB_MODE.WRITE_THROUGH || params.db_mode === DB_MODE.ONLY;
    if (direct) {
      if (kind === 'update' && contact.state === 'new') contact.state = 'dirty';
      if ((contact.flags & CONTACT_FLAG.MEMORY) === 0) storage.write(kind, contact);
      if (kind !== 'delete') contact.state = 'sync';
    } else if (kind === 'update' && contact.state === 'sync' && params.db_mode === DB_MODE.WRITE_BACK)
      contact.state = 'dirty';
  }

  /** Resolves when what was changed so far is in the database; undefined where nothing has to be waited for. */
  written(): Promise<void> | undefined {
    const { storage, params } = this;
    if (storage === null) return undefined;
    if (params.db_mode !== DB_MODE.WRITE_THROUGH && params.db_mode !== DB_MODE.ONLY) return undefined;
    return storage.written();
  }

  /** The contact of a record that a registration of `info` is about. */
  match(record: AorRecord, info: MatchKey): Match {
    if (info.instance === '') return this.#matchPlain(record, info);
    const contact = record.contacts.find((c) => c.regId === info.regId && sameInstance(c.instance, info.instance));
    return contact === undefined ? NONE : { kind: 'found', contact };
  }

  #matchPlain(record: AorRecord, info: MatchKey): Match {
    const mode = this.params.matching_mode;
    const contact = firstMatch(record.contacts, info, mode);
    if (contact === undefined) return NONE;
    if (mode !== MATCH.CONTACT_AND_CALLID && contact.callId !== info.callId) return { kind: 'found', contact };
    if (info.cseq < contact.cseq) return { kind: 'outdated' };
    if (info.cseq === contact.cseq) {
      const recent = contact.lastModified + this.params.cseq_delay > this.now();
      return { kind: recent ? 'repeated' : 'outdated' };
    }
    return { kind: 'found', contact };
  }

  /** The record and contact of a ruid. */
  findByRuid(domain: Domain, ruid: string): { record: AorRecord; contact: Contact } | undefined {
    const contact = domain.byRuid.get(ruid);
    const record = contact === undefined ? undefined : domain.records.get(contact.aor);
    return contact === undefined || record === undefined ? undefined : { record, contact };
  }

  /** Removes the contact with that ruid, whatever its address (db_mode 3); false: there is none. Rejects when it fails. */
  async removeByRuid(domain: Domain, ruid: string): Promise<boolean> {
    const contact = await this.storage?.readByRuid(domain.name, ruid);
    if (contact === undefined) return false;
    this.#store('delete', contact);
    await this.written();
    return true;
  }

  /** All contacts in force whose cflags have all of `flags`. */
  *contacts(flags = 0): IterableIterator<Contact> {
    for (const domain of this.domains.values()) {
      for (const record of domain.records.values()) {
        for (const contact of record.contacts) if ((contact.cflags & flags) === flags) yield contact;
      }
    }
  }

  /** How many addresses are registered. */
  users(): number {
    let n = 0;
    for (const domain of this.domains.values()) n += domain.records.size;
    return n;
  }

  /** Takes out what has expired, and with write-back writes what has changed. */
  tick(): void {
    const now = this.now();
    const open = this.#connections();
    for (const domain of this.domains.values()) {
      for (const record of domain.records.values()) {
        for (const contact of record.contacts.slice()) {
          if (open !== undefined && contact.connection >= 0 && !open.has(contact.connection)) contact.expires = DELETED;
          this.#look(domain, record, contact, now);
        }
        this.release(domain, record);
      }
    }
  }

  #look(domain: Domain, record: AorRecord, contact: Contact, now: number): void {
    if (isValid(contact, now)) {
      this.#flush(contact);
      return;
    }
    if ((contact.flags & CONTACT_FLAG.EXPIRE_TOLD) === 0) {
      contact.flags |= CONTACT_FLAG.EXPIRE_TOLD;
      this.#tell('expire', contact);
    }
    if (contact.state !== 'new' && this.storage !== null && this.params.db_mode !== DB_MODE.READ_ONLY)
      this.storage.write('delete', contact);
    if (this.params.close_expired_tcp !== 0 && contact.connection > 0) this.host.closeConnection?.(contact.connection);
    this.#drop(domain, record, contact);
    domain.expired++;
  }

  #flush(contact: Contact): void {
    if (this.storage === null || contact.state === 'sync' || this.params.db_mode === DB_MODE.READ_ONLY) return;
    if ((contact.flags & CONTACT_FLAG.MEMORY) !== 0) return;
    this.storage.write(contact.state === 'new' ? 'insert' : 'update', contact);
    contact.state = 'sync';
  }

  /** Ids of the connections that are open; undefined where it does not matter. */
  #connections(): ReadonlySet<number> | undefined {
    if (this.params.handle_lost_tcp === 0 || this.host.streams === undefined) return undefined;
    return new Set(this.host.streams().map((s) => s.id));
  }
}

function firstMatch(contacts: readonly Contact[], info: MatchKey, mode: number): Contact | undefined {
  for (const contact of contacts) if (matches(contact, info, mode)) return contact;
  return undefined;
}

function matches(contact: Contact, info: MatchKey, mode: number): boolean {
  switch (mode) {
    case MATCH.CALLID:
      return contact.callId === info.callId;
    case MATCH.CONTACT_AND_CALLID:
      return contact.uri === info.uri && contact.callId === info.callId;
    case MATCH.CONTACT_AND_PATH:
      return contact.uri === info.uri && (info.path === '' || contact.path === info.path);
    default:
      return contact.uri === info.uri;
  }
}

export const USRLOC = stateKey<Usrloc>('usrloc');

export function usrlocOf(host: Host): Usrloc {
  return host.state(USRLOC);
}

export function hasUsrloc(host: Host): boolean {
  return host.hasState(USRLOC);
}
