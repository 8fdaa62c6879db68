/** Reports of cfgt against those that Kamailio 5.6.3 wrote for the same script and messages (recorded/cfgt). */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { scenarioOf } from '../../src/modules/cfgt/index.js';
import { printLines } from '../../src/modules/debugger/print.js';
import { runScript } from '../support/script.js';

const RECORDED = path.join(import.meta.dirname, 'recorded/cfgt');
/** In the order in which they were sent. */
const REPORTS = ['first/1.json', 'first/2.json', 'second/1.json', 'unknown/1.json', 'call/1.json'];

interface Report {
  readonly flow: readonly Readonly<Record<string, unknown>>[];
  readonly sip_in: readonly string[];
  readonly sip_out: readonly string[];
}

const text = (folder: string, name: string): string => readFileSync(path.join(folder, name), 'latin1');
/** An AVP with a number for a name has no name in Kamailio's reports. */
const report = (json: string): Report => JSON.parse(json.replaceAll('$avp()', '$avp(i:5)')) as Report;

test('a message leaves the report that it leaves in Kamailio', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cfgt-'));
  const script = await runScript(text(RECORDED, 'kamailio.cfg').replace('{{DIR}}', dir));
  for (const name of REPORTS) {
    const wanted = report(text(RECORDED, name));
    script.receive(wanted.sip_in[0]!);
    const got = report(text(dir, name));
    expect(got.flow, name).toEqual(wanted.flow);
    expect(got.sip_in, name).toEqual(wanted.sip_in);
    const startLines = ({ sip_out }: Report) => sip_out.map((m) => m.slice(0, m.indexOf('\r\n')));
    expect(startLines(got), name).toEqual(startLines(wanted));
  }
  expect(await script.rpc('cfgt.list')).toContain('uuid: first\n\tmsgid: 2\n');
  expect(await script.rpc('cfgt.clean', 'first')).toBe('200 ok\n');
  expect(readdirSync(dir).sort()).toEqual(['call', 'second', 'unknown']);
  expect(await script.rpc('cfgt.clean', 'first')).toBe('error: 500 - error in clean\n');
  expect(await script.rpc('cfgt.clean', 'all')).toBe('200 ok\n');
  expect(readdirSync(dir)).toEqual([]);
  await script.stop();
});

test('the layout is that of Kamailio', () => {
  const recorded = text(RECORDED, 'first/2.json');
  const asMap = (value: unknown): never =>
    (value !== null && typeof value === 'object' && !Array.isArray(value)
      ? new Map(Object.entries(value).map(([k, v]) => [k, asMap(v)]))
      : Array.isArray(value)
        ? value.map(asMap)
        : value) as never;
  expect(printLines(asMap(JSON.parse(recorded)))).toBe(recorded);
});

test.each([
  ['NGCP%first%1', 'first'],
  ['NGCP%first', undefined],
  ['NGCP%%1', undefined],
  ['other%first%1', undefined],
  // no way out of the folder of reports
  ['NGCP%../x%1', undefined],
  ['NGCP%..%1', undefined],
])('scenario of %s', (callId, wanted) => {
  expect(scenarioOf(callId, 'NGCP%')).toBe(wanted);
});
