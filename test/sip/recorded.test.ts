/**
 * Messages as Kamailio 5.6.3 took them: what it read of each (a script logged it), what it answered and what it
 * forwarded. Made by test/sip/recorded/record.py against the real server, half of it by hand, half mutated at random.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { made, type Recorded, unordered } from './recorded/made.js';

const file = new URL('./recorded/messages.json.gz', import.meta.url);
const recorded: readonly Recorded[] = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'));

/** Columns that the functions under test do not give by themselves. */
function compared(r: Recorded): unknown {
  const { bs: _bs, oU: _oU, mf: _mf, rs, rr, ...fields } = r.fields ?? {};
  if (r.fields === null) return null;
  return r.sent.trimStart().slice(0, 4).toUpperCase() === 'SIP/' ? { ...fields, rs, rr } : fields;
}

const CHUNK = 100;
for (let from = 0; from < recorded.length; from += CHUNK) {
  const part = recorded.slice(from, from + CHUNK);
  test(`messages from ${from} on are read, answered and forwarded as Kamailio does`, () => {
    for (const r of part) {
      const mine = made(r.sent);
      const shown = { sent: r.sent, fields: mine.fields as unknown, reply: '', forwarded: '' };
      const want = { sent: r.sent, fields: compared(r), reply: '', forwarded: '' };
      // a reply that went to another port was not seen
      if (r.reply !== null) {
        shown.reply = unordered(mine.reply) ?? '';
        want.reply = unordered(r.reply) ?? '';
      }
      if (r.forwarded !== null) {
        shown.forwarded = unordered(mine.forwarded) ?? '';
        want.forwarded = unordered(r.forwarded) ?? '';
      }
      expect(shown).toEqual(want);
    }
  });
}
