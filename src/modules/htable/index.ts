/** Kamailio's htable: hash tables shared by all messages. */
import type { Context } from '../../runtime/context.js';
import {
  type AnyFunction,
  defineModule,
  fn,
  int,
  intParam,
  kemiParam,
  LEVEL,
  listParam,
  parsed,
  str,
  strParam,
} from '../../runtime/module.js';
import * as iterators from './iterators.js';
import { hasMatch, putWithLifetime, remove, removeMatching, removePrefixed } from './operations.js';
import { rpc } from './rpc.js';
import { parseTableSpec, parseTables } from './spec.js';
import { HTABLE, type HtableParams, HtableState } from './state.js';
import type { Table } from './table.js';
import { parseTableKey, pvs, type TableKey, TableUse } from './variables.js';

const code = (ok: boolean): number => (ok ? 1 : -1);

/** sht_setxi() succeeds with this in 5.6.3, which ends the script (conformance case htable/setx). */
const SETXI_DONE = 0;
const NO_TABLE_TO_LOCK = -11;

function tableOf(ctx: Context, name: string): Table | undefined {
  return ctx.host.state(HTABLE).table(name);
}

function warn(ctx: Context, operator: string): number {
  if (ctx.host.log.level >= LEVEL.WARN)
    ctx.host.log.write(LEVEL.WARN, 'htable', `unsupported match operator: ${operator}`);
  return -1;
}

/** `"table=>key"`; constant, as Kamailio's fixup wants it. */
const tableKey = (name: string) =>
  parsed<{ use: TableUse; key: TableKey['key'] }>(name, 'table=>key', (text, env) => {
    const found = parseTableKey(text, env);
    return 'error' in found ? found : { ok: { use: new TableUse(found.ok.table), key: found.ok.key } };
  });

function removeByExpression(by: 'name' | 'value', doc: string): AnyFunction {
  return fn({
    doc,
    args: [tableKey('table=>re')],
    run(ctx, _params: unknown, { use, key }) {
      const state = use.state(ctx);
      if (use.table === undefined) return 1;
      return code(removeMatching(state, use.table, by, key.constant ?? key.get(ctx)));
    },
  });
}

function removeItems(by: 'name' | 'value', doc: string): AnyFunction {
  return fn({
    doc,
    args: [str('table'), str('operator'), str('text')],
    run(ctx, _params: unknown, name, operator, text) {
      const table = tableOf(ctx, name);
      if (table === undefined || text === '') return -1;
      const state = ctx.host.state(HTABLE);
      if (operator === 're') return code(removeMatching(state, table, by, text));
      return operator === 'sw' ? code(removePrefixed(state, table, by, text)) : warn(ctx, operator);
    },
  });
}

const OPERATORS = ['eq', 'ne', 're', 'sw'];

function matchItems(by: 'name' | 'value', doc: string): AnyFunction {
  return fn({
    doc,
    args: [str('table'), str('operator'), str('text')],
    run(ctx, _params: unknown, name, operator, text) {
      const table = tableOf(ctx, name);
      if (table === undefined || text === '') return -1;
      return OPERATORS.includes(operator) ? code(hasMatch(table, by, operator, text)) : warn(ctx, operator);
    },
  });
}

function slotLock(doc: string): AnyFunction {
  return fn({
    doc,
    args: [tableKey('table=>key')],
    run(ctx, _params: unknown, { use }) {
      use.state(ctx);
      return use.table === undefined ? NO_TABLE_TO_LOCK : 1;
    },
  });
}

const nameMatch = 'True if some name in the table is equal (`eq`), not equal (`ne`), begins (`sw`) or matches (`re`).';
const valueMatch =
  'True if some text value in the table is equal (`eq`), not equal (`ne`), begins (`sw`) or matches (`re`).';

const functions: Readonly<Record<string, AnyFunction>> = {
  sht_print: fn({
    doc: 'Writes all tables to the log.',
    args: [],
    run(ctx) {
      for (const table of ctx.host.state(HTABLE).tables.values()) printTable(ctx, table);
      return 1;
    },
  }),
  sht_rm: fn({
    doc: 'Deletes a cell, true even if there was none.',
    args: [str('table'), str('key')],
    run(ctx, _params: unknown, name, key) {
      const table = tableOf(ctx, name);
      if (table === undefined || key === '') return -1;
      remove(ctx.host.state(HTABLE), table, key);
      return 1;
    },
  }),
  sht_rm_name_re: removeByExpression('name', 'Deletes the cells whose name matches: "table=>expression".'),
  sht_rm_value_re: removeByExpression('value', 'Deletes the cells whose text value matches: "table=>expression".'),
  sht_rm_name: removeItems('name', 'Deletes the cells whose name begins with (`sw`) or matches (`re`) the text.'),
  sht_rm_value: removeItems(
    'value',
    'Deletes the cells whose text value begins with (`sw`) or matches (`re`) the text.',
  ),
  sht_match_name: matchItems('name', nameMatch),
  sht_has_name: matchItems('name', nameMatch),
  sht_match_str_value: matchItems('value', valueMatch),
  sht_has_str_value: matchItems('value', valueMatch),
  sht_lock: slotLock('Locks the slot of a key. Runs of a script do not overlap here, so there is nothing to wait for.'),
  sht_unlock: slotLock('Unlocks the slot of a key.'),
  sht_reset: fn({
    doc: 'Empties a table.',
    args: [str('table')],
    run(ctx, _params: unknown, name) {
      const table = tableOf(ctx, name);
      table?.clear();
      return code(table !== undefined);
    },
  }),
  sht_setxs: fn({
    doc: 'Sets a cell to a text with a lifetime in seconds.',
    args: [str('table'), str('key'), str('value'), int('seconds')],
    run(ctx, _params: unknown, name, key, value, seconds) {
      const table = tableOf(ctx, name);
      if (table === undefined || key === '') return -1;
      putWithLifetime(ctx.host.state(HTABLE), table, key, value, seconds);
      return 1;
    },
  }),
  sht_setxi: fn({
    doc: 'Sets a cell to a number with a lifetime in seconds. In 5.6.3 its success is 0, which ends the script.',
    args: [str('table'), str('key'), int('value'), int('seconds')],
    run(ctx, _params: unknown, name, key, value, seconds) {
      const table = tableOf(ctx, name);
      if (table === undefined || key === '') return -1;
      putWithLifetime(ctx.host.state(HTABLE), table, key, value, seconds);
      return SETXI_DONE;
    },
  }),
  sht_iterator_start: fn({
    doc: 'Starts an iterator over a table; `$shtitkey(name)`, `$shtitval(name)` show the cell in view.',
    args: [str('iterator'), str('table')],
    run: (ctx, _params: unknown, name, table) => code(iterators.startIterator(ctx, name, table)),
  }),
  sht_iterator_next: fn({
    doc: 'Goes to the next cell; false behind the last.',
    args: [str('iterator')],
    run: (ctx, _params: unknown, name) => code(iterators.nextCell(ctx, name)),
  }),
  sht_iterator_end: fn({
    doc: 'Ends an iterator.',
    args: [str('iterator')],
    run: (ctx, _params: unknown, name) => code(iterators.endIterator(ctx, name)),
  }),
  sht_iterator_rm: fn({
    doc: 'Removes the cell in view and goes to the one behind it; -2 when there is none.',
    args: [str('iterator')],
    run: (ctx, _params: unknown, name) => iterators.removeCell(ctx, name),
  }),
  sht_iterator_sets: fn({
    doc: 'Sets the cell in view to a text.',
    args: [str('iterator'), str('value')],
    run: (ctx, _params: unknown, name, value) => code(iterators.setCell(ctx, name, value)),
  }),
  sht_iterator_seti: fn({
    doc: 'Sets the cell in view to a number.',
    args: [str('iterator'), int('value')],
    run: (ctx, _params: unknown, name, value) => code(iterators.setCell(ctx, name, value)),
  }),
  sht_iterator_setex: fn({
    doc: 'Sets the lifetime of the cell in view, in seconds.',
    args: [str('iterator'), int('seconds')],
    run: (ctx, _params: unknown, name, seconds) => code(iterators.setCellLifetime(ctx, name, seconds)),
  }),
};

function printTable(ctx: Context, table: Table): void {
  const { log } = ctx.host;
  if (log.level < LEVEL.ERR) return;
  const write = (text: string) => log.write(LEVEL.ERR, 'htable', text);
  write(`htable[${table.name}] exp: ${table.spec.autoexpire}`);
  for (const cell of table.inOrder()) {
    const value = typeof cell.value === 'string' ? `v-s:${cell.value}` : `v-i:${cell.value}`;
    write(`\tslot ${table.slotOf(cell)} cell: ${cell.key} hid: ${cell.hash} expire: ${cell.expire} ${value}`);
  }
}

const column = (name: string, what: string) => strParam(name, `Column of ${what}. Only with db_url.`);

export const htable = defineModule({
  name: 'htable',
  doc: 'Hash tables that all messages share, with cells that can expire.',
  params: {
    htable: listParam(
      'Defines a table: "name=>size=4;autoexpire=60;initval=0;updateexpire=1;dmqreplicate=0". `size` is a power of two.',
      (text) => {
        const spec = parseTableSpec(text);
        return 'error' in spec ? [spec.error, spec.hint].filter(Boolean).join('; ') : undefined;
      },
    ),
    timer_interval: intParam(20, 'Seconds between two looks for cells that have expired.'),
    timer_procs: intParam(0, 'Timer processes; one timer does it here.'),
    enable_dmq: intParam(0, 'Lets tables with `dmqreplicate=1` replicate over the DMQ bus.'),
    dmq_init_sync: intParam(0, 'Asks the other nodes for all cells at start.'),
    db_url: strParam(null, 'Database that tables with `dbtable` come out of.'),
    key_name_column: column('key_name', 'the name'),
    key_type_column: column('key_type', 'the kind of name: 0 single, 1 one of an array'),
    value_type_column: column('value_type', 'the kind of value: 0 text, 1 number'),
    key_value_column: column('key_value', 'the value'),
    expires_column: column('expires', 'the expiry'),
    array_size_suffix: strParam('::size', 'Suffix of the cell that counts an array. Only with db_url.'),
    fetch_rows: intParam(100, 'Rows fetched at once. Only with db_url.'),
    db_expires: intParam(0, 'Load and store the expiry. Only with db_url.'),
    event_callback: kemiParam('htable:'),
    event_callback_mode: intParam(
      0,
      'When event_route[htable:mod-init] runs: 0 before, 1 after the sockets; no difference here.',
    ),
  },
  functions,
  pvs,
  rpc,
  events: {
    'htable:mod-init': 'Once at start, before messages: fills tables. `drop` ends the server.',
    'htable:expired:*': 'Before a cell of the table expires; `$shtrecord(key)`, `$shtrecord(value)` hold it.',
  },
  check(params) {
    return parseTables((params as unknown as HtableParams).htable).errors.filter((e) => e.startsWith('htable already'));
  },
  async start(host, params) {
    if (params.enable_dmq !== 0 && !host.hasState({ module: 'dmq' }))
      throw new Error('failed to initialize dmq integration: enable_dmq=1 needs loadmodule "dmq.so" before htable');
    const state = new HtableState(host, params as unknown as HtableParams);
    await state.loadAll();
    return state;
  },
  async reload(_host, state, params) {
    const tables = state as HtableState;
    tables.configure(params as unknown as HtableParams);
    await tables.loadAll();
  },
  ready: (_host, state) => (state as HtableState).modInit(),
  stop: (_host, state) => (state as HtableState).stop(),
});
