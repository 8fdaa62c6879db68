/** Rows of the table uacreg. */
import { DbError, type DbValue, openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import { checkTableVersion } from '../sql/version.js';
import { paramsOf } from './params.js';
import { type Account, REG, type Registrations } from './registrations.js';

const VERSION = 5;
const COLUMNS = [
  'l_uuid',
  'l_username',
  'l_domain',
  'r_username',
  'r_domain',
  'realm',
  'auth_username',
  'auth_password',
  'auth_ha1',
  'auth_proxy',
  'expires',
  'flags',
  'reg_delay',
  'contact_addr',
  'socket',
] as const;
type Column = (typeof COLUMNS)[number];
/** Columns that may not be empty; NULL is let through. */
const NEEDED: readonly Column[] = [
  'l_uuid',
  'l_username',
  'l_domain',
  'r_username',
  'r_domain',
  'auth_username',
  'auth_proxy',
];
const HA1 = /^[0-9a-f]{32}$/i;

/** Why the account cannot be used; undefined when it can. */
export function passwordProblem(password: string, ha1: string): string | undefined {
  if (password === '' && ha1 === '') return 'no password value provided';
  return ha1 === '' || HA1.test(ha1) ? undefined : `invalid HA1: ${ha1}`;
}

interface Row {
  readonly account: Account;
  readonly flags: number;
  readonly expires: number;
}

function rowOf(host: Host, values: readonly DbValue[]): Row | string {
  const raw = (column: Column) => values[COLUMNS.indexOf(column)] ?? null;
  const text = (column: Column) => `${raw(column) ?? ''}`;
  const empty = NEEDED.find((column) => raw(column) === '');
  if (empty !== undefined) return `empty value not allowed for column '${empty}'`;
  const why = passwordProblem(text('auth_password'), text('auth_ha1'));
  if (why !== undefined) return why;
  const account: Account = {
    uuid: text('l_uuid'),
    localUser: text('l_username'),
    localDomain: text('l_domain'),
    remoteUser: text('r_username'),
    remoteDomain: text('r_domain'),
    realm: text('realm'),
    authUser: text('auth_username'),
    password: text('auth_password'),
    ha1: text('auth_ha1').toLowerCase(),
    proxy: text('auth_proxy'),
    contact: text('contact_addr') || (paramsOf(host.program).reg_contact_addr ?? ''),
    socket: text('socket'),
    delay: Number(raw('reg_delay') ?? 0),
  };
  return { account, flags: Number(raw('flags') ?? 0), expires: Number(raw('expires') ?? 0) };
}

/** Rows of the table, or the one with that id; rejects with a DbError. */
async function readRows(host: Host, uuid?: string): Promise<Row[]> {
  const { reg_db_url, reg_db_table: table } = paramsOf(host.program);
  const db = await openDatabase(host, reg_db_url ?? '');
  try {
    if (uuid === undefined) await checkTableVersion(db, table, VERSION);
    const where = uuid === undefined ? [] : [{ column: 'l_uuid', op: '=', value: uuid } as const];
    const { rows } = await db.query({ table, columns: COLUMNS, where });
    return rows.flatMap((values) => {
      const row = rowOf(host, values);
      if (typeof row !== 'string') return [row];
      host.log.write(LEVEL.ERR, 'uac', `${row} - ignoring record\n`);
      return [];
    });
  } finally {
    await db.close();
  }
}

/** Reads the whole table anew; rejects with a DbError and changes nothing then. */
export async function loadAll(registrations: Registrations): Promise<void> {
  const rows = await readRows(registrations.host);
  registrations.byUuid.clear();
  for (const { account, flags, expires } of rows) registrations.add(account, flags, expires);
}

/** Reads one account anew: 1, 0 where there is no such row, -1 where the database failed. */
export async function loadOne(registrations: Registrations, uuid: string): Promise<number> {
  const { host, byUuid } = registrations;
  try {
    const row = (await readRows(host, uuid))[0];
    if (row === undefined) return 0;
    const going = (byUuid.get(uuid)?.flags ?? 0) & (REG.ONGOING | REG.AUTH_SENT);
    registrations.add(row.account, row.flags | going, row.expires);
    return 1;
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'uac', `${e.message}\n`);
    return -1;
  }
}
