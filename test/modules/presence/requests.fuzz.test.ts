/** Mutated PUBLISH and SUBSCRIBE requests: nothing throws, and what leaves is well-formed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { load } from '../../../src/testing/index.js';
import { pidf } from './phone.js';

/** FUZZ_RUNS=100000 is the full run. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 1000);

const SCRIPT = `
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_mwi.so"
loadmodule "presence_dialoginfo.so"
listen=udp:127.0.0.1:5060
modparam("presence_xml", "force_active", 1)
modparam("presence_xml", "disable_bla", 0)
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "clean_period", 1000)
modparam("presence", "db_update_period", 1000)
request_route {
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) handle_publish();
	else handle_subscribe();
	t_release();
}
`;

const EVENTS = ['presence', 'presence.winfo', 'dialog', 'dialog;sla', 'message-summary', 'xcap-diff'];
let count = 0;

function request(method: string, event: string, body: string): string {
  count++;
  return [
    `${method} sip:alice@example.org SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKf${count}`,
    'From: <sip:bob@example.org>;tag=b',
    'To: <sip:alice@example.org>',
    `Call-ID: f${count % 50}`,
    `CSeq: ${count} ${method}`,
    'Contact: "Bob" <sip:bob@127.0.0.1:5070;x=y>',
    'Record-Route: <sip:10.0.0.1;lr>, "P" <sip:10.0.0.2;lr;f=a,b>',
    `Event: ${event}`,
    'Expires: 100',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

const dialog = '<dialog-info entity="sip:a@b" version="1"><dialog id="1"><state>early</state></dialog></dialog-info>';
const bodies = ['', pidf('t', 'open'), dialog, 'Messages-Waiting: yes\r\n', '<', '<presence/>', '<dialog-info/>'];

const START = /^(?:SIP\/2\.0\S* \d{3} [^\r\n]*|NOTIFY \S+ SIP\/2\.0)\r\n/;

test('nothing throws, and what leaves is well-formed', { timeout: 600_000 }, async () => {
  await using s = await load('test.cfg', { text: SCRIPT, debug: -1 });
  const mutation = fc.tuple(
    fc.nat(900),
    fc.nat(6),
    fc.oneof(fc.string(), fc.constantFrom('\r\n', '<', '>', ';', ',', '"', '\0', '@')),
  );
  const made = fc.tuple(
    fc.constantFrom('PUBLISH', 'SUBSCRIBE'),
    fc.constantFrom(...EVENTS),
    fc.constantFrom(...bodies),
    fc.array(mutation, { maxLength: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(made, async ([method, event, body, mutations]) => {
      let text = request(method, event, body);
      for (const [at, cut, put] of mutations) text = text.slice(0, at) + put + text.slice(at + cut);
      // what was kept goes, else each PUBLISH tells ever more watchers
      if (count % 300 === 0) await s.advance(4_000_000);
      const run = await s.request(text);
      expect(run.errors.filter((e) => /TypeError|RangeError|is not a function|undefined/.test(e))).toEqual([]);
      for (const message of run.sent) {
        expect(message.text).toMatch(START);
        expect(message.text.split('\r\n\r\n')[0]).not.toContain('\0\0');
      }
    }),
    { numRuns: RUNS },
  );
});
