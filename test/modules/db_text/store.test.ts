/** Tables of db_text: reading, changing, writing, and what is wrong with a file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseTable, printTable } from '../../../src/modules/db_text/file.js';
import { TextDatabase, TextStore } from '../../../src/modules/db_text/store.js';

const FORMAT = { delimiter: ':', emptyString: false };
const USERS =
  'id(int,auto) name(string) score(double,null) note(str,null)\n1:ann:1.5:a\\:b\\\\c\\n\n2:bob::\n:cid:3:x\n';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kamscript-db-'));
  writeFileSync(join(dir, 'users'), USERS);
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = (mode = 0) => new TextDatabase(new TextStore(FORMAT, mode), dir);

test('rows come with their types, numbers that count by themselves are filled in', async () => {
  const { columns, rows } = await open().query({ table: 'users' });
  expect(columns.map((c) => c.type)).toEqual(['int', 'string', 'double', 'str']);
  expect(rows).toEqual([
    [1, 'ann', 1.5, 'a:b\\c\n'],
    [2, 'bob', null, null],
    [3, 'cid', 3, 'x'],
  ]);
});

test('conditions, columns and order', async () => {
  const db = open();
  const names = async (op: '<' | '>=' | '<>', value: number) =>
    (await db.query({ table: 'users', columns: ['NAME'], where: [{ column: 'id', op, value }], orderBy: 'note' })).rows;
  expect(await names('>=', 2)).toEqual([['bob'], ['cid']]);
  expect(await names('<>', 1)).toEqual([['bob'], ['cid']]);
  expect(await names('<', 3)).toEqual([['bob'], ['ann']]);
  await expect(db.query({ table: 'users', columns: ['nope'] })).rejects.toThrow('table users has no column nope');
  await expect(db.query({ table: 'none' })).rejects.toThrow('failed to open file');
});

test('changes are kept in memory until they are written', async () => {
  const store = new TextStore(FORMAT, 0);
  const db = new TextDatabase(store, dir);
  await db.insert('users', { name: 'dan:\n', note: null });
  expect(await db.update('users', { score: 2 }, [{ column: 'name', op: '=', value: 'bob' }])).toBe(1);
  expect(await db.delete('users', [{ column: 'id', op: '=', value: 1 }])).toBe(1);
  await expect(db.insert('users', { score: 1 })).rejects.toThrow('null value not allowed');
  await expect(db.insert('users', { name: 5 })).rejects.toThrow('number for a column of type string');
  expect(readFileSync(join(dir, 'users'), 'latin1')).toBe(USERS);
  await store.writeAll();
  const { rows } = await open().query({ table: 'users' });
  expect(rows).toEqual([
    [2, 'bob', 2, null],
    [3, 'cid', 3, 'x'],
    [4, 'dan:\n', null, null],
  ]);
});

test('with db_mode 1 each change is written at once', async () => {
  await open(1).delete('users', [{ column: 'id', op: '>', value: 1 }]);
  expect((await open().query({ table: 'users' })).rows).toHaveLength(1);
});

test('a table prints as it reads', () => {
  const parsed = parseTable(USERS, FORMAT);
  if ('error' in parsed) throw new Error(parsed.error);
  expect(parseTable(printTable(parsed.ok, FORMAT), FORMAT)).toEqual(parsed);
});

test.each([
  ['', 'line 1'],
  ['a(x)\n', 'line 1'],
  ['a(int) b(str)\n1\n', 'line 2: 1 fields for 2 columns'],
  ['a(int)\nx\n', "line 2: column a: 'x' is no int"],
  ['a(int)\n\n1\n:\n', 'line 4: column a: null value not allowed'],
  ['a(str)\n\\q\n', 'line 2'],
])('%j is no table', (text, reason) => {
  const parsed = parseTable(text, FORMAT);
  expect('error' in parsed ? parsed.error : 'parsed').toContain(reason);
});
