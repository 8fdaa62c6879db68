/** A registered contact and the record of one address (AOR) that holds them. */
import type { XavpList } from '../../runtime/xavp.js';
import { kept, shared } from '../../sip/text.js';
import type { ListenSocket } from '../../sip/transport.js';

/** Bits of `Contact.flags`. */
export const CONTACT_FLAG = {
  /** Not to be written to the database. */
  MEMORY: 1,
  /** It came from another node over DMQ. */
  REPLICATED: 2,
  /** Its expiry was told. */
  EXPIRE_TOLD: 4,
} as const;

/** Methods of a contact that names none. */
export const ALL_METHODS = 0xffffffff;

/** What a registration says of a contact. Times are seconds since the epoch. */
export interface ContactInfo {
  /** '': made when it is kept. */
  readonly ruid: string;
  /** Its address, a URI. */
  readonly uri: string;
  readonly received: string;
  readonly path: string;
  /** 0: for ever. */
  readonly expires: number;
  /** Thousandths; -1 none. */
  readonly q: number;
  readonly callId: string;
  readonly cseq: number;
  readonly flags: number;
  /** Branch flags of the script (setbflag) at save(). */
  readonly cflags: number;
  readonly userAgent: string;
  readonly socket: ListenSocket | null;
  readonly methods: number;
  readonly instance: string;
  readonly regId: number;
  readonly serverId: number;
  /** -1: not by a connection. */
  readonly connection: number;
  readonly lastModified: number;
  readonly xavp: XavpList | null;
}

export type ContactState = 'new' | 'sync' | 'dirty';

/** As kept: one object and its own texts, since there may be a hundred thousand. `aor` and `domain` (the table) say where. */
export class Contact implements Mutable<ContactInfo> {
  readonly domain: string;
  readonly aor: string;
  readonly ruid: string;
  uri: string;
  received: string;
  path: string;
  expires: number;
  q: number;
  callId: string;
  cseq: number;
  flags: number;
  cflags: number;
  userAgent: string;
  socket: ListenSocket | null;
  methods: number;
  instance: string;
  regId: number;
  serverId: number;
  connection: number;
  lastModified: number;
  xavp: XavpList | null;
  state: ContactState;
  keepalive: number;
  /** Seconds since the epoch. */
  lastKeepalive: number;
  /** Microseconds. */
  roundtrip = 0;

  /** `ruid`: in place of an empty one of `info`. */
  constructor(
    domain: string,
    aor: string,
    ruid: string,
    info: ContactInfo,
    state: ContactState,
    now: number,
    keepalive: number,
  ) {
    this.domain = domain;
    this.aor = aor;
    this.ruid = ruid;
    this.uri = kept(info.uri);
    this.received = kept(info.received);
    this.path = kept(info.path);
    this.expires = info.expires;
    this.q = info.q;
    this.callId = kept(info.callId);
    this.cseq = info.cseq;
    this.flags = info.flags;
    this.cflags = info.cflags;
    this.userAgent = shared(info.userAgent);
    this.socket = info.socket;
    this.methods = info.methods;
    this.instance = kept(info.instance);
    this.regId = info.regId;
    this.serverId = info.serverId;
    this.connection = info.connection;
    this.lastModified = info.lastModified;
    this.xavp = info.xavp;
    this.state = state;
    this.keepalive = keepalive;
    this.lastKeepalive = now;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** All contacts of one address, in the order in which they are tried. */
export interface AorRecord {
  readonly aor: string;
  /** The hash that gruu and RPC show. */
  readonly hash: number;
  contacts: Contact[];
}

/** Expires of a contact that is gone but still has to go from the database. */
export const DELETED = 10;

/** Is it in force at `now` (seconds)? */
export function isValid(contact: { readonly expires: number }, now: number): boolean {
  return contact.expires > now || contact.expires === 0;
}

/** Takes a newer registration in; its address stays, except where the instance makes out who it is. */
export function updateContact(contact: Contact, info: ContactInfo, now: number): void {
  if (info.instance !== '' && info.uri !== '') contact.uri = kept(info.uri);
  if (info.callId !== '' && info.callId !== contact.callId) contact.callId = kept(info.callId);
  if (info.userAgent !== contact.userAgent) contact.userAgent = shared(info.userAgent);
  if (info.received !== contact.received) contact.received = kept(info.received);
  if (info.path !== contact.path) contact.path = kept(info.path);
  contact.xavp = info.xavp;
  contact.socket = info.socket;
  contact.expires = info.expires;
  contact.q = info.q;
  contact.cseq = info.cseq;
  contact.methods = info.methods;
  contact.lastModified = info.lastModified;
  contact.lastKeepalive = now;
  contact.flags = info.flags;
  contact.cflags = info.cflags;
  contact.serverId = info.serverId;
  contact.connection = info.connection;
}

/** `<urn:…>` without its brackets. */
function bare(instance: string): string {
  return instance.length > 2 && instance[0] === '<' && instance.endsWith('>') ? instance.slice(1, -1) : instance;
}

export function sameInstance(a: string, b: string): boolean {
  return a !== '' && b !== '' && bare(a) === bare(b);
}
