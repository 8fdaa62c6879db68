import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../src/sip/proxy-protocol.js';

const text = (t: string) => Buffer.from(t, 'latin1');

function v2(command: number, family: number, ...addresses: number[]): Buffer {
  const head = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, command, family];
  return Buffer.from([...head, addresses.length >> 8, addresses.length & 255, ...addresses]);
}

describe('version 1 of the PROXY protocol', () => {
  const line = 'PROXY TCP4 192.0.2.7 192.0.2.1 1234 5060\r\n';
  const told = { srcIp: '192.0.2.7', srcPort: 1234, dstIp: '192.0.2.1', dstPort: 5060 };

  test('tells addresses', () => {
    expect(readProxyHeader(text(`${line}OPTIONS sip:a SIP/2.0`))).toEqual({
      kind: 'header',
      length: line.length,
      addresses: told,
    });
  });

  test('asks for more as long as the header may still come', () => {
    for (let n = 1; n < line.length; n++) expect(readProxyHeader(text(line.slice(0, n))).kind).toBe('more');
    expect(readProxyHeader(text(`PROXY ${'x'.repeat(120)}`)).kind).toBe('bad');
  });

  test('UNKNOWN leaves the addresses of the connection', () => {
    expect(readProxyHeader(text('PROXY UNKNOWN whatever\r\n'))).toEqual({ kind: 'header', length: 24 });
  });

  test.each([
    'PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n',
    'PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 0 2\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n',
    'PROXY\r\n',
    'PROXY TCP4 192.0.2.7\rX',
  ])('refuses %j', (t) => {
    expect(readProxyHeader(text(t)).kind).toBe('bad');
  });

  test('SIP is no header', () => {
    for (const t of ['PUBLISH sip:a SIP/2.0\r\n', 'OPTIONS', '\r\n\r\nOPTIONS']) {
      expect(readProxyHeader(text(t)).kind).toBe('none');
    }
  });
});

describe('version 2 of the PROXY protocol', () => {
  test('tells addresses of IPv4', () => {
    expect(readProxyHeader(v2(0x21, 0x11, 192, 0, 2, 7, 192, 0, 2, 1, 4, 210, 19, 196))).toEqual({
      kind: 'header',
      length: 28,
      addresses: { srcIp: '192.0.2.7', srcPort: 1234, dstIp: '192.0.2.1', dstPort: 5060 },
    });
  });

  test('tells addresses of IPv6, and leaves out what follows them', () => {
    const ip = (last: number) => [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), last];
    expect(readProxyHeader(v2(0x21, 0x21, ...ip(7), ...ip(1), 4, 210, 19, 196, 1, 2, 3))).toEqual({
      kind: 'header',
      length: 55,
      addresses: { srcIp: '2001:db8::7', srcPort: 1234, dstIp: '2001:db8::1', dstPort: 5060 },
    });
  });

  test('LOCAL leaves the addresses of the connection', () => {
    expect(readProxyHeader(v2(0x20, 0))).toEqual({ kind: 'header', length: 16 });
  });

  test('refuses other protocols, other commands and addresses that are too short', () => {
    expect(readProxyHeader(v2(0x21, 0x31, ...Array<number>(216).fill(0))).kind).toBe('bad');
    expect(readProxyHeader(v2(0x22, 0x11, ...Array<number>(12).fill(0))).kind).toBe('bad');
    expect(readProxyHeader(v2(0x21, 0x11, 1, 2, 3, 4)).kind).toBe('bad');
  });

  test('asks for more as long as the header may still come', () => {
    const whole = v2(0x21, 0x11, 192, 0, 2, 7, 192, 0, 2, 1, 4, 210, 19, 196);
    for (let n = 1; n < whole.length; n++) {
      // The first four bytes may be a keep-alive of SIP: which it is shows with the fifth.
      expect(readProxyHeader(whole.subarray(0, n)).kind).toBe('more');
    }
  });
});
