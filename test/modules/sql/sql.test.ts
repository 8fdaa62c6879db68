import { describe, expect, test } from 'vitest';
import { dialect as mysql } from '../../../src/modules/db_mysql/client.js';
import { dialect as postgres } from '../../../src/modules/db_postgres/client.js';
import {
  type Answer,
  type Dialect,
  type SqlClient,
  SqlDatabase,
  type Statement,
} from '../../../src/modules/sql/database.js';
import { fromDatabase, fromLocalTime, localTime, toDatabase } from '../../../src/modules/sql/text.js';
import { parsePlace } from '../../../src/modules/sql/url.js';
import { DbTime } from '../../../src/runtime/database.js';

class Recorder implements SqlClient {
  readonly statements: Statement[] = [];
  async run(statement: Statement): Promise<Answer> {
    this.statements.push(statement);
    return { columns: [], rows: [], changed: 0 };
  }
  async runAll(statements: readonly Statement[]): Promise<void> {
    this.statements.push(...statements);
  }
  close = () => Promise.resolve();
}

async function statements(dialect: Dialect, work: (db: SqlDatabase) => Promise<unknown>): Promise<Statement[]> {
  const client = new Recorder();
  await work(new SqlDatabase(client, dialect));
  return client.statements;
}

describe('statements', () => {
  test('values never stand in the text, names are quoted', async () => {
    const query = (db: SqlDatabase) =>
      db.query({
        table: 'location',
        columns: ['username', 'partition'],
        where: [
          { column: 'username', op: '=', value: "a'b" },
          { column: 'expires', op: '>', value: 5 },
          { column: 'path', op: '=', value: null },
        ],
        orderBy: 'q',
      });
    expect(await statements(mysql, query)).toEqual([
      {
        sql: 'SELECT `username`, `partition` FROM `location` WHERE `username` = ? AND `expires` > ? AND `path` IS NULL ORDER BY `q`',
        values: ["a'b", 5],
      },
    ]);
    expect((await statements(postgres, query))[0]?.sql).toBe(
      'SELECT "username", "partition" FROM "location" WHERE "username" = $1 AND "expires" > $2 AND "path" IS NULL ORDER BY "q"',
    );
  });

  test('an insert that takes the place of another row', async () => {
    const put = (db: SqlDatabase) => db.batch([{ kind: 'put', table: 't', record: { ruid: 'r', q: 1 } }]);
    expect((await statements(mysql, put))[0]?.sql).toBe(
      'INSERT INTO `t` (`ruid`, `q`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `ruid` = VALUES(`ruid`), `q` = VALUES(`q`)',
    );
    expect((await statements(postgres, put))[0]?.sql).toBe(
      'INSERT INTO "t" ("ruid", "q") VALUES ($1, $2) ON CONFLICT ("ruid") DO UPDATE SET "ruid" = EXCLUDED."ruid", "q" = EXCLUDED."q"',
    );
  });

  test('points in time become local dates', async () => {
    const [statement] = await statements(mysql, (db) => db.insert('t', { at: new DbTime(1_700_000_000) }));
    expect(statement?.values).toEqual([localTime(1_700_000_000)]);
    expect(fromLocalTime(localTime(1_700_000_000))).toBe(1_700_000_000);
    expect(fromLocalTime('0000-00-00 00:00:00')).toBe(0);
  });
});

test('bytes go to the database as characters and come back', () => {
  const bytes = 'T\xc3\xbcr';
  expect([toDatabase(bytes), fromDatabase(toDatabase(bytes))]).toEqual(['Tür', bytes]);
});

test('places of servers', () => {
  expect(parsePlace('kamailio:pa:s@s/w@db.example:3307/kam')).toEqual({
    user: 'kamailio',
    password: 'pa:s@s/w',
    host: 'db.example',
    port: 3307,
    database: 'kam',
  });
  expect(parsePlace('/kam').host).toBe('localhost');
  expect(() => parsePlace('user@host')).toThrow(/no name of a database/);
});
