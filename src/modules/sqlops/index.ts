/** Module sqlops: SQL statements of the script. */
import type { Context } from '../../runtime/context.js';
import { DbError, driverOf, type RawResult } from '../../runtime/database.js';
import { bindVariable } from '../../runtime/format.js';
import {
  type AnyFunction,
  defineModule,
  fn,
  intParam,
  LEVEL,
  listParam,
  opt,
  type PvAccessor,
  parsed,
  raw,
  str,
} from '../../runtime/module.js';
import { type Connection, connectionsOf, parseConnection, SQLOPS, SqlOps, scriptValue, tableOf } from './state.js';
import { pvs, sql } from './variables.js';

interface Params {
  readonly connect_mode: number;
}

const ROWS = 1;
const FAILED = -1;
const NOT_CONNECTED = -2;
const NO_ROWS = 2;
const NOT_KEPT = 3;

const connection = parsed<Connection>('connection', 'connection', (text, env) => {
  const found = connectionsOf(env.params('sqlops')).find((c) => c.name === text);
  return found === undefined
    ? { error: `invalid connection [${text}]`, hint: `modparam("sqlops", "sqlcon", "${text}=>sqlite:///file")` }
    : { ok: found };
});

/** Runs the statement; a number is the code of a failure. */
async function query(ctx: Context, params: Params, to: Connection, statement: string): Promise<RawResult | number> {
  const state = ctx.host.state(SQLOPS);
  const db = await state.database(to, params.connect_mode === 1);
  if (db?.raw === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'sqlops', 'invalid connection to database\n');
    return NOT_CONNECTED;
  }
  try {
    const result = await db.raw(statement);
    state.changed.set(to.name, result.changed);
    return result;
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    // the client of MySQL says so, the others keep what they had
    if (driverOf(to.url) === 'db_mysql') state.changed.set(to.name, FAILED);
    ctx.host.log.write(LEVEL.ERR, 'sqlops', `cannot do the query [${statement.slice(0, 64)}]: ${e.message}\n`);
    return FAILED;
  }
}

const isEmpty = ({ rows, columns }: RawResult): boolean => rows.length === 0 || columns.length === 0;

async function keepResult(
  ctx: Context,
  params: Params,
  to: Connection,
  statement: string,
  name: string | undefined,
): Promise<number> {
  const { results } = ctx.host.state(SQLOPS);
  const result = await query(ctx, params, to, statement);
  const empty = typeof result === 'number' || isEmpty(result);
  // it is there when this run goes on, whatever others did meanwhile
  if (name !== undefined)
    ctx.onResume = () => {
      if (empty) results.delete(name);
      else results.set(name, tableOf(result));
    };
  if (typeof result === 'number') return result;
  if (empty) return NO_ROWS;
  return name === undefined ? NOT_KEPT : ROWS;
}

async function intoXavp(
  ctx: Context,
  params: Params,
  to: Connection,
  statement: string,
  name: string,
): Promise<number> {
  const result = await query(ctx, params, to, statement);
  if (typeof result === 'number') return result;
  if (isEmpty(result)) return NO_ROWS;
  const { xavps } = ctx.env;
  for (const row of result.rows.toReversed()) {
    const fields = xavps.fresh();
    for (const [i, value] of row.entries())
      fields.append(result.columns[i]!.name, scriptValue(value, result.columns[i]!.type));
    xavps.add(name, fields);
  }
  return ROWS;
}

/** `$avp(a), $var(b)`: one for each column. */
const variables = parsed<readonly PvAccessor[]>('variables', 'list of variables', (text, env) => {
  const out: PvAccessor[] = [];
  for (const part of text.split(/[,;]/)) {
    const found = bindVariable(part.trim(), env);
    if ('error' in found) return found;
    if (found.ok.set === undefined) return { error: `${part.trim()} cannot be written` };
    out.push(found.ok);
  }
  return { ok: out };
});

async function intoVariables(
  ctx: Context,
  params: Params,
  to: Connection,
  statement: string,
  targets: readonly PvAccessor[],
): Promise<number> {
  const result = await query(ctx, params, to, statement);
  if (typeof result === 'number') return result;
  if (isEmpty(result)) return NO_ROWS;
  if (result.columns.length > targets.length) {
    ctx.host.log.write(LEVEL.ERR, 'sqlops', `Missing pv spec for column ${targets.length + 1}\n`);
    return FAILED;
  }
  ctx.onResume = () => {
    for (const row of result.rows.toReversed())
      for (const [i, value] of row.entries()) targets[i]!.set?.(ctx, scriptValue(value, result.columns[i]!.type));
  };
  return ROWS;
}

const functions: Readonly<Record<string, AnyFunction>> = {
  sql_query: fn({
    doc: 'Runs a statement: 1 with rows, in $dbr(result=>…); 2 without rows; 3 rows that are not kept; -1 it failed.',
    args: [connection, str('statement'), opt(raw('result'))],
    waits: true,
    example:
      'modparam("sqlops", "sqlcon", "ca=>sqlite:///tmp/users.sqlite")\nsql_query("ca", "select name from users where id=$(var(id){sql.val})", "ra");',
    run: (ctx, p: Params, to, statement, name) => keepResult(ctx, p, to, statement, name),
  }),
  sql_query_async: fn({
    doc: 'Runs a statement, and the script goes on at once.',
    args: [connection, str('statement')],
    run(ctx, p: Params, to, statement) {
      ctx.host.detach(query(ctx, p, to, statement), 'sql_query_async()');
      return 1;
    },
  }),
  sql_xquery: fn({
    doc: 'As sql_query(); each row becomes an XAVP with that name, its fields named like the columns.',
    args: [connection, str('statement'), str('xavp')],
    waits: true,
    run: (ctx, p: Params, to, statement, name) => intoXavp(ctx, p, to, statement, name),
  }),
  sql_pvquery: fn({
    doc: 'As sql_query(); the columns go into variables.',
    args: [connection, str('statement'), variables],
    waits: true,
    run: (ctx, p: Params, to, statement, targets) => intoVariables(ctx, p, to, statement, targets),
  }),
  sql_result_free: fn({
    doc: 'Drops a result.',
    args: [raw('result')],
    run(ctx, _p: unknown, name) {
      ctx.host.state(SQLOPS).results.delete(name);
      return 1;
    },
  }),
};

export const sqlops = defineModule({
  name: 'sqlops',
  doc: 'SQL statements of the script.',
  params: {
    sqlcon: listParam('A connection: name=>url.', (v) =>
      parseConnection(v) === undefined ? 'name=>url, such as ca=>sqlite:///var/lib/ca.db' : undefined,
    ),
    sqlres: listParam('A result that is known before the first query; without effect.'),
    tr_buf_size: intParam(2048, 'Without effect: texts of any length are escaped.'),
    connect_mode: intParam(0, '1: the server starts although a database is not there, and tries again at each query.'),
    results_maxsize: intParam(32, 'Without effect: any number of results may be there.'),
  },
  functions,
  pvs,
  transformations: { sql },
  async start(host, params): Promise<SqlOps> {
    const state = new SqlOps(host);
    await state.connect(connectionsOf(params), params.connect_mode === 1);
    return state;
  },
  async reload(_host, state, params) {
    await (state as SqlOps).connect(connectionsOf(params), true);
  },
  async stop(_host, state) {
    await (state as SqlOps).close();
  },
});
