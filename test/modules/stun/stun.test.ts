import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stunAnswer } from '../../../src/modules/stun/message.js';

const ID = '2112a442000102030405060708090a0b';

test('IPv6 is mixed with the whole id', () => {
  const answer = stunAnswer(Buffer.from(`00010000${ID}`, 'hex'), '2001:db8::1', 5060, 'x')!;
  const at = answer.indexOf(Buffer.from('00200014', 'hex'));
  expect(answer.subarray(at + 4, at + 8).toString('hex')).toBe(`0002${(5060 ^ 0x2112).toString(16).padStart(4, '0')}`);
  const address = answer.subarray(at + 8, at + 24).map((byte, i) => byte ^ Buffer.from(ID, 'hex')[i]!);
  expect(Buffer.from(address).toString('hex')).toBe('20010db8000000000000000000000001');
});

test('any bytes: nothing is thrown, and an answer is one', () => {
  const request = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
  const likely = fc
    .uint8Array({ maxLength: 60 })
    .map((bytes) => Buffer.concat([Buffer.from([0, 1, 0, bytes.length]), Buffer.from(ID, 'hex'), Buffer.from(bytes)]));
  fc.assert(
    fc.property(fc.oneof(request, likely), (data) => {
      const answer = stunAnswer(data, '192.0.2.1', 1234, 'software');
      if (answer !== undefined) expect(answer.readUInt16BE(2)).toBe(answer.length - 20);
    }),
    { numRuns: 500 },
  );
});
