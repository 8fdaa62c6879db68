/** RPC commands on shared variables: answers as in the case rpc/shared_variables_and_cfg_values. */
import { expect, test } from 'vitest';
import { pv } from '../../../src/modules/pv/index.js';
import type { RpcValue } from '../../../src/runtime/module.js';
import { fakeHost } from '../../support/fake-host.js';

function started() {
  const host = fakeHost();
  pv.start(host, { shvset: ['mode=i:3', 'name=s:start'], varset: [] });
  const call = (name: 'pv.shvGet' | 'pv.shvSet', ...args: RpcValue[]) => pv.rpc[name]!.run(host, args);
  return { host, call };
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('pv.shvGet describes one variable', () => {
  expect(started().call('pv.shvGet', 'mode')).toEqual({ name: 'mode', type: 'int', value: 3 });
});

test('pv.shvGet without a name lists all: read as JSON, the first made is what is left', () => {
  expect(plain(started().call('pv.shvGet'))).toEqual({ items: { shv: { name: 'mode', type: 'int', value: 3 } } });
});

test('pv.shvSet changes int and text', () => {
  const { host, call } = started();
  expect(call('pv.shvSet', 'mode', 'int', 9)).toBe('Ok. Variable set to new value.');
  expect(call('pv.shvSet', 'name', 'str', 'changed')).toBe('Ok. Variable set to new value.');
  expect([...host.shared]).toEqual([
    ['mode', 9],
    ['name', 'changed'],
  ]);
});

test('what is not there or wrong is a fault with its code', () => {
  const { call } = started();
  expect(() => call('pv.shvGet', 'none')).toThrow(expect.objectContaining({ code: 404 }));
  expect(() => call('pv.shvSet', 'none', 'int', 1)).toThrow(expect.objectContaining({ code: 404 }));
  expect(() => call('pv.shvSet', 'mode', 'float', 1)).toThrow(expect.objectContaining({ code: 500 }));
  expect(() => call('pv.shvSet', 'mode', 'int', 'x')).toThrow(expect.objectContaining({ code: 500 }));
  expect(() => call('pv.shvSet')).toThrow(expect.objectContaining({ code: 500 }));
});
