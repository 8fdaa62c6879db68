/** RPC commands ul.*. */
import { type Host, type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../runtime/module.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import type { ListenSocket } from '../../sip/transport.js';
import { type AorRecord, type Contact, type ContactInfo, DELETED, isValid } from './contact.js';
import { DB_MODE } from './params.js';
import { type Domain, type Usrloc, usrlocOf } from './usrloc.js';

const FAULT = 500;
const NOT_FOUND = 404;

/** What Kamailio writes for contacts that an operator adds. */
const BY_RPC = {
  callId: 'dfjrewr12386fd6-343@kamailio.rpc',
  userAgent: 'kamailio SIP Router - RPC Server',
  cseq: 1,
} as const;

function domainArg(usrloc: Usrloc, name: string): Domain {
  const domain = usrloc.domains.get(name);
  if (domain === undefined) throw new RpcFault(FAULT, 'Domain table not found');
  return domain;
}

/** The address as it is kept. */
function aorArg(host: Host, usrloc: Usrloc, text: string): string {
  const at = text.indexOf('@');
  if (usrloc.params.use_domain !== 0 && at < 0) throw new RpcFault(FAULT, 'Domain missing in AOR');
  const aor = usrloc.params.use_domain === 0 && at >= 0 ? text.slice(0, at) : text;
  return host.program.params('registrar').case_sensitive === 1 ? aor : aor.toLowerCase();
}

const orUnset = (text: string): string => text || '[not set]';

const STATES = { new: 'CS_NEW', sync: 'CS_SYNC', dirty: 'CS_DIRTY' } as const;

function shownExpires(contact: Contact, now: number): RpcValue {
  if (contact.expires === 0) return 'permanent';
  if (contact.expires === DELETED) return 'deleted';
  return now > contact.expires ? 'expired' : contact.expires - now;
}

function shown(contact: Contact, now: number): RpcValue {
  return {
    Contact: new RpcRecord([
      ['Address', contact.uri],
      ['Expires', shownExpires(contact, now)],
      ['Q', contact.q < 0 ? -1 : contact.q / 1000],
      ['Call-ID', contact.callId],
      ['CSeq', contact.cseq],
      ['User-Agent', orUnset(contact.userAgent)],
      ['Received', orUnset(contact.received)],
      ['Path', orUnset(contact.path)],
      ['State', STATES[contact.state]],
      ['Flags', contact.flags >>> 0],
      ['CFlags', contact.cflags >>> 0],
      ['Socket', orUnset(contact.socket?.text ?? '')],
      ['Methods', contact.methods],
      ['Ruid', orUnset(contact.ruid)],
      ['Instance', orUnset(contact.instance)],
      ['Reg-Id', contact.regId],
      ['Server-Id', contact.serverId],
      ['Tcpconn-Id', contact.connection],
      ['Keepalive', contact.keepalive],
      ['Last-Keepalive', contact.lastKeepalive],
      ['KA-Roundtrip', contact.roundtrip],
      ['Last-Modified', contact.lastModified],
    ]),
  };
}

// ------------------------------------------------------------------- showing

function slots(usrloc: Usrloc): number {
  const bits = usrloc.params.hash_size;
  return bits <= 1 ? 512 : 2 ** bits;
}

/** Records as Kamailio's hash table has them: slot by slot, in a slot the oldest first. */
function bySlot(domain: Domain, size: number): { readonly records: readonly AorRecord[]; readonly longest: number } {
  const table = new Map<number, AorRecord[]>();
  for (const record of domain.records.values()) {
    const slot = record.hash % size;
    const list = table.get(slot);
    if (list === undefined) table.set(slot, [record]);
    else list.push(record);
  }
  const sorted = [...table].sort(([a], [b]) => a - b).map(([, list]) => list);
  return { records: sorted.flat(), longest: Math.max(0, ...sorted.map((list) => list.length)) };
}

function dumpDomain(usrloc: Usrloc, domain: Domain, brief: boolean): RpcValue {
  const size = slots(usrloc);
  const { records, longest } = bySlot(domain, size);
  const now = usrloc.now();
  const aors = records.map((record): RpcValue => {
    if (brief) return { AoR: record.aor };
    return {
      Info: {
        AoR: record.aor,
        HashID: record.hash,
        Contacts: record.contacts.map((c) => shown(c, now)),
      },
    };
  });
  return {
    Domain: { Domain: domain.name, Size: size, AoRs: aors, Stats: { Records: records.length, 'Max-Slots': longest } },
  };
}

function dump(host: Host, args: readonly RpcValue[]): RpcValue {
  const usrloc = usrlocOf(host);
  const domains = [...usrloc.domains.values()].reverse();
  return { Domains: domains.map((d) => dumpDomain(usrloc, d, args[0] === 'brief')) };
}

async function lookUp(host: Host, args: readonly RpcValue[]): Promise<RpcValue> {
  const [table, text] = texts(args, 2, 'Not enough parameters (table and AOR to lookup)');
  const usrloc = usrlocOf(host);
  const domain = domainArg(usrloc, table!);
  const aor = aorArg(host, usrloc, text!);
  const record = await usrloc.find(domain, aor);
  if (record === undefined) throw new RpcFault(FAULT, 'AOR not found in location table');
  const now = usrloc.now();
  const contacts = record.contacts.filter((c) => isValid(c, now));
  if (contacts.length === 0) throw new RpcFault(FAULT, 'AOR has no contacts');
  return { AoR: aor, Contacts: contacts.map((c) => shown(c, now)) };
}

function texts(args: readonly RpcValue[], count: number, fault: string): string[] {
  const found = args.slice(0, count).map((a) => `${a}`);
  if (found.length < count) throw new RpcFault(FAULT, fault);
  return found;
}

// ------------------------------------------------------------------ changing

async function removeAor(host: Host, args: readonly RpcValue[]): Promise<undefined> {
  const [table, text] = texts(args, 2, 'Not enough parameters (table and AOR to lookup)');
  const usrloc = usrlocOf(host);
  const domain = domainArg(usrloc, table!);
  const record = await usrloc.find(domain, aorArg(host, usrloc, text!));
  if (record === undefined) return;
  for (const contact of record.contacts.slice()) usrloc.remove(domain, record, contact);
  usrloc.release(domain, record);
  await settled(usrloc, 'Failed to delete AOR');
}

async function removeContact(host: Host, args: readonly RpcValue[]): Promise<undefined> {
  const [table, text, uri] = texts(args, 3, 'Not enough parameters (table, AOR and contact)');
  const usrloc = usrlocOf(host);
  const domain = domainArg(usrloc, table!);
  const record = await usrloc.find(domain, aorArg(host, usrloc, text!));
  if (record === undefined) throw new RpcFault(NOT_FOUND, 'AOR not found');
  const match = usrloc.match(record, newInfo(usrloc, { uri: uri!, cseq: BY_RPC.cseq + 1 }));
  if (match.kind === 'none') throw new RpcFault(NOT_FOUND, 'Contact not found');
  if (match.kind !== 'found') throw new RpcFault(FAULT, "Internal error (can't get contact)");
  usrloc.remove(domain, record, match.contact);
  usrloc.release(domain, record);
  await settled(usrloc, "Internal error (can't delete contact)");
}

async function settled(usrloc: Usrloc, fault: string): Promise<void> {
  try {
    await usrloc.written();
  } catch {
    throw new RpcFault(FAULT, fault);
  }
}

function newInfo(usrloc: Usrloc, more: Partial<ContactInfo>): ContactInfo {
  return {
    ruid: '',
    uri: '',
    received: '',
    path: '',
    expires: 0,
    q: -1,
    ...BY_RPC,
    flags: 0,
    cflags: 0,
    socket: null,
    methods: 0,
    instance: '',
    regId: 0,
    serverId: Number(usrloc.host.program.core.values.get('server_id') ?? 0),
    connection: -1,
    lastModified: 0,
    xavp: null,
    ...more,
  };
}

const ADD_FAULT = 'Not enough parameters or wrong format';

/** `.` and `0` stand for nothing. */
function optional(value: RpcValue | undefined): string {
  const text = value === undefined ? '' : `${value}`;
  return text === '.' || text === '0' ? '' : text;
}

function numberArg(args: readonly RpcValue[], at: number): number {
  const n = Number(args[at] ?? Number.NaN);
  if (!Number.isFinite(n)) throw new RpcFault(FAULT, ADD_FAULT);
  return n;
}

function socketArg(host: Host, text: string): ListenSocket | null {
  const address = text === '' ? undefined : parseSocketAddress(text);
  if (address === undefined) return null;
  return host.findSocket(address.proto, address.host, address.port) ?? null;
}

async function add(host: Host, args: readonly RpcValue[]): Promise<undefined> {
  if (args.length < 9) throw new RpcFault(FAULT, ADD_FAULT);
  const usrloc = usrlocOf(host);
  const expires = Math.trunc(numberArg(args, 3));
  const info = newInfo(usrloc, {
    ruid: usrloc.newRuid(),
    uri: `${args[2]}`,
    expires: expires === 0 ? 0 : usrloc.now() + expires,
    q: Math.round(numberArg(args, 4) * 1000),
    path: optional(args[5]),
    flags: numberArg(args, 6) >>> 0,
    cflags: numberArg(args, 7) >>> 0,
    methods: numberArg(args, 8) >>> 0,
    received: optional(args[9]),
    socket: socketArg(host, optional(args[10])),
  });
  const domain = domainArg(usrloc, `${args[0]}`);
  const aor = aorArg(host, usrloc, `${args[1]}`);
  const record = (await usrloc.find(domain, aor)) ?? usrloc.addRecord(domain, aor);
  const match = usrloc.match(record, { ...info, cseq: BY_RPC.cseq + 1 });
  if (match.kind === 'found') usrloc.update(record, match.contact, info);
  else usrloc.insert(domain, record, info);
  await settled(usrloc, "Can't insert contact");
}

async function flush(host: Host): Promise<undefined> {
  const usrloc = usrlocOf(host);
  usrloc.tick();
  try {
    await usrloc.storage?.written();
  } catch {
    throw new RpcFault(FAULT, 'Operation failed');
  }
}

/** Counts of rows: what `count` gives for the rows of a table. */
function counting(count: (usrloc: Usrloc, table: string) => Promise<number>, fault: string) {
  return async (host: Host, args: readonly RpcValue[]): Promise<RpcValue> => {
    const usrloc = usrlocOf(host);
    if (usrloc.params.db_mode === DB_MODE.NONE) throw new RpcFault(FAULT, 'Command is not supported in db_mode=0');
    const [table] = texts(args, 1, 'Not enough parameters (table to lookup)');
    try {
      return await count(usrloc, table!);
    } catch {
      throw new RpcFault(FAULT, fault);
    }
  };
}

async function rowsOf(usrloc: Usrloc, table: string): Promise<readonly Contact[]> {
  return (await usrloc.storage?.all(table)) ?? [];
}

const noContacts = 'Failed to query contact count';

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'ul.dump': { doc: 'All contacts of all tables; "brief": their addresses alone.', run: dump },
  'ul.lookup': { doc: 'The contacts of an address: table, AOR.', run: lookUp },
  'ul.rm': { doc: 'Removes an address with its contacts: table, AOR.', run: removeAor },
  'ul.rm_contact': { doc: 'Removes a contact: table, AOR, contact.', run: removeContact },
  'ul.add': {
    doc: 'Adds a contact: table, AOR, contact, expires, q, path, flags, cflags, methods[, received, socket].',
    run: add,
  },
  'ul.flush': { doc: 'Takes out what has expired and writes what has changed.', run: flush },
  'ul.db_users': {
    doc: 'How many addresses in force the database has: table.',
    run: counting(async (usrloc, table) => {
      const now = usrloc.now();
      return new Set((await rowsOf(usrloc, table)).filter((c) => isValid(c, now)).map((c) => c.aor)).size;
    }, 'Failed to query AoR count'),
  },
  'ul.db_contacts': {
    doc: 'How many contacts in force the database has: table.',
    run: counting(async (usrloc, table) => {
      const now = usrloc.now();
      return (await rowsOf(usrloc, table)).filter((c) => isValid(c, now)).length;
    }, noContacts),
  },
  'ul.db_expired_contacts': {
    doc: 'How many contacts of the database have expired: table.',
    run: counting(async (usrloc, table) => {
      const now = usrloc.now();
      return (await rowsOf(usrloc, table)).filter((c) => !isValid(c, now)).length;
    }, noContacts),
  },
};
