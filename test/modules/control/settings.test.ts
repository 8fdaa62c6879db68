/** Settings that change while a server runs: they count from the next message on, and after a reload. */
import { describe, expect, test } from 'vitest';
import { applySettings, changeSetting } from '../../../src/runtime/core/cfg.js';
import { LEVEL } from '../../../src/runtime/host.js';
import { callRpc, findRpc, rpcCommands } from '../../../src/runtime/rpc.js';
import { loadScript } from '../../../src/server/load.js';
import { runScript } from '../../support/script.js';

const OPTIONS = `OPTIONS sip:a@b SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1
Max-Forwards: 40
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: 1
CSeq: 1 OPTIONS
Content-Length: 0

`;

const SCRIPT = `
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "maxfwd.so"
loadmodule "corex.so"
loadmodule "cfg_rpc.so"
max_while_loops=5
g.x = 1
g.text = "a"
g[1].x = 10
request_route {
	mf_process_maxfwd_header("70");
	xlog("hops $hdr(Max-Forwards)\\n");
	$var(i) = 0;
	while (1) { $var(i) = $var(i) + 1; }
	xlog("rounds $var(i)\\n");
	cfg_select("g", 1);
	xlog("x $sel(cfg_get.g.x) $ccp(g.x) text $sel(cfg_get.g.text) debug $ccp(core.debug)\\n");
	cfg_reset("g");
	xlog("x $sel(cfg_get.g.x)\\n");
	$ccp(g.x) = 3;
}
`;

test('what cfg.set changes counts for the next message', async () => {
  const script = await runScript(SCRIPT);
  script.receive(OPTIONS);
  await script.rpc('cfg.seti', 'maxfwd', 'max_limit', '20');
  await script.rpc('cfg.seti', 'core', 'max_while_loops', '7');
  await script.rpc('cfg.seti', 'g[1]', 'x', '11');
  await script.rpc('cfg.sets', 'g', 'text', 'b');
  await script.rpc('cfg.seti', 'core', 'debug', '2');
  script.lines.push('--');
  script.receive(OPTIONS);
  expect(script.lines.join('\n')).toMatchInlineSnapshot(`
    "hops 39
    rounds 5
    x 10 10 text a debug 3
    x 1
    --
    hops 20
    rounds 7
    x 11 11 text b debug 2
    x 3"
  `);
  expect(script.host.log.level).toBe(LEVEL.INFO);
  await script.stop();
});

describe('a reload', () => {
  test('keeps what was changed, and takes the rest from the script', async () => {
    const script = await runScript(SCRIPT);
    const { host } = script;
    expect(changeSetting(host, 'maxfwd', 'max_limit', 20)).toBe(true);
    expect(changeSetting(host, 'g', 'x', 2)).toBe(true);
    const text = SCRIPT.replace('g.text = "a"', 'g.text = "new"');
    const { program } = loadScript('test.cfg', { env: {}, vars: host.vars, text });
    if (program === undefined) throw new Error('it does not load');
    applySettings(host, program);
    host.program = program;
    expect(await script.rpc('cfg.get', 'g')).toBe('{\n\tx: 2\n\ttext: new\n}\n');
    expect(await script.rpc('cfg.get', 'maxfwd')).toBe('{\n\tmax_limit: 20\n}\n');
    await script.stop();
  });
});

test('what only a start can set is refused', async () => {
  const script = await runScript(SCRIPT);
  expect(await script.rpc('cfg.seti', 'tcp', 'max_connections', '5')).toBe('error: 400 - Failed to set the variable\n');
  expect(await script.rpc('cfg.get', 'tcp', 'max_connections')).toBe('2048\n');
  await script.stop();
});

describe('the registry of commands', () => {
  test('has those of the core and of loaded modules, in order', async () => {
    const { host, stop } = await runScript(SCRIPT);
    const names = [...rpcCommands(host).keys()];
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['cfg.get', 'core.echo', 'system.listMethods']));
    expect(findRpc(host, 'htable.get')).toBeUndefined();
    expect(() => callRpc(host, 'htable.get')).toThrow('Method Not Found');
    await stop();
  });

  test('a command that breaks is a fault and a line in the log, whether it waits or not', async () => {
    const { host, others, stop } = await runScript(SCRIPT);
    const own = Object.assign(Object.create(host), {
      program: { ...host.program },
      rpc: {
        'x.now': { doc: '', run: () => JSON.parse('{') },
        'x.later': { doc: '', run: async () => JSON.parse('{') },
      },
    });
    expect(() => callRpc(own, 'x.now')).toThrow('Internal Server Error');
    await expect(callRpc(own, 'x.later')).rejects.toThrow('Internal Server Error');
    expect(others.filter((l) => l.includes('an RPC command failed'))).toHaveLength(2);
    await stop();
  });
});
