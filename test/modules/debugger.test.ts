/** What the recorded case debugger/trace does not show: switching by RPC, levels of modules, the message in the log. */
import { expect, test } from 'vitest';
import { createLog } from '../../src/server/log.js';
import { runScript } from '../support/script.js';

const OPTIONS = `OPTIONS sip:a@b SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: 1
CSeq: 1 OPTIONS
Content-Length: 0

`;

const SCRIPT = `loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "debugger.so"
modparam("debugger", "mod_level_mode", 1)
modparam("debugger", "mod_level", "tm=3")
request_route {
	xlog("one\\n");
	if (is_method("OPTIONS")) append_hf("X: y\\r\\n");
	dbg_sip_msg();
}
`;

test('dbg.trace switches the trace of a script that did not begin with it', async () => {
  const script = await runScript(SCRIPT);
  script.receive(OPTIONS);
  expect(script.others.filter((l) => l.includes('cfgtrace'))).toEqual([]);
  expect(await script.rpc('dbg.trace', 'on')).toBe('200 ok\n');
  script.receive(OPTIONS);
  const trace = script.others.filter((l) => l.includes('cfgtrace'));
  expect(trace.map((l) => l.replace(/.* l=/, 'l='))).toEqual([
    'l=7 a=25 n=xlog',
    'l=8 a=16 n=if',
    'l=8 a=25 n=is_method',
    'l=8 a=25 n=append_hf',
    'l=9 a=24 n=dbg_sip_msg',
  ]);
  expect(await script.rpc('dbg.trace')).toBe('error: 500 - Config trace command missing\n');
  expect(await script.rpc('dbg.trace', 'maybe')).toBe('error: 500 - Unknown trace command\n');
  await script.stop();
});

test('dbg_sip_msg() shows the message with its changes', async () => {
  const script = await runScript(SCRIPT);
  script.receive(OPTIONS);
  const shown = script.others.find((l) => l.includes('START OF SIP message')) ?? '';
  expect(shown.split('\n').map((l) => l.trimEnd())).toEqual(
    expect.arrayContaining(['OPTIONS sip:a@b SIP/2.0', 'X: y', expect.stringMatching(/^-+ SIP header diffs -+$/)]),
  );
  await script.stop();
});

test('a module has a level of its own', async () => {
  const script = await runScript(SCRIPT);
  expect(await script.rpc('dbg.get_mod_level', 'tm')).toBe('3\n');
  expect(await script.rpc('dbg.set_mod_level', 'core', '-1')).toBe('200 ok\n');
  expect(await script.rpc('dbg.get_mod_level', 'core')).toBe('-1\n');
  const lines: string[] = [];
  const log = createLog({ pid: 1, level: 1, write: (l) => lines.push(l) });
  log.levels = script.host.log.levels ?? new Map();
  log.write(3, 'tm', 'shown');
  log.write(0, '<core>', 'not shown');
  log.write(3, 'sl', 'not shown');
  log.raw?.(1, 'word\n', 'exec');
  expect(lines).toEqual([' 1(1) DEBUG: tm: shown\n', ' 1(1) exec: word\n']);
  await script.stop();
});

test('dbg_pv_dump() and log_assign tell variables as the recorded lines of Kamailio do', async () => {
  const script = await runScript(`loadmodule "pv.so"
loadmodule "debugger.so"
modparam("debugger", "log_assign", 1)
request_route {
	$var(x) = 5;
	$avp(a) = "one";
	$avp(a) = "two";
	$xavp(u=>name) = "joe";
	$xavp(u[0]=>age) = 6;
	$xavp(v) = 5;
	$vn(n) = $null;
	$ru = "sip:x@y";
	$shv(z) = "a\\"b";
	dbg_pv_dump();
	dbg_pv_dump("30", "L_ERR");
	dbg_pv_dump("1");
	dbg_pv_dump("8");
}
`);
  script.receive(OPTIONS);
  expect(script.others.filter((l) => /^[${]/.test(l))).toEqual([
    '$var(x):5',
    '$avp(a):"one"',
    '$avp(a):"two"',
    '$xavp(u=>name):"joe"',
    '$xavp(u[0]=>age):6',
    '$xavp(v):5',
    '$vn(n): $null',
    '$ru:"sip:x@y"',
    '$shv(z):"a"b"',
    '{"$var(x)":5,"$avp(a)":["two","one"],"$xavp(u)":[{"age":[6],"name":["joe"]}],"$xavp(v)":[],"$vn(n)":null,"$shv(z)":"a\\"b"}',
    '{"$var(x)":5,"$avp(a)":["two","one"],"$xavp(u)":[{"age":[6],"name":["joe"]}],"$shv(z)":"a\\"b"}',
    '{}',
    '{"$xavp(u)":[{"age":[6],"name":["joe"]}]}',
  ]);
  expect(await script.rpc('dbg.set_mod_facility', 'sl', 'LOG_USER')).toBe('200 ok\n');
  expect(await script.rpc('dbg.get_mod_facility', 'sl')).toBe('LOG_USER\n');
  expect(await script.rpc('dbg.get_mod_facility', 'tm')).toBe('LOG_DAEMON\n');
  await script.stop();
});

test('dbg.reset_msgid numbers messages anew', async () => {
  const script = await runScript(`loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "debugger.so"
modparam("debugger", "reset_msgid", 1)
request_route { xlog("$mi\\n"); }
`);
  script.receive(OPTIONS);
  script.receive(OPTIONS);
  expect(await script.rpc('dbg.reset_msgid')).toBe('200 ok\n');
  script.receive(OPTIONS);
  expect(script.lines.at(-1)).toBe('1');
  await script.stop();
});
