import { expect, test } from 'vitest';
import type { SqlClient } from '../../src/modules/sql/database.js';
import { watchSlow } from '../../src/modules/sql/slow.js';
import { coreOf } from '../../src/runtime/core/facts.js';
import { fakeContext } from '../support/fake-host.js';

const ANSWER = { columns: [], rows: [], changed: 0 };

test('statements that take long are told, with their first hundred characters', async () => {
  const { host } = fakeContext();
  const lines: string[] = [];
  let micros = 0;
  const client: SqlClient = {
    run: async () => {
      micros += 500;
      return ANSWER;
    },
    runAll: async () => undefined,
    close: async () => undefined,
  };
  const program = host.program;
  program.core.facts = { ...coreOf(program), latencyLimitDb: 500, latencyLog: -1 };
  const log = { level: 0, write: (_level: number, _origin: string, text: string) => lines.push(text) };
  const timed = { ...host, program, log, clock: { ...host.clock, micros: () => micros } };
  const watched = watchSlow(timed as unknown as typeof host, client);
  expect(await watched.run({ sql: `SELECT ${'x'.repeat(200)}`, values: [] })).toBe(ANSWER);
  expect(lines).toEqual([`alert - query execution too long [500 us] for [SELECT ${'x'.repeat(93)}]\n`]);
  program.core.facts = { ...coreOf(program), latencyLimitDb: 501 };
  await watched.run({ sql: 'SELECT 1', values: [] });
  expect(lines).toHaveLength(1);
});
