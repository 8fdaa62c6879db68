/** binrpc: what kamcmd is sent comes apart again, and no bytes from the network make it throw. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultPacket, PACKET, readPacket, replyPacket } from '../../../src/modules/ctl/binrpc.js';

/** `core.echo a 1`, as kamcmd 5.6.3 sent it. */
const REQUEST = Buffer.from('a103114b917549910a636f72652e6563686f002161001001', 'hex');

test('a request of kamcmd is its method and arguments', () => {
  const packet = readPacket(Buffer.concat([REQUEST, Buffer.from('next')]));
  expect(packet).toMatchObject({ type: PACKET.REQUEST, values: ['core.echo', 'a', 1], size: REQUEST.length });
});

test('a request that is cut off asks for more, wherever it is cut', () => {
  for (let n = 0; n < REQUEST.length; n++) expect(readPacket(REQUEST.subarray(0, n)), `${n} bytes`).toBe('more');
});

describe('plain values come back as they were', () => {
  const cases = [0, 1, -1, 255, 256, 65535, 2147483647, -2147483648, 4294967296, 1e12, 1.5, -2.25, '', 'text', 'é'];
  test.each([...cases, 'x'.repeat(7), 'x'.repeat(8), 'x'.repeat(300)])('%s', (value) => {
    const packet = readPacket(replyPacket(7, [value]));
    expect(packet).toMatchObject({ type: PACKET.REPLY, cookie: 7, values: [value] });
  });
});

test('numbers of 32 bits without sign come with one, as kamcmd shows them', () => {
  expect(readPacket(replyPacket(7, [4294967295, 2147483648]))).toMatchObject({ values: [-1, -2147483648] });
});

test('a fault is its code and its text, which is cut where kamcmd would not take it', () => {
  expect(readPacket(faultPacket(0xffffffff, 400, 'x'.repeat(400)))).toMatchObject({
    type: PACKET.FAULT,
    cookie: 0xffffffff,
    values: [400, 'x'.repeat(255)],
  });
});

test('other bytes are refused, and never throw', () => {
  expect(readPacket(Buffer.from('GET / HTTP/1.1'))).toBe('bad');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, magic) => {
      const data = Buffer.from(bytes);
      if (magic && data.length > 1) {
        data[0] = 0xa1;
        data[1] = (data[1] ?? 0) & 0x0f;
      }
      readPacket(data);
    }),
    { numRuns: 2000 },
  );
});
