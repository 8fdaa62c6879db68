/** The RPC command db_text.query: answers as kamcmd printed those of 5.6.3. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningScript, runScript } from '../../support/script.js';

let dir: string;
let script: RunningScript;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kamscript-db-'));
  writeFileSync(
    join(dir, 't'),
    'id(int,auto) name(string) age(int,null) w(double,null)\n1:alice:30:1.5\n2:bob::2.25\n3:carol:41:\n',
  );
  script = await runScript(`loadmodule "pv.so"
loadmodule "db_text.so"
modparam("db_text", "default_connection", "text://${dir}")
modparam("db_text", "max_result_rows", 4)
request_route { exit; }
`);
});
afterEach(async () => {
  await script.stop();
  rmSync(dir, { recursive: true });
});

const HEAD = 'id(int,auto) name(string) age(int,null) w(double,null)\n\n';
const ALL = `${HEAD}1:alice:30:1.50\n2:bob::2.25\n3:carol:41:\n\ntotal rows 3 / 3\n`;
const FAILED = 'error executing sql statement\n';

test('statements as they were answered by 5.6.3', async () => {
  const answers: readonly (readonly [statement: string, answer: string])[] = [
    ['select * from t', ALL],
    ['select name, age from t where id=2', 'name(string) age(int,null)\n\nbob:\n\ntotal rows 1 / 1\n'],
    ['select name from t where name="carol"', 'name(string)\n\ncarol\n\ntotal rows 1 / 1\n'],
    ['select id from t where id>1 order by name', 'id(int,auto)\n\n2\n3\n\ntotal rows 2 / 2\n'],
    ['select name from t where id=9', 'statement returned 0 rows\n'],
    ['select nosuch from t', FAILED],
    ['select * from nosuch', FAILED],
    ['update t set age=5 where id=2', '1 affected rows\n'],
    ['update t set age=5', FAILED],
    ['delete from t where id>2', '1 affected rows\n'],
    ['insert into t (id) values (5)', FAILED],
    ['replace t set name="zoe",age=7 where id=1', '1 affected rows\n'],
    ['replace t set name="new",age=8 where id=12', '1 affected rows\n'],
    ['select * from t order by age', `${HEAD}2:bob:5:2.25\n1:zoe:7:1.50\n12:new:8:\n\ntotal rows 3 / 3\n`],
    ['drop t', FAILED],
    ['select * from t where id>=1 and age<>8', `${HEAD}1:zoe:7:1.50\n2:bob:5:2.25\n\ntotal rows 2 / 2\n`],
    ['update t set name="x\\"y" where id=2', '1 affected rows\n'],
    ['select * from t where name="x\\"y"', `${HEAD}2:x"y:5:2.25\n\ntotal rows 1 / 1\n`],
    ['', FAILED],
    ['select', FAILED],
    ['delete from t', '3 affected rows\n'],
    ['select * from t', 'statement returned 0 rows\n'],
  ];
  for (const [statement, answer] of answers)
    expect([statement, await script.rpc('db_text.query', statement)]).toEqual([statement, answer]);
  expect(await script.rpc('db_text.dump')).toBe('Dump OK\n');
  expect(readFileSync(join(dir, 't'), 'latin1')).toBe('id(int,auto) name(string) age(int,null) w(double,null)\n');
});

test('a result that is full before the end of the table is none', async () => {
  for (const id of [4, 5]) await script.rpc('db_text.query', `replace t set name="n" where id=${id}`);
  expect(await script.rpc('db_text.query', 'select id from t')).toBe(FAILED);
  expect(script.others.at(-1)).toMatch(/^Truncated table at \[4\] rows/);
  expect(await script.rpc('db_text.query', 'select id from t where id>2')).toBe(
    'id(int,auto)\n\n3\n4\n5\n\ntotal rows 3 / 3\n',
  );
});
