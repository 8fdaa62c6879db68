/** The trees of a server, and how they come out of a database. */
import { type Database, DbError, type DbResult, type DbValue, openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL, stateKey } from '../../runtime/module.js';
import { byName, parseTrees, type TreeSpec } from './spec.js';
import { type Duplicates, PrefixTree, type TreeType } from './tree.js';

export interface MtreeParams {
  readonly mtree: readonly string[];
  readonly db_url: string;
  readonly db_table: string;
  readonly tname_column: string;
  readonly tprefix_column: string;
  readonly tvalue_column: string;
  readonly char_list: string;
  readonly mt_tree_type: number;
  readonly mt_ignore_duplicates: number;
  readonly mt_allow_duplicates: number;
  readonly pv_value: string;
  readonly pv_values: string;
  readonly pv_dstid: string;
  readonly pv_weight: string;
  readonly pv_count: string;
}

export const MTREE = stateKey<MtreeState>('mtree');

export interface LoadedTree {
  readonly name: string;
  /** Of the database. */
  readonly table: string;
  readonly tree: PrefixTree;
  readonly reloads: number;
  /** Second since the epoch. */
  readonly loaded: number;
}

export class MtreeState {
  /** In the order of their names. */
  trees: ReadonlyMap<string, LoadedTree> = new Map();
  readonly #host: Host;
  #params: MtreeParams;

  constructor(host: Host, params: MtreeParams) {
    this.#host = host;
    this.#params = params;
  }

  /** Trees by the parameter `mtree`; without any, those that the rows of `db_table` name. */
  get #specs(): readonly TreeSpec[] {
    return parseTrees(this.#params.mtree).specs;
  }

  /** One table holds all trees and says what they are called. */
  get isNamedByTable(): boolean {
    return this.#specs.length === 0;
  }

  configure(params: MtreeParams): void {
    this.#params = params;
  }

  /** Loads the trees that `wanted` says, or all that the table names. Rejects with a DbError, and then all stay as they were. */
  async load(wanted: (name: string) => boolean = () => true): Promise<number> {
    const db = await openDatabase(this.#host, this.#params.db_url);
    try {
      if (this.isNamedByTable) {
        this.trees = await this.#loadNamed(db);
        return this.trees.size;
      }
      const trees = new Map<string, LoadedTree>();
      let count = 0;
      for (const spec of this.#specs) {
        const old = this.trees.get(spec.name);
        if (old !== undefined && !wanted(spec.name)) trees.set(spec.name, old);
        else {
          trees.set(spec.name, await this.#loadOne(db, spec));
          count++;
        }
      }
      this.trees = trees;
      return count;
    } finally {
      await db.close();
    }
  }

  #tree(type: TreeType): PrefixTree {
    return new PrefixTree(type, this.#params.char_list);
  }

  #loaded(name: string, table: string, tree: PrefixTree): LoadedTree {
    const loaded = Math.floor(this.#host.clock.now() / 1000);
    return { name, table, tree, reloads: (this.trees.get(name)?.reloads ?? 0) + 1, loaded };
  }

  async #loadOne(db: Database, spec: TreeSpec): Promise<LoadedTree> {
    const { tname_column, tprefix_column, tvalue_column } = this.#params;
    const result = await db.query({
      table: spec.table,
      columns: spec.columns.length > 0 ? spec.columns : [tprefix_column, tvalue_column],
      ...(spec.multi ? { where: [{ column: tname_column, op: '=', value: spec.name }] } : {}),
    });
    if (result.rows.length > 0) onlyStrings(result, spec.table);
    const tree = this.#tree(spec.type);
    for (const [prefix, ...values] of result.rows) this.#add(spec.name, tree, prefix, packed(values));
    return this.#loaded(spec.name, spec.table, tree);
  }

  async #loadNamed(db: Database): Promise<Map<string, LoadedTree>> {
    const { db_table, tname_column, tprefix_column, tvalue_column, mt_tree_type } = this.#params;
    const columns = [tname_column, tprefix_column, tvalue_column];
    const { rows } = await db.query({ table: db_table, columns, orderBy: tname_column });
    const trees = new Map<string, PrefixTree>();
    for (const [name, prefix, value] of rows) {
      if (typeof name !== 'string' || name === '') {
        this.#error('Error - bad values in db');
        continue;
      }
      const tree = trees.get(name) ?? this.#tree(mt_tree_type as TreeType);
      trees.set(name, tree);
      this.#add(name, tree, prefix, value);
    }
    const sorted = [...trees].sort(([a], [b]) => byName(a, b));
    return new Map(sorted.map(([name, tree]) => [name, this.#loaded(name, db_table, tree)]));
  }

  /** A row without prefix or value is left out; one that the tree refuses ends the load. */
  #add(name: string, tree: PrefixTree, prefix: DbValue | undefined, value: DbValue | undefined): void {
    if (typeof prefix !== 'string' || typeof value !== 'string' || prefix === '' || value === '') {
      this.#error(`Error - bad record in db (tree ${name}, prefix ${prefix}, value ${value})`);
      return;
    }
    const wrong = tree.add(prefix, value, this.#duplicates);
    if (wrong !== undefined) throw new DbError(`tree ${name}: ${wrong}`);
  }

  get #duplicates(): Duplicates {
    if (this.#params.mt_ignore_duplicates !== 0) return 'ignore';
    return this.#params.mt_allow_duplicates !== 0 ? 'keep' : 'refuse';
  }

  #error(text: string): void {
    if (this.#host.log.level >= LEVEL.ERR) this.#host.log.write(LEVEL.ERR, 'mtree', text);
  }
}

function onlyStrings({ columns }: DbResult, table: string): void {
  const [prefix, value] = columns;
  if (prefix?.type !== 'string' || value?.type !== 'string')
    throw new DbError(
      `wrong column types in db table ${table} (${prefix?.type} / ${value?.type}): both must be string`,
    );
}

/** Several columns become one text: a comma between them, an asterisk for null. */
function packed(values: readonly DbValue[]): DbValue | undefined {
  return values.length < 2 ? values[0] : values.map((v) => (v === null ? '*' : String(v))).join(',');
}
