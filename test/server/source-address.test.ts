/** mhomed: the socket whose address the system would send from. */
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { SourceAddresses } from '../../src/server/source-address.js';
import { listenSocket } from '../../src/sip/transport.js';

const entry = (address: string, prefix: number, internal = false) =>
  ({ address, cidr: `${address}/${prefix}`, internal }) as NetworkInterfaceInfo;
const INTERFACES = {
  lo: [entry('127.0.0.1', 8, true), entry('::1', 128, true)],
  eth0: [entry('198.51.100.7', 24), entry('2001:db8::7', 64), entry('fe80::1', 64)],
  eth1: [entry('10.0.0.7', 8), entry('10.1.0.7', 16)],
};
const SOCKETS = ['127.0.0.1', '10.0.0.7', '10.1.0.7', '198.51.100.7', '::1', '2001:db8::7'].map((ip) =>
  listenSocket('udp', ip, 5060),
);

test.each([
  ['127.0.0.9', '127.0.0.1'],
  ['198.51.100.200', '198.51.100.7'],
  ['10.2.3.4', '10.0.0.7'],
  ['10.1.3.4', '10.1.0.7'],
  ['203.0.113.5', '10.0.0.7'],
  ['2001:db8::99', '2001:db8::7'],
  ['2001:db8:ffff::1', '2001:db8::7'],
])('%s is reached from %s', (to, from) => {
  expect(new SourceAddresses(() => INTERFACES).socketTo(to, SOCKETS)?.ip).toBe(from);
});

test('an address without a socket gives none', () => {
  const some = SOCKETS.filter((s) => s.ip !== '10.1.0.7');
  expect(new SourceAddresses(() => INTERFACES).socketTo('10.1.3.4', some)).toBeUndefined();
});
