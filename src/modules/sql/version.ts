/** The `version` table, which tells the shape of Kamailio's tables. */
import { type Database, DbError, versionTableOf } from '../../runtime/database.js';

/** Version of a table; 0 where none is written down. Rejects with a DbError. */
export async function tableVersion(db: Database, table: string): Promise<number> {
  const { rows } = await db.query({
    table: versionTableOf(db),
    columns: ['table_version'],
    where: [{ column: 'table_name', op: '=', value: table }],
  });
  return Number(rows[0]?.[0] ?? 0);
}

/** Rejects with a DbError where the table has another shape than `wanted`. */
export async function checkTableVersion(db: Database, table: string, wanted: number): Promise<void> {
  const found = await tableVersion(db, table);
  if (found !== wanted)
    throw new DbError(`table ${table} has version ${found}, it must be ${wanted}: make the tables anew with kamdbctl`);
}

/** Where modules that only read look when nothing else is said. */
export const READ_URL = 'mysql://kamailioro:kamailioro@localhost/kamailio';
