import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mask } from '../../../src/modules/topoh/mask.js';

const USUAL = new Mask('aL9.n8~Hm]Z');

/** Out of the recorded cases of topoh: what Kamailio 5.6.3 made of a text. */
const MASKED: [mask: Mask, text: string, prefix: string, masked: string][] = [
  [USUAL, 'call-1@x', '!!:', '!!:36tdoG4fPUc*'],
  [USUAL, 'sip:alice@secret.example', 'sr-', 'sr-N6IAzEtdCRWIPUWI3weIpGsIkSt1NSfI'],
  [USUAL, 'sip:bob@hidden.example', 'sr-', 'sr-N6IAzEe53q0vCRaqgRZ7g9rro90dgP**'],
  [new Mask('another key'), 'sip:p1.example;lr', 'u-', 'u-Oe9YfMvI5PiKt1nYroZ6r7s*'],
];

test.each(MASKED)('a key and a text give what Kamailio makes of them: $1', (mask, text, prefix, masked) => {
  expect(mask.encode(text, prefix)).toBe(masked);
  expect(mask.decode(masked, prefix)).toBe(text);
});

const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)), minLength: 1 });

test('decoding brings back what was encoded, with any key', () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (key, text, prefix) => {
      const mask = new Mask(key);
      expect(mask.decode(mask.encode(text, prefix), prefix)).toBe(text);
    }),
  );
});

test('no text makes decoding throw', () => {
  fc.assert(fc.property(bytes, bytes, (text, prefix) => void USUAL.decode(text, prefix)));
});
