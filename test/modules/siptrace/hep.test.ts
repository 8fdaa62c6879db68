/** HEP packets as Kamailio 5.6.3 sent them; the two bytes of its memory in version 2 are zero here. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Hep3Source, hep3, hep12 } from '../../../src/modules/siptrace/hep.js';

type Case = Hep3Source & { readonly version: 1 | 2 | 3; readonly hex: string };

const CASES: Case[] = JSON.parse(readFileSync(new URL('./hep.cases.json', import.meta.url), 'utf8'));

describe('packets are those of Kamailio', () => {
  test.each(CASES)('version $version, from $from to $to', (one) => {
    const packet = one.version === 3 ? hep3(one) : hep12(one.version, one);
    expect(packet?.toString('hex')).toBe(one.hex);
  });
});

test('what does not fit together makes no packet', () => {
  const one = { ...CASES[0]!, correlationId: '' };
  expect(hep12(1, { ...one, to: 'udp:[::1]:5060' })).toBeUndefined();
  expect(hep3({ ...one, from: 'nowhere' })).toBeUndefined();
  expect(hep3({ ...one, payload: 'x'.repeat(70_000) })).toBeUndefined();
});
