/** `kamscript explain`: of a request, of a message of the DMQ bus. */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kamscript } from '../support/command.js';

const CFG = `loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "exec.so"
loadmodule "tm.so"
request_route {
	route(CHECK);
	$du = "sip:10.0.0.9";
	t_relay();
}
route[CHECK] {
	exec_cmd("touch ran");
	if ($si == "10.0.0.66") exit;
}
reply_route {
	exit;
}
`;
const HEADERS =
  'Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\nFrom: <sip:anna@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n';

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'explain-'));
  writeFileSync(path.join(dir, 'a.cfg'), CFG);
  writeFileSync(path.join(dir, 'request'), `OPTIONS sip:bob@example.com SIP/2.0\n${HEADERS}`);
  writeFileSync(path.join(dir, 'reply'), `SIP/2.0 200 OK\n${HEADERS}`);
  return dir;
}

async function explain(cwd: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = await kamscript(['explain', 'a.cfg', '--json', ...args], { cwd });
  return { status, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
}

test('a request goes its way, and nothing of it leaves', async () => {
  const cwd = folder();
  const { status, json } = await explain(cwd, '--request', 'request');
  expect(status).toBe(0);
  expect(json.path).toEqual(['request_route', 'route[CHECK]']);
  expect(json.sent).toEqual(['OPTIONS sip:bob@example.com SIP/2.0 -> udp:10.0.0.9:5060']);
  expect(json.steps.map((s: { name: string; runs: boolean }) => [s.name, s.runs])).toEqual([
    ['event_route[core:msg-received]', false],
    ['event_route[core:pre-routing]', false],
    ['request_route', true],
  ]);
  expect(readdirSync(cwd)).not.toContain('ran');
});

test('where it comes from counts, and a reply has its own block', async () => {
  const cwd = folder();
  const other = await explain(cwd, '--request', 'request', '--from', '10.0.0.66:5060');
  expect([other.json.ended, other.json.sent]).toEqual(['exit', []]);
  const reply = await explain(cwd, '--request', 'reply');
  expect(reply.json.path).toEqual(['reply_route']);
});

test('says what is missing', async () => {
  const cwd = folder();
  expect((await explain(cwd)).status).toBe(2);
  expect((await explain(cwd, '--request', 'nowhere')).stderr).toContain('nowhere: cannot be read');
  const kdmq = await explain(cwd, '--kdmq', 'x');
  expect(kdmq.json.steps.at(-1).why).toBe('the script loads no module dmq');
});
