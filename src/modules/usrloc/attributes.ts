/** The XAVP of a contact (xavp_contact) in the table of its attributes, `location_attrs`. */
import { type Database, type DbCondition, type DbRecord, DbTime, type DbWrite } from '../../runtime/database.js';
import { isInt, toInt, toText } from '../../runtime/values.js';
import { XavpList } from '../../runtime/xavp.js';
import type { Contact } from './contact.js';
import type { UsrlocParams } from './params.js';
import { splitAor } from './rows.js';

const TYPE = { TEXT: 0, INT: 1 } as const;

export const attributeTable = (table: string): string => `${table}_attrs`;

/** What makes the rows of a contact those of its XAVP; nothing without xavp_contact. */
export function attributeWrites(
  kind: 'insert' | 'update' | 'delete',
  contact: Readonly<Contact>,
  params: UsrlocParams,
): readonly DbWrite[] {
  const root = params.xavp_contact;
  if (!root) return [];
  const table = attributeTable(contact.domain);
  const clear: DbWrite = { kind: 'delete', table, where: [{ column: 'ruid', op: '=', value: contact.ruid }] };
  if (kind === 'delete') return [clear];
  const rows = recordsOf(contact, root, params).map((record): DbWrite => ({ kind: 'insert', table, record }));
  return kind === 'insert' ? rows : [clear, ...rows];
}

function recordsOf(contact: Readonly<Contact>, root: string, params: UsrlocParams): DbRecord[] {
  const { user, domain } = splitAor(contact.aor, params.use_domain !== 0);
  const modified = params.expires_type === 1 ? contact.lastModified : new DbTime(contact.lastModified);
  const out: DbRecord[] = [];
  for (const { name, value } of contact.xavp?.fields(root) ?? []) {
    if (value instanceof XavpList || value === null || value === undefined) continue;
    const number = isInt(value);
    out.push({
      username: user,
      ...(params.use_domain === 0 ? {} : { domain }),
      ruid: contact.ruid,
      last_modified: modified,
      aname: name,
      atype: number ? TYPE.INT : TYPE.TEXT,
      avalue: number ? `${toInt(value)}` : toText(value),
    });
  }
  return out;
}

const COLUMNS = ['ruid', 'aname', 'atype', 'avalue'];

/** Gives contacts that were read from `table` their XAVPs; with `aor` only its rows are read. */
export async function readAttributes(
  db: Database,
  table: string,
  contacts: readonly Contact[],
  params: UsrlocParams,
  aor?: string,
): Promise<void> {
  const root = params.xavp_contact;
  if (!root || contacts.length === 0) return;
  const where = aor === undefined ? [] : ofAor(aor, params);
  const { rows } = await db.query({ table: attributeTable(table), columns: COLUMNS, where });
  const byRuid = new Map(contacts.map((c) => [c.ruid, c]));
  for (const [ruid, name, type, value] of rows) {
    const contact = byRuid.get(`${ruid ?? ''}`);
    if (contact === undefined || (Number(type) !== TYPE.TEXT && Number(type) !== TYPE.INT)) continue;
    contact.xavp ??= emptyXavp(root);
    contact.xavp.fields(root)?.add(`${name ?? ''}`, Number(type) === TYPE.INT ? Number(value) : `${value ?? ''}`);
  }
}

function ofAor(aor: string, params: UsrlocParams): DbCondition[] {
  const { user, domain } = splitAor(aor, params.use_domain !== 0);
  const byUser: DbCondition = { column: 'username', op: '=', value: user };
  return params.use_domain === 0 ? [byUser] : [byUser, { column: 'domain', op: '=', value: domain }];
}

function emptyXavp(root: string): XavpList {
  const list = new XavpList();
  list.add(root, list.fresh());
  return list;
}

/** Of the embedded database. */
export function attributeSchema(table: string): string {
  const name = `"${attributeTable(table).replaceAll('"', '""')}"`;
  return `CREATE TABLE IF NOT EXISTS ${name} (id INTEGER PRIMARY KEY NOT NULL, ruid VARCHAR, username VARCHAR, domain VARCHAR, aname VARCHAR, atype INTEGER, avalue VARCHAR, last_modified TIMESTAMP);`;
}
