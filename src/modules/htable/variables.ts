/** $sht and its kin. */
import type { Context } from '../../runtime/context.js';
import { bindFormat, type Format } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  Dual,
  isInt,
  LEVEL,
  type PvAccessor,
  type PvDefinition,
  type PvUse,
  pvTable,
  pvWith,
  toInt,
  toText,
  type Value,
} from '../../runtime/module.js';
import { iteratorCell } from './iterators.js';
import { add, countMatching, put, remove, setLifetime } from './operations.js';
import { EXPIRED, HTABLE, type HtableState } from './state.js';
import type { Cell, Table } from './table.js';

const NAME = /^[ \t\r\n]*([^= \t\r\n]+)[ \t\r\n]*=>([\s\S]*)$/;

/** `table=>key`, the key a text with variables. */
export interface TableKey {
  readonly table: string;
  readonly key: Format;
}

export function parseTableKey(text: string, env: BindEnv): BindResult<TableKey> {
  const m = NAME.exec(text);
  if (m === null) return { error: `'${text}' is no table=>key` };
  const key = bindFormat(m[2]!, env);
  return 'error' in key ? key : { ok: { table: m[1]!, key: key.ok } };
}

/** Finds the table of a use, and keeps it as long as no table has come or gone. */
export class TableUse {
  readonly name: string;
  #state: HtableState | undefined;
  #version = -1;
  #table: Table | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The state, after which `table` holds for this run. */
  state(ctx: Context): HtableState {
    const state = ctx.host.state(HTABLE);
    if (state !== this.#state || state.version !== this.#version) {
      this.#state = state;
      this.#version = state.version;
      this.#table = state.table(this.name);
    }
    return state;
  }

  /** undefined: nobody defined it. */
  get table(): Table | undefined {
    return this.#table;
  }
}

function unknownTable(ctx: Context, name: string): void {
  if (ctx.host.log.level >= LEVEL.ERR) ctx.host.log.write(LEVEL.ERR, 'htable', `hash table not found: ${name}`);
}

/** A variable over one table and a key that may vary. */
function tablePv(
  doc: string,
  get: (state: HtableState, table: Table, key: string) => Value,
  set?: (state: HtableState, table: Table, key: string, value: Value) => void,
): PvDefinition {
  return pvWith({
    doc,
    writable: set !== undefined,
    bind(use, env) {
      const parsed = parseTableKey(use.key?.text ?? '', env);
      if ('error' in parsed) return parsed;
      const { key } = parsed.ok;
      const where = new TableUse(parsed.ok.table);
      const accessor: PvAccessor = {
        get(ctx) {
          const state = where.state(ctx);
          if (where.table === undefined) return null;
          return get(state, where.table, key.constant ?? key.get(ctx));
        },
      };
      if (set === undefined) return { ok: accessor };
      return {
        ok: {
          ...accessor,
          set(ctx, value) {
            const state = where.state(ctx);
            if (where.table === undefined) {
              unknownTable(ctx, where.name);
              return false;
            }
            set(state, where.table, key.constant ?? key.get(ctx), value);
            return true;
          },
        },
      };
    },
  });
}

function write(state: HtableState, table: Table, key: string, value: Value): void {
  if (value === null || value === undefined) remove(state, table, key);
  else put(state, table, key, isInt(value) ? toInt(value) : toText(value));
}

/** $sht with a constant key keeps the cell itself, as long as it is in its table. */
function bindSht(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const parsed = parseTableKey(use.key?.text ?? '', env);
  if ('error' in parsed) return parsed;
  const { table: name, key: format } = parsed.ok;
  const where = new TableUse(name);
  const key = format.constant;
  let cell: Cell | undefined;
  let owner: Table | undefined;
  const find = (table: Table, ctx: Context): Cell | undefined => {
    if (key === undefined) return table.cells.get(format.get(ctx));
    if (cell === undefined || !cell.live || owner !== table) {
      cell = table.cells.get(key);
      owner = table;
    }
    return cell;
  };
  return {
    ok: {
      get(ctx) {
        const state = where.state(ctx);
        const table = where.table;
        if (table === undefined) {
          unknownTable(ctx, name);
          return null;
        }
        const found = find(table, ctx);
        if (found === undefined || (table.spec.autoexpire > 0 && table.isExpired(found, state.now())))
          return table.spec.initval;
        return found.value;
      },
      set(ctx, value) {
        const state = where.state(ctx);
        const table = where.table;
        if (table === undefined) {
          unknownTable(ctx, name);
          return false;
        }
        const found =
          key !== undefined && typeof value !== 'object' && value !== undefined ? find(table, ctx) : undefined;
        if (found !== undefined && table.spec.autoexpire === 0 && !state.isHeard(table))
          found.value = value as number | string;
        else write(state, table, key ?? format.get(ctx), value);
        return true;
      },
    },
  };
}

/** An unsigned int, as $shtex prints a lifetime that is over. */
function unsigned(n: number): Value {
  return n >= 0 && n <= 2147483647 ? n : new Dual(String(n >>> 0), n | 0, true);
}

function iteratorPv(doc: string, of: (cell: Cell) => Value): PvDefinition {
  return pvWith({
    doc,
    bind(use) {
      const name = use.key?.text ?? '';
      return {
        ok: {
          get(ctx) {
            const cell = iteratorCell(ctx, name);
            return cell === undefined ? null : of(cell);
          },
        },
      };
    },
  });
}

export const pvs: Readonly<Record<string, PvDefinition>> = {
  sht: pvWith({
    doc: 'A cell of a hash table: `$sht(table=>key)`, the key a text with variables. Null deletes; absent: initval or null.',
    writable: true,
    example:
      'modparam("htable", "htable", "calls=>size=8;autoexpire=300;")\n$sht(calls=>$fU) = 1;\n$sht(calls=>$fU) = $sht(calls=>$fU) + 1;\nxlog("$sht(calls=>alice) $sht(calls=>bob)\\n");\n#> 2 <null>',
    bind: bindSht,
  }),
  shtex: tablePv(
    'Seconds until the cell expires; 0 for an absent one and in a table without autoexpire.',
    (state, table, key) => unsigned(table.lifetime(key, state.now())),
    (state, table, key, value) => setLifetime(state, table, key, isInt(value) ? toInt(value) : 0),
  ),
  shtinc: tablePv(
    'Adds one and gives the new value; null on a text, and where there is nothing and no initval.',
    (state, table, key) => add(state, table, key, 1),
  ),
  shtdec: tablePv('Takes one off and gives the new value.', (state, table, key) => add(state, table, key, -1)),
  shtcn: tablePv(
    'Number of cells whose name fits: `~~re`, `%~prefix`, `~%suffix`, `==text`, `**` for all, or a bare regular expression.',
    (_state, table, key) => countMatching(table, 'name', key),
  ),
  shtcv: tablePv('Number of cells whose value fits: as `$shtcn`, and `eqN` for numbers.', (_state, table, key) =>
    countMatching(table, 'value', key),
  ),
  shtrecord: pvTable('The cell that expires, in event_route[htable:expired:TABLE].', {
    key: (ctx) => ctx.extra(EXPIRED)?.key,
    value: (ctx) => ctx.extra(EXPIRED)?.value,
  }),
  shtitkey: iteratorPv('Name of the cell in view of an iterator.', (cell) => cell.key),
  shtitval: iteratorPv('Value of the cell in view of an iterator.', (cell) => cell.value),
};
