/** Queues that come out of a database at start and go back at the end (mqueue_db.c). */
import { type Database, DbError } from '../../runtime/database.js';

export interface Item {
  readonly key: string;
  readonly value: string;
}

/** Takes all items of the table that is called as the queue; the table is empty then. Rejects with a DbError. */
export async function takeItems(db: Database, table: string): Promise<Item[]> {
  const { rows } = await db.query({ table, columns: ['key', 'val'], orderBy: 'id' });
  const items = rows.map(([key, value]) => {
    if (typeof key !== 'string' || typeof value !== 'string')
      throw new DbError(`table ${table}: columns key and val hold texts`);
    return { key, value };
  });
  await db.delete(table, []);
  return items;
}

/** Adds items to the table. Rejects with a DbError. */
export async function putItems(db: Database, table: string, items: readonly Item[]): Promise<void> {
  for (const { key, value } of items) await db.insert(table, { key, val: value });
}
