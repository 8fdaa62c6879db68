/** What recorded cases of limit/ do not show: algorithms over several intervals, pipes from a table, clocks that tick. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Algorithm, Feedback, newPipe, push, turn } from '../../src/modules/limits/algorithm.js';
import { queuedIn } from '../../src/modules/limits/waiting.js';
import { IpTree, NEWLY_BLOCKED } from '../../src/modules/pike/ip-tree.js';
import { timer } from '../../src/modules/timer.js';
import { runScript } from '../support/script.js';

/** How many of `count` messages an interval lets through. */
function passing(algorithm: Algorithm, limit: number, counts: readonly number[], waiting = 0): number[] {
  const pipe = newPipe(algorithm, limit);
  const feedback = new Feedback();
  return counts.map((count) => {
    let passed = 0;
    for (let i = 0; i < count; i++) if (push(pipe, 1, feedback) > 0) passed++;
    turn(pipe, 1, () => waiting);
    return passed;
  });
}

describe('algorithms', () => {
  const table: [Algorithm, limit: number, counts: number[], waiting: number, passed: number[]][] = [
    ['TAILDROP', 3, [2, 5, 3], 0, [2, 3, 3]],
    // one in as many as the interval before went over the limit
    ['RED', 2, [8, 8, 2, 2], 0, [8, 2, 0, 2]],
    ['NOP', 1, [9], 0, [9]],
    ['NETWORK', 100, [3, 3], 101, [3, 0]],
    ['NETWORK', 100, [3, 3], 100, [3, 3]],
  ];
  test.each(table)('%s %i', (algorithm, limit, counts, waiting, passed) => {
    expect(passing(algorithm, limit, counts, waiting)).toEqual(passed);
  });

  test('FEEDBACK drops the more the load is above the set point', () => {
    const feedback = new Feedback();
    feedback.setpoint = 0.5;
    feedback.load = 0.9;
    feedback.update();
    expect(feedback.dropRate).toBe(10);
    feedback.update();
    expect(feedback.dropRate).toBe(20);
  });

  test('bytes that wait are those of the sockets with our ports', () => {
    const rows = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt',
      ' 1: 0100007F:13C4 00000000:0000 07 00000000:00000300 00:00000000 00000000',
      ' 2: 0100007F:13C5 00000000:0000 07 00000000:00000500 00:00000000 00000000',
    ];
    expect(queuedIn(rows.join('\n'), new Set([0x13c4]))).toBe(0x300);
  });
});

test('pike lets an address through again after two calm periods', () => {
  const tree = new IpTree(8);
  const ip = [10, 0, 0, 1];
  let code = 0;
  for (let i = 0; i < 100 && code !== NEWLY_BLOCKED; i++) code = tree.mark(ip, 100);
  expect(code).toBe(NEWLY_BLOCKED);
  const freed: number[][] = [];
  tree.swap((node) => freed.push(node.path));
  tree.swap((node) => freed.push(node.path));
  expect(freed).toEqual([ip]);
  tree.clean(200, 300);
  tree.clean(400, 500);
  tree.clean(600, 700);
  tree.clean(800, 900);
  expect(tree.roots.size).toBe(0);
});

test('pipes come from a table', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'pipes-'));
  writeFileSync(path.join(dir, 'version'), 'table_name(string) table_version(int)\npl_pipes:1\n');
  writeFileSync(
    path.join(dir, 'pl_pipes'),
    'id(int) pipeid(string) algorithm(string) plimit(int)\n1:gold:TAILDROP:1\n2:tin:RED:5\n',
  );
  const script = await runScript(`loadmodule "db_text.so"
loadmodule "sl.so"
loadmodule "pipelimit.so"
modparam("pipelimit", "db_url", "text://${dir}")
request_route { pl_check("gold"); }
`);
  expect(await script.rpc('pl.get_pipes')).toBe(
    'PIPE: id=gold algorithm=TAILDROP limit=1 counter=0\nPIPE: id=tin algorithm=RED limit=5 counter=0\n',
  );
  await script.stop();
});

test.each([
  ['t1=R,300', undefined],
  ['t1 = R , 300', 'error'],
  ['t1= R , 300 , FAST , ENABLE ', undefined],
  ['t1=R,300,,enable', undefined],
  ['t1=R', 'error'],
  ['t1=R,300,quick', 'error'],
  ['t1=R,300,fast,disable', 'error'],
])('declare_timer %s', (text, wanted) => {
  const why = timer.params.declare_timer.check?.(text);
  expect(why === undefined ? undefined : 'error').toBe(wanted);
});
