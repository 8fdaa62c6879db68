import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asFrame, cutFrames, MOST_PENDING } from '../../../src/modules/evapi/frames.js';

/** All frames of a stream that comes in these pieces. */
function read(pieces: readonly string[]): string[] {
  let rest = '';
  return pieces.flatMap((piece) => {
    const cut = cutFrames(rest + piece);
    rest = cut.rest;
    return [...cut.texts];
  });
}

test('what is framed is read again, wherever the stream is cut', () => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 });
  const cuts = fc.array(fc.nat(300), { maxLength: 8 });
  fc.assert(
    fc.property(texts, cuts, (list, places) => {
      const whole = list.map(asFrame).join('\n');
      const ends = [...new Set(places.filter((p) => p < whole.length))].sort((a, b) => a - b);
      const pieces = [0, ...ends].map((from, i) => whole.slice(from, ends[i] ?? whole.length));
      expect(read(pieces)).toEqual(list);
    }),
  );
});

test('no bytes throw, and no more is kept than a client may have pending', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '7', ':', ',', ' ', 'x'), maxLength: 60 }), (text) => {
      expect(cutFrames(text).rest.length).toBeLessThanOrEqual(text.length);
    }),
  );
  expect(cutFrames(`${MOST_PENDING}:${'x'.repeat(MOST_PENDING - 1)}`).rest).toBe('');
});
