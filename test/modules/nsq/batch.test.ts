import { expect, test } from 'vitest';
import { type PackedEvents, Packer, Unpacker } from '../../../src/modules/nsq/batch.js';

test('what a worker packs comes out as it went in, through thousands of names and two nsqds', () => {
  const sent: PackedEvents[] = [];
  const packer = new Packer(1, (packed) => sent.push(structuredClone(packed)));
  const want = Array.from({ length: 5000 }, (_, n) => {
    const event = {
      category: `C${n % 2500}`,
      name: n % 7 === 0 ? '' : 'N_m',
      text: 'x'.repeat(n % 50) + n,
      attempts: (n % 3) + 1,
      expires: n % 5 === 0 ? Number.POSITIVE_INFINITY : n,
      nsqd: n % 1000 < 500 ? 'a' : 'b',
    };
    const handle = packer.add(event, event.text, event.attempts, event.expires, event.nsqd);
    if (n % 13 === 0) packer.flush();
    const first = `nsq:consumer-event-c${n % 2500}`;
    return {
      handle,
      first: `${first}-${n % 7 === 0 ? '' : 'n-m'}`,
      second: first,
      text: event.text,
      attempts: event.attempts,
      expires: event.expires,
      nsqd: event.nsqd,
    };
  });
  packer.flush();
  const unpacker = new Unpacker();
  expect(sent.flatMap((packed) => unpacker.unpack(packed))).toEqual(want);
});
