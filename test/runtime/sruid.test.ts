import { expect, test } from 'vitest';
import { sruid } from '../../src/runtime/sruid.js';

const SAME = { prefix: 'uloc', now: 1_795_317_285_000, pid: 7 };

test('the form of Kamailio: prefix, server id, second, process, number', () => {
  expect(sruid(SAME)()).toMatch(/^uloc-[0-9a-f]{8}-7-1$/);
  expect(sruid({ ...SAME, serverId: 18, separator: '.' })()).toMatch(/^uloc\.12\.[0-9a-f]{8}\.7\.1$/);
  // 63 characters are the most that a Kamailio node takes
  const longest = sruid({ ...SAME, serverId: 0xffffffff, pid: 0xffffffff, random: () => 1 - Number.EPSILON });
  expect(longest().length).toBeLessThan(64);
});

test('two servers with one process id that start in the same second make no equal ids', () => {
  const seen = new Set<string>();
  for (let server = 0; server < 20; server++) {
    const next = sruid({ ...SAME, random: Math.random });
    for (let i = 0; i < 1000; i++) seen.add(next());
  }
  expect(seen.size).toBe(20_000);
});
