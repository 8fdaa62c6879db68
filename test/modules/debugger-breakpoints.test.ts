/** `dbg.bp`: answers as recorded from 5.6.3 with one worker (lines of the script are those where a statement begins). */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningScript, runScript } from '../support/script.js';

const SCRIPT = `loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "debugger.so"
modparam("debugger", "step_usleep", 1000)
modparam("debugger", "step_loops", 20)
event_route[x:y] { xlog("event\\n"); }
request_route {
	$var(x) = 5;
	xlog("one\\n");
	if ($var(x) == 5 && route(SUB))
		xlog("two of $rU\\n");
	exit;
}
route[SUB] {
	return 1;
}
`;

const message = (user: string) => `OPTIONS sip:${user}@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-${user}
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: ${user}
CSeq: 1 OPTIONS
Content-Length: 0

`;

let script: RunningScript;
/** What a command answers, without folder and line end. */
const bp = async (...args: string[]) =>
  (await script.rpc('dbg.bp', ...args)).trimEnd().replace(/\[\S*\/test\.cfg:/, '[test.cfg:');
const ls = async () => (await script.rpc('dbg.ls')).match(/(?:set|state|in\.\w+): \d+/g)?.join(' ');
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

async function receive(user: string): Promise<void> {
  script.receive(message(user));
  await settled();
}

async function next(): Promise<string> {
  const answer = await bp('next', '1');
  await settled();
  return answer;
}

beforeEach(async () => {
  script = await runScript(SCRIPT);
});
afterEach(() => script.stop());

test('a run goes on step by step', async () => {
  expect(await bp('on')).toBe('200 ok');
  expect(await ls()).toBe('set: 2 state: 0 in.pid: 0 in.cmd: 0');
  await receive('bob');
  expect(await ls()).toBe('set: 2 state: 1 in.pid: 0 in.cmd: 0');
  expect(script.others.filter((l) => l.startsWith('breakpoint')).map((l) => l.replace(/c=\[.*\]/, 'c=[]'))).toEqual([
    'breakpoint hit: p=[1] c=[] l=9 a=63 n=assign',
  ]);
  expect(await bp('show', '1')).toBe('at bkp [test.cfg:9] a=63 n=assign');
  expect(await next()).toBe('exec [test.cfg:9] a=63 n=assign');
  expect(await ls()).toBe('set: 2 state: 2 in.pid: 1 in.cmd: 0');
  expect(await bp('show', '1')).toBe('at bkp [test.cfg:10] a=25 n=xlog');
  expect(await bp('eval', '1', '$var(x)')).toBe('$var(x) : t=int v=5');
  expect(await bp('eval', '1', '$rU')).toBe('$rU : t=str v=bob');
  expect(await bp('eval', '1', '$avp(z)')).toBe('$avp(z) : t=null');
  expect(await bp('eval', '1', '$rp')).toBe('$rp : t=str v=5060');
  expect(await bp('eval', '1', '$nosuch')).toBe('200 ok');
  expect(await bp('log', '1', '$ru')).toBe('200 ok');
  expect(script.others.at(-1)).toBe('breakpoint eval: $ru : t=str v=sip:bob@example.com');
  expect(script.lines).toEqual([]);
  expect(await next()).toBe('exec [test.cfg:10] a=25 n=xlog');
  expect(script.lines).toEqual(['one']);
  expect(await next()).toBe('exec [test.cfg:11] a=16 n=if');
  expect(await next()).toBe('exec [test.cfg:11] a=5 n=route');
  expect(await next()).toBe('exec [test.cfg:16] a=2 n=return');
  expect(await next()).toBe('exec [test.cfg:12] a=25 n=xlog');
  expect(script.lines).toEqual(['one', 'two of bob']);
  expect(await next()).toBe('exec [test.cfg:13] a=2 n=exit');
  expect(await next()).toBe('200 ok');
});

test('what is wrong with a command', async () => {
  expect(await bp()).toBe('error: 500 - Config breakpoint command missing');
  expect(await bp('blah')).toBe('error: 500 - Unknown inner command');
  expect(await bp('next')).toBe('error: 500 - Missing pid parameter');
  expect(await bp('next', '999999')).toBe('error: 500 - No such pid');
  expect(await bp('eval', '1')).toBe('error: 500 - pv param missing');
  expect(await bp('eval', '1', '$')).toBe('error: 500 - invalid pv param');
});

test('off leaves the run that waits where it is; move lets it go', async () => {
  await bp('on');
  await receive('bob');
  expect(await bp('off', '1')).toBe('200 ok');
  expect(await ls()).toBe('set: 0 state: 0 in.pid: 0 in.cmd: 0');
  expect(script.lines).toEqual([]);
  expect(await next()).toBe('exec [test.cfg:9] a=63 n=assign');
  expect(script.lines).toEqual(['one', 'two of bob']);

  await bp('on');
  await receive('alice');
  expect(await bp('move', '1')).toBe('200 ok');
  await settled();
  expect(script.lines.slice(2)).toEqual(['one', 'two of alice']);
  expect(await ls()).toBe('set: 0 state: 0 in.pid: 0 in.cmd: 0');
});

test('a run that waits holds up no other, and keeps its variables', async () => {
  await bp('on');
  await receive('bob');
  await next();
  await bp('off');
  await receive('alice');
  expect(script.lines).toEqual(['one', 'two of alice']);
  expect(await bp('eval', '1', '$var(x)')).toBe('$var(x) : t=int v=5');
  expect(await next()).toBe('exec [test.cfg:10] a=25 n=xlog');
  expect(script.lines).toEqual(['one', 'two of alice', 'one', 'two of bob']);
});

test('the parameter breakpoint turns them on from the start', async () => {
  await script.stop();
  script = await runScript(SCRIPT.replace('modparam', 'modparam("debugger", "breakpoint", 1)\nmodparam'));
  await receive('bob');
  expect(await ls()).toBe('set: 2 state: 1 in.pid: 0 in.cmd: 0');
  expect(await bp('move', '1')).toBe('200 ok');
  await settled();
  expect(script.lines).toEqual(['one', 'two of bob']);
});
