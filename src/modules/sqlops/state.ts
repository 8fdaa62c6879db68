/** Connections and results of sqlops. */
import { type Database, type DbType, type DbValue, openDatabase, type RawResult } from '../../runtime/database.js';
import { type Host, LEVEL, stateKey } from '../../runtime/host.js';
import type { Value } from '../../runtime/module.js';

export interface Connection {
  readonly name: string;
  readonly url: string;
}

const SPEC = /^\s*([^=\s]+)\s*=>\s*(\S.*?)\s*$/s;

/** `name=>url` of the parameter sqlcon. */
export function parseConnection(text: string): Connection | undefined {
  const m = SPEC.exec(text);
  return m === null ? undefined : { name: m[1]!, url: m[2]! };
}

export function connectionsOf(params: Readonly<Record<string, unknown>>): readonly Connection[] {
  const lines = (params.sqlcon ?? []) as readonly string[];
  return lines.map(parseConnection).filter((c) => c !== undefined);
}

export interface SqlTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** A value for scripts: fractions are null and great numbers text, as in Kamailio. */
export function scriptValue(value: DbValue, type: DbType): Value {
  if (value === null || type === 'double') return null;
  if (typeof value === 'string') return value;
  return (value | 0) === value ? value : `${value}`;
}

export function tableOf({ columns, rows }: RawResult): SqlTable {
  return {
    columns: columns.map((c) => c.name),
    rows: rows.map((row) => row.map((v, i) => scriptValue(v, columns[i]!.type))),
  };
}

export class SqlOps {
  readonly #host: Host;
  readonly #open = new Map<string, Database>();
  readonly results = new Map<string, SqlTable>();
  /** Rows that the last statement of a connection changed. */
  readonly changed = new Map<string, number>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Opens all; rejects where one cannot be opened, unless it is to be tried again (`lazily`). */
  async connect(connections: readonly Connection[], lazily: boolean): Promise<void> {
    for (const { name, url } of connections) {
      if (this.#open.has(name)) continue;
      try {
        this.#open.set(name, await openDatabase(this.#host, url));
      } catch (e) {
        if (!lazily) throw e;
        this.#host.log.write(LEVEL.INFO, 'sqlops', `failed to connect to the database [${name}] - trying next\n`);
      }
    }
  }

  /** Undefined where it is not open and cannot be opened now. */
  async database({ name, url }: Connection, lazily: boolean): Promise<Database | undefined> {
    const known = this.#open.get(name);
    if (known !== undefined || !lazily) return known;
    await this.connect([{ name, url }], true);
    return this.#open.get(name);
  }

  async close(): Promise<void> {
    for (const db of this.#open.values()) await db.close();
    this.#open.clear();
  }
}

export const SQLOPS = stateKey<SqlOps>('sqlops');
