/** The parameters `mos_…` with values as 5.6.3 gave them for the same answer, and RTPengines out of a database. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Bencode } from '../../src/modules/rtpengine/bencode.js';
import { VirtualClock } from '../../src/testing/clock.js';
import { NgEngine } from '../support/ng-engine.js';
import { runScript } from '../support/script.js';

const FIELDS = ['', '_at', '_packetloss', '_jitter', '_roundtrip', '_roundtrip_leg'];
const KINDS = { max: FIELDS, min: FIELDS, average: FIELDS.map((f) => (f === '_at' ? '_samples' : f)) };

type Json = number | string | readonly Json[] | { readonly [key: string]: Json };

function bencode(value: Json): Bencode {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((v: Json) => bencode(v));
  return new Map(Object.entries(value).map(([k, v]) => [k, bencode(v)]));
}

const measured = (...v: readonly [number, number, number, number, number, number, number]) => ({
  MOS: v[0],
  'reported at': v[1],
  'packet loss': v[2],
  jitter: v[3],
  'round-trip time': v[4],
  'round-trip time leg': v[5],
  samples: v[6],
});
const ANSWER = bencode({
  result: 'ok',
  created: 1000,
  SSRC: {
    11: {
      'average MOS': measured(43, 1100, 1, 5, 20, 10, 7),
      'lowest MOS': measured(38, 1065, 3, 9, 40, 21, 1),
      'highest MOS': measured(44, 1130, 0, 2, 11, 6, 1),
    },
    22: {
      'average MOS': measured(40, 1100, 2, 8, 31, 15, 5),
      'lowest MOS': measured(31, 1125, 7, 19, 80, 41, 1),
      'highest MOS': measured(42, 1200, 1, 3, 13, 7, 1),
    },
    33: { 'average MOS': measured(0, 0, 0, 0, 0, 0, 0) },
  },
  tags: {
    t1: { label: 'caller', medias: [{ streams: [{ SSRC: 11 }, { SSRC: 99 }] }] },
    t2: { label: 'callee', medias: [{ streams: [{ SSRC: 22 }] }] },
  },
}) as ReadonlyMap<string, Bencode>;

const MESSAGE = `OPTIONS sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: 1
CSeq: 1 OPTIONS
Content-Length: 0

`;

const names = ['', '_A', '_B'].flatMap((side) =>
  Object.entries(KINDS).map(([kind, fields]) => ({
    title: `${kind}${side}`,
    params: fields.map((field) => `mos_${kind}${field}${side}_pv`),
  })),
);

test('rtpengine_query() and rtpengine_delete() tell of the quality of a call', async () => {
  const engine = await NgEngine.open();
  engine.answers.push(ANSWER, ANSWER);
  const logs = names.map(({ title, params }) => `xlog("${title}: ${params.map((p) => `$avp(${p})`).join(' ')}\\n");`);
  const script = await runScript(`
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${engine.port}")
modparam("rtpengine", "mos_A_label_pv", "$avp(la)")
modparam("rtpengine", "mos_B_label_pv", "$avp(lb)")
${names.flatMap(({ params }) => params.map((p) => `modparam("rtpengine", "${p}", "$avp(${p})")\n`)).join('')}
request_route {
	$avp(la) = "caller";
	$avp(lb) = "none";
	rtpengine_query();
	${logs.join('\n\t')}
	$avp(lb) = "callee";
	rtpengine_delete();
	${logs.at(-1)}
}`);
  script.receive(MESSAGE);
  await vi.waitFor(() => expect(script.lines.length).toBe(10), 5000);
  expect(script.lines).toEqual([
    'max: 4.4 2:10 0 2 11 6',
    'min: 3.1 2:05 7 19 80 41',
    'average: 4.1 6 1 6 25 12',
    'max_A: 4.4 2:10 0 2 11 6',
    'min_A: 3.8 1:05 3 9 40 21',
    'average_A: 4.3 7 1 5 20 10',
    'max_B: <null> <null> <null> <null> <null> <null>',
    'min_B: <null> <null> <null> <null> <null> <null>',
    'average_B: <null> <null> <null> <null> <null> <null>',
    'average_B: 4.0 5 2 8 31 15',
  ]);
  await script.stop();
  engine.close();
});

test('RTPengines come out of a table, and rtpengine.reload reads it again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kamscript-rtpengine-'));
  const table = (rows: string) =>
    writeFileSync(join(folder, 'rtpengine'), `id(int,auto) setid(int) url(string) weight(int) disabled(int)\n${rows}`);
  writeFileSync(join(folder, 'version'), 'table_name(string) table_version(int)\nrtpengine:1\n');
  table('1:0:udp\\:127.0.0.1\\:9:3:0\n2:5:udp\\:127.0.0.1\\:10:1:1\n');
  const clock = new VirtualClock();
  const script = await runScript(
    `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "db_text.so"
loadmodule "rtpengine.so"
modparam("db_text", "db_mode", 1)
modparam("rtpengine", "db_url", "text://${folder}")
modparam("rtpengine", "rtpengine_tout_ms", 10)
modparam("rtpengine", "rtpengine_retr", 1)
request_route { exit; }`,
    clock,
  );
  const shown = async () =>
    [
      ...(await script.rpc('rtpengine.show', 'all')).matchAll(
        /url: (\S+)\s+set: (\d)\s+index: \d\s+weight: (\d)\s+disabled: (\S+)/g,
      ),
    ].map(([, url, set, weight, disabled]) => `${set} ${url} ${weight} ${disabled === '1(permanent)'}`);
  expect(await shown()).toEqual(['0 udp:127.0.0.1:9 3 false', '5 udp:127.0.0.1:10 1 true']);
  clock.advance(11_000);
  table('1:0:udp\\:127.0.0.1\\:9:3:1\n3:0:udp\\:127.0.0.1\\:11=4:1:0\n');
  expect(await script.rpc('rtpengine.reload')).toBe('Ok. Reload successful.\n');
  expect(await shown()).toEqual(['0 udp:127.0.0.1:9 3 true', '0 udp:127.0.0.1:11 4 false']);
  expect(await script.rpc('rtpengine.reload')).toBe('error: 500 - Too short reload interval - try later\n');
  await script.stop();
  rmSync(folder, { recursive: true });
});
