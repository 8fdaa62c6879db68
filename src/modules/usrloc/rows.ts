/** Contacts as rows of Kamailio's location table (version 9), and back. */
import { type DbInput, type DbRecord, DbTime, type DbValue } from '../../runtime/database.js';
import type { Host } from '../../runtime/host.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { ALL_METHODS, Contact, type ContactInfo } from './contact.js';
import { COLUMNS, type UsrlocParams } from './params.js';

type ColumnName = (typeof COLUMNS)[keyof typeof COLUMNS] | 'last_modified';

/** Names in the database by Kamailio's own. */
export type Names = Readonly<Record<ColumnName, string>>;

export function columnNames(params: UsrlocParams): Names {
  const given = params as unknown as Readonly<Record<string, string>>;
  const names: Record<string, string> = { last_modified: 'last_modified' };
  for (const [param, column] of Object.entries(COLUMNS)) names[column] = given[param] ?? column;
  return names as unknown as Names;
}

const Q_UNIT = 1000;

export interface Address {
  readonly user: string;
  /** '' without use_domain. */
  readonly domain: string;
}

export function splitAor(aor: string, useDomain: boolean): Address {
  const at = useDomain ? aor.indexOf('@') : -1;
  return at < 0 ? { user: aor, domain: '' } : { user: aor.slice(0, at), domain: aor.slice(at + 1) };
}

export function rowOf(c: Readonly<Contact>, names: Names, params: UsrlocParams): DbRecord {
  const { user, domain } = splitAor(c.aor, params.use_domain !== 0);
  const time = (seconds: number): DbInput => (params.expires_type === 1 ? seconds : new DbTime(seconds));
  const row: Record<string, DbInput> = {
    [names.username]: user,
    [names.contact]: c.uri,
    [names.expires]: time(c.expires),
    [names.q]: c.q < 0 ? -1 : c.q / Q_UNIT,
    [names.callid]: c.callId,
    [names.cseq]: c.cseq,
    [names.flags]: c.flags,
    [names.cflags]: c.cflags,
    [names.user_agent]: c.userAgent,
    [names.received]: c.received || null,
    [names.path]: c.path || null,
    [names.socket]: c.socket?.text ?? null,
    [names.methods]: c.methods === ALL_METHODS ? null : c.methods | 0,
    [names.last_modified]: time(c.lastModified),
    [names.ruid]: c.ruid,
    [names.instance]: c.instance || null,
    [names.reg_id]: c.regId,
    [names.server_id]: c.serverId,
    [names.connection_id]: c.connection,
    [names.keepalive]: c.keepalive,
    [names.partition]: 0,
  };
  if (params.use_domain !== 0) row[names.domain] = domain;
  return row;
}

/** Columns in the order in which `contactOf` takes them. */
export function readColumns(n: Names): readonly string[] {
  return [
    n.username,
    n.domain,
    n.contact,
    n.expires,
    n.q,
    n.callid,
    n.cseq,
    n.flags,
    n.cflags,
    n.user_agent,
    n.received,
    n.path,
    n.socket,
    n.methods,
    n.last_modified,
    n.ruid,
    n.instance,
    n.reg_id,
    n.server_id,
    n.connection_id,
    n.keepalive,
  ];
}

const text = (v: DbValue | undefined): string => (v === null || v === undefined ? '' : `${v}`);
const number = (v: DbValue | undefined, otherwise = 0): number =>
  v === null || v === undefined ? otherwise : Number(v) || 0;

/** Undefined where user, contact or Call-ID are missing. */
export function contactOf(
  host: Host,
  table: string,
  row: readonly DbValue[],
  params: UsrlocParams,
): Contact | undefined {
  const [user, domain, uri, expires, q, callId, cseq, flags, cflags, userAgent, ...more] = row;
  const [received, path, socket, methods, modified, ruid, instance, regId, serverId, connection, keepalive] = more;
  if (!text(user) || !text(uri) || !text(callId) || (params.use_domain !== 0 && !text(domain))) return undefined;
  const address = parseSocketAddress(text(socket) || '-');
  const own = address === undefined ? undefined : host.findSocket(address.proto, address.host, address.port);
  if (own === undefined && text(socket) !== '' && params.skip_remote_socket !== 0) return undefined;
  const aor = params.use_domain === 0 ? text(user) : `${text(user)}@${text(domain)}`;
  const info: ContactInfo = {
    ruid: text(ruid),
    uri: text(uri),
    received: text(received),
    path: text(path),
    expires: number(expires),
    q: Number(q ?? -1) < 0 ? -1 : Math.round(Number(q) * Q_UNIT),
    callId: text(callId),
    cseq: number(cseq),
    flags: number(flags),
    cflags: number(cflags) >>> 0,
    userAgent: text(userAgent),
    socket: own ?? null,
    methods: methods === null || methods === undefined ? ALL_METHODS : Number(methods) >>> 0,
    instance: text(instance),
    regId: number(regId),
    serverId: number(serverId),
    connection: number(connection, -1),
    lastModified: number(modified),
    xavp: null,
  };
  return new Contact(table, aor, info.ruid, info, 'sync', Math.floor(host.clock.now() / 1000), number(keepalive));
}
