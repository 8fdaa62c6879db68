/** $dbr(result=>…) and $sqlrows(connection); {sql.val}. */
import { bindVariable } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  type PvDefinition,
  pvWith,
  type RouteContext,
  type TransformationDefinition,
  toInt,
  toText,
  type Value,
} from '../../runtime/module.js';
import { escapeCommon } from '../../runtime/transformations/s-codes.js';
import { connectionsOf, SQLOPS, type SqlTable } from './state.js';

type Index = (ctx: RouteContext) => number;

function bindIndex(text: string, env: BindEnv): BindResult<Index> {
  if (text[0] === '$') {
    const variable = bindVariable(text, env);
    if ('error' in variable) return variable;
    const { get } = variable.ok;
    return { ok: (ctx) => toInt(get(ctx)) };
  }
  const n = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(n) ? { error: `bad number <${text}>` } : { ok: () => n };
}

type Read = (table: SqlTable, ctx: RouteContext) => Value;

function bindRead(what: string, env: BindEnv): BindResult<Read> {
  if (what === 'rows') return { ok: (table) => table.rows.length };
  if (what === 'cols') return { ok: (table) => table.columns.length };
  const name = /^colname\s*\[\s*(.+?)\s*\]$/.exec(what);
  if (name !== null) {
    const index = bindIndex(name[1]!, env);
    return 'error' in index ? index : { ok: (table, ctx) => table.columns[index.ok(ctx)] ?? null };
  }
  const cell = /^\[\s*(.+?)\s*,\s*(.+?)\s*\]$/.exec(what);
  if (cell === null) return { error: 'write rows, cols, [row,column] or colname[column]' };
  const row = bindIndex(cell[1]!, env);
  if ('error' in row) return row;
  const column = bindIndex(cell[2]!, env);
  return 'error' in column ? column : { ok: (table, ctx) => table.rows[row.ok(ctx)]?.[column.ok(ctx)] ?? null };
}

const NO_ROWS: SqlTable = { columns: [], rows: [] };

const dbr = pvWith({
  doc: 'Result of sql_query(): result=>rows, =>cols, =>[row,column], =>colname[column].',
  example: '$var(name) = $dbr(ra=>[0,1]);',
  bind(use, env) {
    const m = /^\s*([^=\s]+)\s*=>\s*(.+?)\s*$/s.exec(use.key?.text ?? '');
    if (m === null) return { error: 'write $dbr(result=>…)' };
    const name = m[1]!;
    const read = bindRead(m[2]!, env);
    if ('error' in read) return read;
    return { ok: { get: (ctx) => read.ok(ctx.host.state(SQLOPS).results.get(name) ?? NO_ROWS, ctx) } };
  },
});

const sqlrows = pvWith({
  doc: 'Rows that the last statement of a connection changed.',
  bind(use, env) {
    const name = use.key?.text ?? '';
    if (!connectionsOf(env.params('sqlops')).some((c) => c.name === name))
      return { error: `invalid connection [${name}]` };
    return { ok: { get: (ctx) => ctx.host.state(SQLOPS).changed.get(name) ?? 0 } };
  },
});

export const pvs: Readonly<Record<string, PvDefinition>> = { dbr, sqlrows };

const NULLS: Readonly<Record<string, string>> = { val: 'NULL', 'val.int': '0', 'val.str': "''" };

export const sql: TransformationDefinition = {
  doc: 'Values for SQL statements.',
  names: {
    val: 'A number as it is, a text in quotes with its special characters escaped, NULL for null.',
    'val.int': 'As val, 0 for null.',
    'val.str': "As val, '' for null.",
  },
  bind(name, _args, _env, rest) {
    if (rest !== '') return { error: `{sql.${name}} takes no argument` };
    const lower = name.toLowerCase();
    const whenNull = Object.hasOwn(NULLS, lower) ? NULLS[lower] : undefined;
    if (whenNull === undefined) return { error: `unknown transformation {sql.${name}}` };
    return {
      ok(value) {
        if (value === null || value === undefined) return whenNull;
        const number = typeof value === 'number' || (typeof value === 'object' && value.isInt);
        return number ? `${toInt(value)}` : `'${escapeCommon(toText(value))}'`;
      },
    };
  },
};
