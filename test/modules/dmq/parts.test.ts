/** The smaller parts of the module. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Access, accessProblem } from '../../../src/modules/dmq/access.js';
import { addressesOf } from '../../../src/modules/dmq/lookup.js';
import { makeNode, NodeList } from '../../../src/modules/dmq/nodes.js';
import { Pool } from '../../../src/modules/dmq/pool.js';
import type { Plan } from '../../../src/modules/dmq/protocol.js';
import { StampClock } from '../../../src/modules/dmq/versions.js';
import { built } from '../../support/built.js';
import { FakeClock } from '../../support/fake-host.js';

describe('who may speak', () => {
  test('by default loopback, private networks and nodes', () => {
    const access = new Access([], (ip) => ip === '198.51.100.7');
    for (const ip of ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.9.9', '::1', 'fd00::1', '198.51.100.7'])
      expect([ip, access.allows(ip)]).toEqual([ip, true]);
    for (const ip of ['198.51.100.8', '172.32.0.1', '2001:db8::1'])
      expect([ip, access.allows(ip)]).toEqual([ip, false]);
  });

  test('a list replaces the default', () => {
    const access = new Access(['203.0.113.0/24', 'nodes'], (ip) => ip === '10.0.0.1');
    expect(['203.0.113.5', '10.0.0.1', '10.0.0.2'].map((ip) => access.allows(ip))).toEqual([true, true, false]);
    expect(new Access(['any'], () => false).allows('203.0.113.5')).toBe(true);
    expect(accessProblem('10.0.0.0/33')).toMatch(/no address, no network/);
  });
});

test('multi_notify: SRV of the name itself, its targets, then the name; IPv4 before IPv6 (dmq.md, 3.6)', async () => {
  const names: Record<string, string[]> = {
    'bus.test': ['::9', '10.0.0.9'],
    'n1.test': ['10.0.0.1'],
    'n2.test': ['10.0.0.2'],
  };
  const resolver = {
    resolve: () => [],
    addresses: async (name: string) => names[name] ?? [],
    srv: async (name: string) =>
      name === 'bus.test'
        ? [
            { name: 'n1.test', port: 5060 },
            { name: 'n2.test', port: 5080 },
          ]
        : [],
  };
  expect(await addressesOf(resolver, 'bus.test', 5060)).toEqual([
    { ip: '10.0.0.1', port: 5060 },
    { ip: '10.0.0.9', port: 5060 },
    { ip: '::9', port: 5060 },
  ]);
  expect((await addressesOf(resolver, 'bus.test', 0)).map((a) => a.port)).toEqual([5060, 5080, 0, 0]);
  expect(await addressesOf(resolver, '10.1.1.1', 5070)).toEqual([{ ip: '10.1.1.1', port: 5070 }]);
  expect(await addressesOf(resolver, 'nowhere.test', 0)).toEqual([]);
});

describe('when a node that does not answer is given up (parameters of 6.1)', () => {
  const outcomes = (timeouts: number, rules: Partial<NodeList['rules']>) => {
    const list = new NodeList();
    list.rules = { ...list.rules, ...rules };
    list.add(makeNode('sip:h:2', 'active')!);
    const node = list.others()[0]!;
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < timeouts; i++) seen.push(list.replied(node, 408));
    return seen;
  };

  test('remove_inactive 0 keeps it as not_active', () => {
    expect(outcomes(3, { removeInactive: false })).toEqual(['not_active', 'not_active', 'not_active']);
  });

  test('fail_count_enabled counts timeouts in a row', () => {
    expect(outcomes(5, { countFailures: true, notActiveAbove: 1, disabledAbove: 3 })).toEqual([
      'active',
      'not_active',
      'not_active',
      'disabled',
      'removed',
    ]);
  });
});

test('stamps never go back, and follow a clock that is ahead, but not one that is wrong', () => {
  const clock = new FakeClock();
  const versions = new StampClock(clock);
  const first = versions.next();
  expect(versions.next()).toBeGreaterThan(first);
  versions.heard(first + 5_000_000);
  expect(versions.next()).toBe(first + 5_000_001);
  versions.heard(first + 5_000_000_000);
  expect(versions.next()).toBeLessThan(first + 6_000_000);
});

describe('the pool', () => {
  const file = path.resolve(import.meta.dirname, 'dying-worker.mjs');
  const pools: Pool[] = [];
  beforeAll(built, 120_000);
  afterAll(() => Promise.all(pools.map((p) => p.stop())));

  async function pool(count: number, of?: string): Promise<Pool> {
    const p = await Pool.start(count, () => undefined, ...(of === undefined ? [] : [of]));
    pools.push(p);
    return p;
  }

  test('keeps the order of a lane, and works after a pause', async () => {
    const p = await pool(2);
    const order: string[] = [];
    const round = (n: number) =>
      Promise.all(
        Array.from(
          { length: n },
          (_, i) =>
            new Promise<void>((done) =>
              p.run(
                'lane',
                { kind: 'htable', body: `{"action":2,"htname":"t","cname":"${i}","type":0,"intval":${i}}` },
                (plan) => {
                  order.push(plan.kind === 'htable' && 'key' in plan.does ? plan.does.key : '?');
                  done();
                },
              ),
            ),
        ),
      );
    await round(500);
    expect(order).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`));
    await new Promise((done) => setTimeout(done, 5000));
    await round(1);
    expect(p.pending).toBe(0);
  }, 30_000);

  test('a thread that dies is replaced, its jobs are done by the next one, and what kills twice is given up', async () => {
    const p = await pool(1, file);
    const plans = await Promise.all(
      ['a', 'die', 'b', 'die once', 'c'].map(
        (body) => new Promise<Plan>((done) => p.run('lane', { kind: 'list', body }, done)),
      ),
    );
    expect(plans.map((plan) => plan.kind)).toEqual(['list', 'unusable', 'list', 'list', 'list']);
    expect(p.restarts).toBeGreaterThanOrEqual(2);
    expect(p.pending).toBe(0);
  }, 30_000);
});
