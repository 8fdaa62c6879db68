/** Where destinations come from: the list file, or the table. */
import { readFile } from 'node:fs/promises';
import { besideScript } from '../../runtime/beside.js';
import { type Database, DbError, type DbValue, openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { parseParams } from '../../sip/uri.js';
import { tableVersion } from '../sql/version.js';
import type { DestinationSpec } from './destination.js';
import type { DispatcherParams } from './params.js';

const LINE = /^[ \t]*(\d*)[ \t]*([^ \t\r#]*)[ \t]*(?:(\d*)[ \t]*(?:(\d*)[ \t]*([^ \t\r]*))?)?/;

/** Lines `set uri flags priority attributes`; undefined where one has no URI. */
export function parseList(text: string): readonly DestinationSpec[] | { readonly badLine: number } {
  const out: DestinationSpec[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, set = '', uri = '', flags = '', priority = '', attrs = ''] = LINE.exec(line) ?? [];
    if (uri === '') return { badLine: i + 1 };
    out.push({
      set: Number(set) | 0,
      uri,
      flags: Number(flags) | 0,
      priority: Number(priority) | 0,
      attrs: attrs[0] === '#' ? '' : attrs,
    });
  }
  return out;
}

async function readList(host: Host, file: string): Promise<readonly DestinationSpec[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch {
    host.log.write(LEVEL.ERR, 'dispatcher', `can't open list file [${file}]`);
    return undefined;
  }
  const list = parseList(text);
  if (!('badLine' in list)) return list;
  host.log.write(LEVEL.ERR, 'dispatcher', `${file}: bad line ${list.badLine}`);
  return undefined;
}

/** How many columns the table has by its version. */
const COLUMNS: Readonly<Record<number, number>> = { 1: 2, 2: 3, 3: 4, 4: 5 };
const ALL_COLUMNS = 5;

/** `name=column;name=column` of ds_db_extra_attrs, the last first as Kamailio has them. */
export function extraColumns(p: DispatcherParams): readonly (readonly [name: string, column: string])[] {
  return parseParams(p.ds_db_extra_attrs ?? '')
    .map(([name, column]) => [name, column ?? ''] as const)
    .reverse();
}

/** Rejects with a DbError. */
async function readTable(db: Database, p: DispatcherParams): Promise<readonly DestinationSpec[]> {
  const version = await tableVersion(db, p.table_name);
  const count = COLUMNS[version];
  if (count === undefined) throw new DbError(`table ${p.table_name} has version ${version}, it must be one of 1 to 4`);
  const columns = [p.setid_col, p.destination_col, p.flags_col, p.priority_col, p.attrs_col].slice(0, count);
  const extra = count === ALL_COLUMNS ? extraColumns(p) : [];
  const { rows } = await db.query({ table: p.table_name, columns: [...columns, ...extra.map(([, c]) => c)] });
  return rows.map((row) => specOf(row, count, extra));
}

function specOf(
  row: readonly DbValue[],
  count: number,
  extra: readonly (readonly [string, string])[],
): DestinationSpec {
  const [set, uri, flags, priority, attrs] = row.slice(0, count);
  let text = `${attrs ?? ''}`;
  const more = extra
    .map(([name], i) => [name, row[ALL_COLUMNS + i] ?? ''] as const)
    .filter(([, value]) => value !== '');
  if (extra.length > 0 && text !== '' && !text.endsWith(';')) text += ';';
  for (const [name, value] of more) text += `${name}=${value};`;
  return {
    set: Number(set ?? 0) | 0,
    uri: `${uri ?? ''}`,
    flags: Number(flags ?? 0) | 0,
    priority: Number(priority ?? 0) | 0,
    attrs: text,
  };
}

/** All destinations by the parameters; undefined (and a line in the log) where they cannot be had. */
export async function readDestinations(
  host: Host,
  p: DispatcherParams,
): Promise<readonly DestinationSpec[] | undefined> {
  if (!p.db_url) return await readList(host, besideScript(host.program, p.list_file));
  try {
    const db = await openDatabase(host, p.db_url);
    try {
      const found = await readTable(db, p);
      if (found.length === 0)
        host.log.write(LEVEL.WARN, 'dispatcher', 'no dispatching data in the db -- empty destination set');
      return found;
    } finally {
      await db.close();
    }
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'dispatcher', `the destinations cannot be read: ${e.message}`);
    return undefined;
  }
}
