/** avp_db_load(), avp_db_store(), avp_db_delete() and avp_db_query(): AVPs and the rows of a database. */
import { type Database, type DbCondition, DbError, type DbResult, type DbValue } from '../../runtime/database.js';
import { type Avp, addAvp } from '../../runtime/message-env.js';
import { type BindEnv, type BindResult, LEVEL, type RouteContext, stateKey } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import type { Owner, OwnerReader, Selection } from './db-args.js';
import { type AvpName, bindAvpName, plain, unsignedText } from './names.js';

export interface DbParams {
  readonly avp_table: string | null;
  readonly use_domain: number;
  readonly uuid_column: string;
  readonly attribute_column: string;
  readonly value_column: string;
  readonly type_column: string;
  readonly username_column: string;
  readonly domain_column: string;
}

export const AVPOPS_DB = stateKey<Database | undefined>('avpops');

/** Bits of the column `type`. */
const TYPE = { VALUE_INT: 1, NAME_INT: 2 } as const;
/** Flag of an AVP that is in the database already. */
const IN_DB = 1 << 12;

const FAILED = -1;
const error = ({ host }: RouteContext, text: string): -1 => {
  host.log.write(LEVEL.ERR, 'avpops', `${text}\n`);
  return FAILED;
};

function database(ctx: RouteContext): Database {
  const db = ctx.host.state(AVPOPS_DB);
  if (db === undefined) throw new DbError('no db_url');
  return db;
}

/** Undefined, with a line in the log, when the database cannot. */
async function tried<T>(ctx: RouteContext, what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    error(ctx, `${what}: ${e.message}`);
    return undefined;
  }
}

const equal = (column: string, value: string | number): DbCondition => ({ column, op: '=', value });

function conditions(p: DbParams, owner: Owner, attribute: string | undefined, { scheme }: Selection): DbCondition[] {
  const out: DbCondition[] = [];
  if (owner.uuid !== undefined) out.push(equal(scheme?.uuid ?? p.uuid_column, owner.uuid));
  else {
    if (owner.username !== undefined) out.push(equal(scheme?.username ?? p.username_column, owner.username));
    const domain = p.use_domain !== 0 || owner.byDomain ? owner.domain : undefined;
    if (domain !== undefined) out.push(equal(scheme?.domain ?? p.domain_column, domain));
  }
  if (attribute !== undefined && scheme === undefined) out.push(equal(p.attribute_column, attribute));
  return out;
}

/** The attribute that a selection names; null: it has to name one and does not. */
function attributeOf(ctx: RouteContext, { name }: Selection): string | undefined | null {
  if (name === undefined) return undefined;
  return name.attribute(ctx) || null;
}

export async function load(ctx: RouteContext, p: DbParams, of: OwnerReader, what: Selection): Promise<number> {
  const owner = of(ctx);
  if (typeof owner === 'string') return error(ctx, owner);
  const attribute = attributeOf(ctx, what);
  const key = what.name?.key(ctx);
  if (attribute === null || (what.name !== undefined && key === undefined)) return error(ctx, 'no value for p2');
  const { scheme } = what;
  const columns =
    scheme === undefined ? [p.value_column, p.attribute_column, p.type_column] : [scheme.value ?? p.value_column];
  const table = scheme?.table ?? what.table ?? p.avp_table ?? '';
  const where = conditions(p, owner, attribute, what);
  const found = await tried(ctx, 'db_load failed', () => database(ctx).query({ table, columns, where }));
  if (found === undefined) return FAILED;
  let count = 0;
  for (const row of found.rows) {
    const avp = scheme === undefined ? avpOf(ctx, row, key, what) : schemeAvp(ctx, row[0] ?? null, key, scheme.isInt);
    if (avp === undefined) continue;
    addAvp(ctx.env, avp.key, avp.value, IN_DB | what.flags);
    count++;
  }
  return count > 0 ? 1 : FAILED;
}

interface Found {
  readonly key: string;
  readonly value: number | string;
}

/** A row of value, attribute and type. */
function avpOf(
  ctx: RouteContext,
  [value = null, attribute = null, type = null]: readonly DbValue[],
  key: string | undefined,
  { names }: Selection,
): Found | undefined {
  if (value === null || attribute === null || type === null) return void error(ctx, 'dbrow contains NULL fields');
  const nameIsInt = (Number(type) & TYPE.NAME_INT) !== 0;
  if (names !== '*' && (names === 'i') !== nameIsInt) return undefined;
  const own = key ?? (nameIsInt ? `i:${digits(`${attribute}`)}` : `s:${`${attribute}`.toLowerCase()}`);
  if (own.includes('undefined')) return void error(ctx, `name is not ID as flags say <${attribute}>`);
  return typed(ctx, own, value, (Number(type) & TYPE.VALUE_INT) !== 0);
}

function schemeAvp(ctx: RouteContext, value: DbValue, key: string | undefined, isInt: boolean): Found | undefined {
  if (value === null || key === undefined) return void error(ctx, "empty or wrong type for 'value' using scheme");
  return typed(ctx, key, value, isInt);
}

/** As str2int(), which takes no sign. */
const digits = (text: string): number | undefined => (/^\d+$/.test(text) ? parseInt32(text) : undefined);

function typed(ctx: RouteContext, key: string, value: string | number, isInt: boolean): Found | undefined {
  if (!isInt) return { key, value: typeof value === 'number' ? unsignedText(value) : value };
  const int = typeof value === 'number' ? value | 0 : digits(value);
  return int === undefined ? void error(ctx, `value is not int as flags say <${value}>`) : { key, value: int };
}

export async function store(ctx: RouteContext, p: DbParams, of: OwnerReader, what: Selection): Promise<number> {
  const owner = of(ctx);
  if (typeof owner === 'string') return error(ctx, owner);
  const attribute = attributeOf(ctx, what);
  const key = what.name?.key(ctx);
  if (attribute === null || (what.name !== undefined && key === undefined)) return error(ctx, 'no value for P2');
  let count = 0;
  for (const [own, avp] of chosen(ctx, key, what)) {
    const isInt = own[0] === 'i';
    const value = plain(avp.value);
    const record = {
      [p.uuid_column]: owner.uuid ?? '',
      [p.attribute_column]: attribute ?? own.slice(2),
      [p.value_column]: typeof value === 'number' ? unsignedText(value) : value,
      [p.type_column]: (isInt ? TYPE.NAME_INT : 0) | (typeof value === 'number' ? TYPE.VALUE_INT : 0),
      [p.username_column]: owner.username ?? '',
      [p.domain_column]: (p.use_domain !== 0 || owner.byDomain ? owner.domain : undefined) ?? '',
    };
    const table = what.table ?? p.avp_table ?? '';
    const done = await tried(ctx, 'insert failed', async () => {
      await database(ctx).insert(table, record);
      return true;
    });
    if (done === undefined) continue;
    avp.flags |= IN_DB;
    count++;
  }
  return count > 0 ? 1 : FAILED;
}

/** AVPs that are not in the database yet, newest first. */
function chosen(ctx: RouteContext, key: string | undefined, { names }: Selection): [string, Avp][] {
  return [...ctx.env.avps]
    .filter(([own]) => (key === undefined ? names === '*' || own[0] === names : own === key))
    .flatMap(([own, stack]) => stack.map((avp): [string, Avp] => [own, avp]))
    .filter(([, avp]) => (avp.flags & IN_DB) === 0);
}

export async function remove(ctx: RouteContext, p: DbParams, of: OwnerReader, what: Selection): Promise<number> {
  const owner = of(ctx);
  if (typeof owner === 'string') return error(ctx, owner);
  const attribute = attributeOf(ctx, what);
  if (attribute === null) return error(ctx, 'no value for p2');
  const table = what.table ?? p.avp_table ?? '';
  // As in C, what the database says of it is not looked at.
  await tried(ctx, 'db_delete failed', () => database(ctx).delete(table, conditions(p, owner, attribute, what)));
  return 1;
}

// ----------------------------------------------------------------- query

/** `$avp(a);$avp(b)`: one for each column. */
export function parseTargets(text: string, env: BindEnv): BindResult<readonly AvpName[]> {
  const out: AvpName[] = [];
  for (const part of text.split(/[;,\s]+/)) {
    if (part === '') continue;
    const bound = bindAvpName(part, env);
    if ('error' in bound) return bound;
    out.push(bound.ok);
  }
  return out.length === 0 ? { error: 'it names no AVP' } : { ok: out };
}

const NO_ROWS = -2;

export async function query(
  ctx: RouteContext,
  statement: string,
  targets: readonly AvpName[] | undefined,
): Promise<number> {
  if (statement === '') return error(ctx, 'cannot print the query');
  const db = database(ctx);
  if (db.raw === undefined) return error(ctx, 'cannot do the query');
  const found = await tried(ctx, 'cannot do the query', () => db.raw!(statement));
  if (found === undefined) return FAILED;
  if (found.rows.length === 0 || found.columns.length === 0) return NO_ROWS;
  // The first row comes to lie on top.
  for (const row of found.rows.toReversed()) takeRow(ctx, row, found, targets);
  return 1;
}

function takeRow(
  ctx: RouteContext,
  row: readonly DbValue[],
  { columns }: DbResult,
  targets: readonly AvpName[] | undefined,
): void {
  for (const [i, value] of row.entries()) {
    if (targets !== undefined && i >= targets.length) return;
    const key = targets === undefined ? `i:${i + 1}` : targets[i]!.key(ctx);
    if (value === null || value === '' || key === undefined || columns[i]?.type === 'double') continue;
    addAvp(ctx.env, key, typeof value === 'number' ? value | 0 : value);
  }
}
