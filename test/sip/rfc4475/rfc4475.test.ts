/**
 * The torture test messages of RFC 4475, in memory. recorded.json is what Debian's Kamailio 5.6.3 made of them
 * (rfc4475.peers.ts records it, and plays both servers side by side).
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningScript, runScript } from '../../support/script.js';
import { agrees, MESSAGES, type Outcome, SCRIPT, untilNul, withoutChance } from './messages.js';

const RECORDED = JSON.parse(readFileSync(path.join(import.meta.dirname, 'recorded.json'), 'utf8')) as Readonly<
  Record<string, Outcome>
>;

/** Where Kamailio, and kamscript with it, does other than the RFC says. */
const UNLIKE_THE_RFC: Readonly<Record<string, string>> = {
  wsinv: 'a CSeq that is folded before its method is none: dropped',
  intmeth:
    'a header name may not have every character of a token: what follows is not read, and nothing can be answered',
  esc02: 'as intmeth: C%6Fntact is no header name',
  dblreq: 'sanity_check() counts the bytes behind the message as its body',
  badinv01: 'a Via that cannot be read: dropped',
  ncl: 'headers that cannot be read cannot be answered: silence',
  scalarlg: 'the script may look at it and throw it away',
  quotbal: 'a To that cannot be read: dropped',
  badvers: 'a Via of another version cannot be read: dropped',
  insuf: 'without the headers of a transaction: dropped',
  unkscm: 'sanity_check() says 400',
  novelsc: 'sanity_check() says 400',
  multi01: 'a second CSeq: dropped',
  mcl01: 'as ncl',
  bcast: 'the script may look at it and throw it away',
};

const PROXY = `loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "nathelper.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
	fix_nated_contact();
	if ($rm == "REGISTER") { save("location"); exit; }
	if (loose_route()) append_hf("P-Loose: yes\\r\\n");
	record_route();
	t_on_reply("BACK");
	$du = "sip:127.0.0.1:9";
	if (!t_relay()) sl_reply_error();
}
onreply_route[BACK] { append_hf("P-Back: $T_req($ru)\\r\\n"); }
`;

let script: RunningScript;
beforeAll(async () => {
  const withoutSockets = SCRIPT.replaceAll('{{PORT}}', '5060').replace(/^.*"?ctl(\.so)?".*$/gm, '');
  script = await runScript(withoutSockets);
});
afterAll(() => script.stop());

function outcomeOf(text: string): Outcome {
  const [lines, sent] = [script.lines.length, script.sent.length];
  script.receiveExactly(text);
  const reply = script.sent.slice(sent)[0];
  return {
    log: script.lines.slice(lines).map((l) => untilNul(l.trimEnd())),
    reply: reply === undefined ? null : withoutChance(reply),
  };
}

describe.each(MESSAGES)('$section $title ($name)', (message) => {
  const { name, text } = message;

  test('is handled as Kamailio handles it', () => {
    expect(outcomeOf(text)).toEqual(RECORDED[name]);
  });

  test.skipIf(message.verdict === undefined)('has the verdict of the RFC, or a reason why not', () => {
    expect(agrees(message, RECORDED[name]!)).toBe(!(name in UNLIKE_THE_RFC));
  });

  test('does no harm cut off anywhere, or with any byte changed', () => {
    const before = script.others.length;
    for (let i = 0; i < text.length; i += 7) {
      script.receiveExactly(text.slice(0, i));
      script.receiveExactly(
        `${text.slice(0, i)}${String.fromCharCode((text.charCodeAt(i) + 1 + (i % 200)) & 0xff)}${text.slice(i + 1)}`,
      );
    }
    expect(script.others.slice(before).filter(isFault)).toEqual([]);
  });
});

/** What the server says of itself when it failed. */
const isFault = (line: string): boolean => /failed: |\bat .*\.ts:\d+/.test(line);

test('a proxy and registrar takes all of them, whole and in pieces', async () => {
  const proxy = await runScript(PROXY);
  for (const { text } of MESSAGES) {
    proxy.receiveExactly(text);
    for (let i = 40; i < text.length; i += 61) proxy.receiveExactly(`${text.slice(0, i)}\r\n\r\n`);
  }
  expect(proxy.others.filter(isFault)).toEqual([]);
  expect(proxy.sent.length).toBeGreaterThan(MESSAGES.length);
  await proxy.stop();
});
