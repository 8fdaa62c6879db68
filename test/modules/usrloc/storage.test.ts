import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dialect, SqliteClient } from '../../../src/modules/db_sqlite/client.js';
import { SqlDatabase } from '../../../src/modules/sql/database.js';
import type { Contact } from '../../../src/modules/usrloc/contact.js';
import { params } from '../../../src/modules/usrloc/params.js';
import { DatabaseStorage } from '../../../src/modules/usrloc/storage.js';
import { DbTime } from '../../../src/runtime/database.js';
import { fakeHost, fakeProgram, SOCKET } from '../../support/fake-host.js';

/** Kamailio's location table, as far as it is used. */
const TABLE = `CREATE TABLE location (id INTEGER PRIMARY KEY NOT NULL, ruid VARCHAR(64) DEFAULT '' NOT NULL UNIQUE,
  username VARCHAR(64), domain VARCHAR(64), contact VARCHAR(512), received VARCHAR(128), path VARCHAR(512),
  expires TIMESTAMP, q REAL, callid VARCHAR(255), cseq INTEGER, last_modified TIMESTAMP, flags INTEGER, cflags INTEGER,
  user_agent VARCHAR(255), socket VARCHAR(64), methods INTEGER, instance VARCHAR(255), reg_id INTEGER,
  server_id INTEGER, connection_id INTEGER, keepalive INTEGER, partition INTEGER)`;

const DEFAULTS = Object.fromEntries(Object.entries(params).map(([name, def]) => [name, def.default]));
const host = fakeHost({ program: fakeProgram({ params: { usrloc: { ...DEFAULTS, db_mode: 1 } } }) });

const CONTACT: Contact = {
  domain: 'location',
  aor: 'alice',
  ruid: 'uloc-1',
  uri: 'sip:alice@192.0.2.7:5062;ob',
  received: 'sip:198.51.100.1:40000',
  path: '',
  expires: 1_900_000_000,
  q: 250,
  callId: 'c1',
  cseq: 7,
  flags: 0,
  cflags: 64,
  userAgent: 'Telefon \xc3\xbc',
  socket: SOCKET,
  methods: 0xffffffff,
  instance: '<urn:uuid:1>',
  regId: 2,
  serverId: 0,
  connection: -1,
  lastModified: 1_800_000_000,
  xavp: null,
  state: 'sync',
  keepalive: 1,
  lastKeepalive: Math.floor(host.clock.now() / 1000),
  roundtrip: 0,
};

let folder = '';
let client: SqliteClient;
let storage: DatabaseStorage;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'usrloc-'));
  client = new SqliteClient(join(folder, 'location.db'), 'WAL');
  client.exec(TABLE);
  storage = new DatabaseStorage(host, new SqlDatabase(client, dialect));
});

afterEach(async () => {
  await storage.close();
  rmSync(folder, { recursive: true });
});

describe('contacts in SQLite', () => {
  test('come back as they were', async () => {
    storage.write('insert', CONTACT);
    await storage.written();
    expect(await storage.read('location', 'alice')).toEqual([CONTACT]);
    expect(await storage.read('location', 'bob')).toEqual([]);
    expect(await storage.readByRuid('location', 'uloc-1')).toEqual(CONTACT);
  });

  test('an insert takes the place of a row with the same ruid; update and delete find it', async () => {
    storage.write('insert', CONTACT);
    storage.write('insert', { ...CONTACT, cseq: 8 });
    storage.write('update', { ...CONTACT, cseq: 9, q: -1 });
    await storage.written();
    expect((await storage.all('location')).map((c) => [c.cseq, c.q])).toEqual([[9, -1]]);
    storage.write('delete', CONTACT);
    await storage.written();
    expect(await storage.all('location')).toEqual([]);
  });

  test('dates are Julian days, as Kamailio writes them', async () => {
    storage.write('insert', CONTACT);
    await storage.written();
    const { rows } = await client.run({ sql: 'SELECT unixepoch(expires) FROM location', values: [] });
    expect(rows).toEqual([[CONTACT.expires]]);
  });

  test('a change that fails is told to who made it, and the others are written', async () => {
    storage.write('insert', CONTACT);
    const first = storage.written();
    storage.write('insert', { ...CONTACT, domain: 'nowhere', ruid: 'uloc-2' });
    const second = storage.written();
    storage.write('insert', { ...CONTACT, ruid: 'uloc-3' });
    const third = storage.written();
    const outcomes = await Promise.allSettled([first, second, third]);
    expect(outcomes.map((o) => o.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await storage.all('location')).map((c) => c.ruid)).toEqual(['uloc-1', 'uloc-3']);
  });

  test('rows that have expired are deleted, those without an end stay', async () => {
    storage.write('insert', { ...CONTACT, ruid: 'old', expires: 1_000 });
    storage.write('insert', { ...CONTACT, ruid: 'ever', expires: 0 });
    storage.write('insert', CONTACT);
    await storage.written();
    await storage.deleteExpired('location', 1_800_000_000);
    expect((await storage.all('location')).map((c) => c.ruid).sort()).toEqual(['ever', 'uloc-1']);
  });
});

test('a point in time is what each database makes of it', () => {
  expect(dialect.time(new DbTime(0).seconds)).toBe(2440587.5);
});
