/** The `version` table, which tells the shape of Kamailio's tables. */
import { type Database, DbError } from '../../runtime/database.js';

/** Rejects with a DbError where the table has another shape than `wanted`. */
export async function checkTableVersion(db: Database, table: string, wanted: number): Promise<void> {
  const { rows } = await db.query({
    table: 'version',
    columns: ['table_version'],
    where: [{ column: 'table_name', op: '=', value: table }],
  });
  const found = Number(rows[0]?.[0] ?? 0);
  if (found !== wanted)
    throw new DbError(`table ${table} has version ${found}, it must be ${wanted}: make the tables anew with kamdbctl`);
}

/** Where modules that only read look when nothing else is said. */
export const READ_URL = 'mysql://kamailioro:kamailioro@localhost/kamailio';
