/** Mutated scripts through parser and compiler, mutated datagrams through the receiver: nothing throws, nothing hangs. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MODULES } from '../../src/modules/index.js';
import { loadScript } from '../../src/server/load.js';
import { type RunningScript, runScript } from '../support/script.js';

/** FUZZ_RUNS=100000 is the full run (see docs/testing-the-project.md); the default keeps `npm test` short. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 1500);
const CASES = path.resolve(import.meta.dirname, '../conformance/cases');
const GROUPS = readdirSync(CASES);

const scripts = GROUPS.flatMap((g) =>
  readdirSync(path.join(CASES, g)).map((n) => readFileSync(path.join(CASES, g, n, 'kamailio.cfg'), 'latin1')),
);

interface Steps {
  readonly steps?: readonly { readonly send?: string | readonly string[] }[];
}

const messages = GROUPS.flatMap((g) =>
  readdirSync(path.join(CASES, g)).flatMap((n) => {
    try {
      const { steps = [] } = JSON.parse(readFileSync(path.join(CASES, g, n, 'steps.json'), 'utf8')) as Steps;
      return steps.flatMap((s) => (s.send === undefined ? [] : [`${[s.send].flat().join('\r\n')}\r\n\r\n`]));
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
      return [];
    }
  }),
);

/** Cuts, doubles, swaps and replaces pieces of a text. */
const mutated = (texts: readonly string[]) =>
  fc
    .tuple(
      fc.integer({ min: 0, max: texts.length - 1 }),
      fc.array(
        fc.tuple(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.integer({ min: 0, max: 40 }),
          fc.integer({ min: 0, max: 4 }),
          fc.string({ unit: 'binary', maxLength: 12 }),
        ),
        { minLength: 1, maxLength: 6 },
      ),
    )
    .map(([which, edits]) =>
      edits.reduce((text, [at, length, kind, junk]) => {
        const from = Math.floor(at * text.length);
        const piece = text.slice(from, from + length);
        const rest = text.slice(from + length);
        const head = text.slice(0, from);
        if (kind === 0) return head + rest;
        if (kind === 1) return head + piece + piece + rest;
        if (kind === 2) return head + junk + rest;
        return kind === 3 ? head : head + piece + junk + rest;
      }, texts[which]!),
    );

test('mutated scripts: problems, never an exception', { timeout: 3_600_000 }, () => {
  fc.assert(
    fc.property(mutated(scripts), (text) => {
      const begin = performance.now();
      const { problems } = loadScript('fuzz.cfg', { env: {}, text });
      for (const p of problems) expect(p.message.length).toBeGreaterThan(0);
      expect(performance.now() - begin).toBeLessThan(5_000);
    }),
    { numRuns: RUNS },
  );
});

const busy = `debug=-5
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
	$var(a) = $ru + $fu + $tu + $rU + $du + $ci + $cs + $ua + $ct + $rb + $hdr(Via) + $(hdr(Route)[1]) + $fn + $tt + $si;
	xlog("$mb $(ru{uri.params}) $(ct{nameaddr.uri}) $(fu{uri.host}) $rm $cl $au $ad $expires(min) $(via0(branch))\\n");
	mf_process_maxfwd_header("10");
	if (loose_route()) { $var(b) = 1; }
	if (search("x") || is_present_hf("Route") || has_totag()) { append_hf("X-A: b\\r\\n"); }
	replace("a", "b");
	record_route();
	if ($rm == "CANCEL" || $rm == "ACK") { t_relay(); exit; }
	if ($rU == "relay") { $du = "sip:127.0.0.1:9"; t_relay(); exit; }
	send_reply("404", "Not Found");
}
reply_route { $var(c) = $rs + $rr + $rm; }
`;

let server: RunningScript;
beforeAll(async () => {
  server = await runScript(busy);
});
afterAll(() => server.stop());

test('mutated datagrams: none ends the receiver, none reaches the log as a bug', { timeout: 3_600_000 }, () => {
  const bugs = () => server.others.filter((l) => /failed: .*Error/s.test(l));
  fc.assert(
    fc.property(mutated(messages), (text) => {
      server.receive(text);
      expect(bugs()).toEqual([]);
    }),
    { numRuns: RUNS },
  );
  expect(MODULES.length).toBeGreaterThan(10);
});
