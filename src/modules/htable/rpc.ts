/** Management commands htable.*. */

import { DbError } from '../../runtime/database.js';
import type { Host, RpcDefinition, RpcValue } from '../../runtime/module.js';
import { LEVEL, RpcFault } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { readTable, writeTable } from './dump.js';
import { put, putWithLifetime, remove, setLifetime } from './operations.js';
import { HTABLE, type HtableState } from './state.js';
import type { Cell, Table } from './table.js';

const SET = 'Ok. Key set to new value.';

function text(value: RpcValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

function number(value: RpcValue | undefined): number | undefined {
  if (typeof value === 'number') return value | 0;
  return typeof value === 'string' ? parseInt32(value) : undefined;
}

/** Arguments read one after the other; the first that is missing is a fault with `message`. */
function reader(args: readonly RpcValue[], message: string) {
  let at = 0;
  const must = <T>(value: T | undefined): T => {
    if (value === undefined) throw new RpcFault(500, message);
    return value;
  };
  return { text: () => must(text(args[at++])), number: () => must(number(args[at++])) };
}

function tableOf(state: HtableState, name: string): Table {
  const table = state.table(name);
  if (table === undefined) throw new RpcFault(500, 'No such htable');
  return table;
}

/** `2024-01-31 12:00:00` in local time. */
function localTime(seconds: number): string {
  const d = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

const IS_STRING = 2;

function get(host: Host, args: readonly RpcValue[]): RpcValue {
  const read = reader(args, 'Not enough parameters (htable name and key name)');
  const name = read.text();
  const key = read.text();
  const state = host.state(HTABLE);
  const cell = tableOf(state, name).get(key, state.now());
  if (cell === undefined) throw new RpcFault(500, "Key name doesn't exist in htable.");
  const { value } = cell;
  const flags = typeof value === 'string' ? IS_STRING : 0;
  return { item: { name: cell.key, value, flags, expire: cell.expire === 0 ? 'NEVER' : localTime(cell.expire) } };
}

const WANTS_VALUE = 'Not enough parameters (htable name, key name and value)';
const WANTS_ALL = 'Not enough parameters (htable name, key name, value and expire)';

/** A command that writes: table, key, then what `write` reads. */
function setter(
  doc: string,
  message: string,
  write: (read: ReturnType<typeof reader>) => (state: HtableState, table: Table, key: string) => void,
  answer = SET,
): RpcDefinition {
  return {
    doc,
    run(host, args) {
      const read = reader(args, message);
      const name = read.text();
      const key = read.text();
      const run = write(read);
      const state = host.state(HTABLE);
      run(state, tableOf(state, name), key);
      return answer;
    },
  };
}

function slotRecords(table: Table): RpcValue[] {
  const slots = new Map<number, Cell[]>();
  for (const cell of table.inOrder()) {
    const slot = table.slotOf(cell);
    const cells = slots.get(slot);
    if (cells === undefined) slots.set(slot, [cell]);
    else cells.push(cell);
  }
  return [...slots].map(([entry, cells]) => ({ entry, size: cells.length, slot: cells.map(cellRecord) }));
}

function cellRecord(cell: Cell): RpcValue {
  return { name: cell.key, value: cell.value, type: typeof cell.value === 'string' ? 'str' : 'int' };
}

function allTables(host: Host): Table[] {
  const tables = [...host.state(HTABLE).tables.values()];
  if (tables.length === 0) throw new RpcFault(500, 'No htables');
  // Kamailio puts each new table in front.
  return tables.reverse();
}

function tableRecord(table: Table): RpcValue {
  const { name, dbtable, dbmode, autoexpire, updateexpire, slots, dmqreplicate } = table.spec;
  return { name, dbtable, dbmode, expire: autoexpire, updateexpire: updateexpire ? 1 : 0, size: slots, dmqreplicate };
}

function statistics(table: Table): RpcValue {
  const { slots } = table.spec;
  const sizes = new Map<number, number>();
  for (const cell of table.cells.values()) sizes.set(table.slotOf(cell), (sizes.get(table.slotOf(cell)) ?? 0) + 1);
  let min = sizes.size < slots ? 0 : Number.POSITIVE_INFINITY;
  let max = 0;
  for (const size of sizes.values()) {
    min = Math.min(min, size);
    max = Math.max(max, size);
  }
  return { name: table.name, slots, all: table.cells.size, min, max };
}

/** A command on a table that has one in the database. */
function withTable(
  doc: string,
  failed: string,
  work: (state: HtableState, table: Table) => Promise<string>,
): RpcDefinition {
  return {
    doc,
    async run(host, args) {
      const state = host.state(HTABLE);
      if (!state.hasDatabase) throw new RpcFault(500, 'No htable db_url');
      const table = tableOf(state, reader(args, 'No htable name given').text());
      if (table.spec.dbtable === '') throw new RpcFault(500, 'No database htable');
      try {
        return await work(state, table);
      } catch (e) {
        if (!(e instanceof DbError)) throw e;
        if (host.log.level >= LEVEL.ERR) host.log.write(LEVEL.ERR, 'htable', e.message);
        throw new RpcFault(500, failed);
      }
    },
  };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'htable.get': { doc: 'One cell: TABLE KEY.', run: get },
  'htable.sets': setter('Sets a cell to a text: TABLE KEY TEXT.', WANTS_VALUE, (read) => {
    const value = read.text();
    return (state, table, key) => put(state, table, key, value);
  }),
  'htable.seti': setter('Sets a cell to a number: TABLE KEY NUMBER.', WANTS_VALUE, (read) => {
    const value = read.number();
    return (state, table, key) => put(state, table, key, value);
  }),
  'htable.setex': setter(
    'Sets the lifetime of a cell: TABLE KEY SECONDS.',
    'Not enough parameters (htable name, item name and expire)',
    (read) => {
      const seconds = read.number();
      return (state, table, key) => setLifetime(state, table, key, seconds);
    },
    'Ok',
  ),
  'htable.setxs': setter('Sets a cell to a text with a lifetime: TABLE KEY TEXT SECONDS.', WANTS_ALL, (read) => {
    const value = read.text();
    const seconds = read.number();
    return (state, table, key) => putWithLifetime(state, table, key, value, seconds);
  }),
  'htable.setxi': setter('Sets a cell to a number with a lifetime: TABLE KEY NUMBER SECONDS.', WANTS_ALL, (read) => {
    const value = read.number();
    const seconds = read.number();
    return (state, table, key) => putWithLifetime(state, table, key, value, seconds);
  }),
  'htable.delete': {
    doc: 'Deletes a cell: TABLE KEY.',
    run(host, args) {
      const read = reader(args, 'Not enough parameters (htable name & key name');
      const name = read.text();
      const key = read.text();
      const state = host.state(HTABLE);
      if (!remove(state, tableOf(state, name), key)) throw new RpcFault(404, 'Key not found in htable.');
      return 'Ok. Key deleted.';
    },
  },
  'htable.dump': {
    doc: 'All cells by slot: TABLE.',
    returnsArray: true,
    run: (host, args) => slotRecords(tableOf(host.state(HTABLE), reader(args, 'No htable name given').text())),
  },
  'htable.listTables': { doc: 'All tables.', returnsArray: true, run: (host) => allTables(host).map(tableRecord) },
  'htable.stats': {
    doc: 'Cells of all tables: how many, fewest and most in a slot.',
    returnsArray: true,
    run: (host) => allTables(host).map(statistics),
  },
  'htable.flush': {
    doc: 'Empties a table: TABLE.',
    run(host, args) {
      tableOf(host.state(HTABLE), reader(args, 'No htable name given').text()).clear();
      return 'Ok. Htable flushed.';
    },
  },
  'htable.reload': withTable(
    'Reads a table from its database again: TABLE.',
    'Htable reload failed',
    async (state, table) => {
      await state.load(table);
      return 'Ok. Htable reloaded.';
    },
  ),
  'htable.store': withTable('Writes a table to its database: TABLE.', 'Storing htable failed', async (state, table) => {
    await state.store(table);
    return 'Ok. Htable successfully stored to DB.';
  }),
  'htable.saveFile': {
    doc: 'Writes a table to a file, one JSON record a line: TABLE FILE. An extension of kamscript.',
    async run(host, args) {
      const read = reader(args, 'Not enough parameters (htable name and file)');
      const table = tableOf(host.state(HTABLE), read.text());
      const count = await writeTable(table, read.text(), host.state(HTABLE).now());
      return `Ok. ${count} cells written.`;
    },
  },
  'htable.loadFile': {
    doc: 'Adds the cells of a file that htable.saveFile wrote: TABLE FILE. An extension of kamscript.',
    async run(host, args) {
      const read = reader(args, 'Not enough parameters (htable name and file)');
      const table = tableOf(host.state(HTABLE), read.text());
      const count = await readTable(table, read.text(), host.state(HTABLE).now());
      return `Ok. ${count} cells read.`;
    },
  },
};
