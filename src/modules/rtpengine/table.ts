/** RTPengines out of a table of a database. */
import { openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import { parseSet } from '../rtpproxy/sets.js';
import { checkTableVersion } from '../sql/version.js';

export interface TableParams {
  readonly db_url: string | null;
  readonly table_name: string;
  readonly setid_col: string;
  readonly url_col: string;
  readonly weight_col: string;
  readonly disabled_col: string;
}

const VERSION = 1;

/** One RTPengine of a set. */
export interface EngineRow {
  readonly set: number;
  readonly url: string;
  readonly weight: number;
  readonly disabled: boolean;
}

/** Rejects with a DbError. */
export async function readTable(host: Host, url: string, p: TableParams): Promise<readonly EngineRow[]> {
  const db = await openDatabase(host, url);
  try {
    await checkTableVersion(db, p.table_name, VERSION);
    const columns = [p.setid_col, p.url_col, p.weight_col, p.disabled_col];
    const { rows } = await db.query({ table: p.table_name, columns });
    if (rows.length === 0) host.log.write(LEVEL.WARN, 'rtpengine', 'No rtpengine instances in database\n');
    return rows.flatMap((row) => {
      const [set, weight, disabled] = [Number(row[0]), Number(row[2]), Number(row[3])];
      const parsed = parseSet(`${set} == ${row[1] ?? ''}`);
      if (typeof parsed === 'string') {
        host.log.write(LEVEL.ERR, 'rtpengine', `error inserting '${row[1]}' into set ${set}: ${parsed}\n`);
        return [];
      }
      const own = String(row[1]).includes('=');
      return parsed.nodes.map((n) => ({ set, url: n.url, weight: own ? n.weight : weight, disabled: disabled !== 0 }));
    });
  } finally {
    await db.close();
  }
}
