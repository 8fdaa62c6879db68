import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ConnectionTable } from '../../src/sip/connections.js';

const stream = (localPort: number, localAddress = '127.0.0.1') => ({ localPort, localAddress }) as unknown as Socket;

test('a connection is found by the port at which it came in', () => {
  const table = new ConnectionTable();
  const first = table.add('tcp', '192.0.2.1', 5070, stream(5060), false);
  const second = table.add('tcp', '192.0.2.1', 5070, stream(5080), false);
  expect(table.findBy('tcp', '192.0.2.1', 5070, 5060)).toBe(first);
  expect(table.findBy('tcp', '192.0.2.1', 5070, 5080)).toBe(second);
  expect(table.findBy('tcp', '192.0.2.1', 5070, 5090)).toBe(second);
  expect(table.find('tcp', '192.0.2.1', 5070)).toBe(second);
  table.remove(second);
  expect(table.findBy('tcp', '192.0.2.1', 5070, 5080)).toBeUndefined();
  expect(table.findBy('tcp', '192.0.2.1', 5070, 5060)).toBe(first);
});

test('the other end of a connection of our own is known', () => {
  const table = new ConnectionTable();
  table.add('tcp', '127.0.0.1', 5060, stream(40_000), true);
  const listener = { ip: '127.0.0.1', port: 5060 };
  expect(table.isOwn('tcp', '127.0.0.1', 40_000, listener)).toBe(true);
  expect(table.isOwn('tcp', '127.0.0.1', 40_001, listener)).toBe(false);
});
