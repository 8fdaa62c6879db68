/** Time, listeners and files of hash tables. What the reference does in real seconds is in the cases htable/expire and mod-init. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HTABLE } from '../../../src/modules/htable/state.js';
import type { TableChange } from '../../../src/modules/htable/table.js';
import { FakeClock } from '../../support/fake-host.js';
import { type RunningScript, runScript } from '../../support/script.js';

const SCRIPT = `
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "htable.so"
modparam("htable", "htable", "t=>size=4;autoexpire=10;initval=0;")
modparam("htable", "htable", "keep=>size=4;autoexpire=10;updateexpire=0;")
modparam("htable", "htable", "ever=>size=4;")
modparam("htable", "timer_interval", 5)
event_route[htable:expired:t] { xlog("expired $shtrecord(key)=$shtrecord(value)\\n"); }
request_route {
	if ($rm == "MESSAGE") { $sht(t=>a) = 1; $sht(t=>b) = "two"; $sht(keep=>k) = 1; $sht(ever=>e) = "x\\"y"; }
	if ($rm == "INFO") { $sht(t=>a) = $shtinc(t=>a); $sht(keep=>k) = 2; $shtex(t=>b) = 100; }
	if ($rm == "OPTIONS") { $sht(t=>b) = $null; sht_rm_name_re("t=>^z"); sht_setxs("ever", "s", "v", "9"); }
	xlog("$sht(t=>a) $sht(t=>b) $sht(keep=>k) $sht(ever=>e) $shtex(t=>a)\\n");
}`;

const request = (method: string) =>
  `${method} sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1\nFrom: <sip:a@b>;tag=1\n` +
  `To: <sip:bob@example.com>\nCall-ID: 1\nCSeq: 1 ${method}\nContent-Length: 0\n\n`;

let clock: FakeClock;
let script: RunningScript;

beforeEach(async () => {
  clock = new FakeClock();
  script = await runScript(SCRIPT, clock);
});
afterEach(() => script.stop());

const last = () => script.lines.at(-1);

test('a cell is gone when its time is over, and the sweep runs its event route', () => {
  script.receive(request('MESSAGE'));
  expect(last()).toBe('1 two 1 x"y 10');
  clock.advance(11_000);
  script.receive(request('NOTIFY'));
  // The initial value stands for what has expired; the timer has not looked yet.
  expect(last()).toMatch(/^0 0 <null> x"y /);
  clock.advance(5_000);
  expect(script.lines.filter((l) => l.startsWith('expired')).sort()).toEqual(['expired a=1', 'expired b=two']);
  expect(script.host.state(HTABLE).table('t')?.cells.size).toBe(0);
});

test('a write renews the lifetime unless updateexpire=0; $shtex sets it', () => {
  script.receive(request('MESSAGE'));
  clock.advance(8_000);
  script.receive(request('INFO'));
  expect(last()).toBe('2 two 2 x"y 10');
  clock.advance(8_000);
  script.receive(request('NOTIFY'));
  expect(last()).toBe('2 two <null> x"y 2');
  clock.advance(50_000);
  script.receive(request('NOTIFY'));
  expect(last()).toMatch(/^0 two <null> x"y/);
});

test('listeners learn of what the script and commands do, not of what expires', async () => {
  const state = script.host.state(HTABLE);
  const changes: TableChange[] = [];
  state.onChange.push((change) => changes.push(change));
  script.receive(request('MESSAGE'));
  script.receive(request('OPTIONS'));
  await script.rpc('htable.seti', 'keep', 'rpc', '5');
  clock.advance(60_000);
  expect(changes).toEqual([
    { action: 'set', table: 't', key: 'a', value: 1, type: 'int' },
    { action: 'set', table: 't', key: 'b', value: 'two', type: 'str' },
    { action: 'set', table: 'keep', key: 'k', value: 1, type: 'int' },
    { action: 'set', table: 'ever', key: 'e', value: 'x"y', type: 'str' },
    { action: 'delete', table: 't', key: 'b' },
    { action: 'delete-re', table: 't', by: 'name', value: '^z' },
    { action: 'set', table: 'ever', key: 's', value: 'v', type: 'str' },
    { action: 'expire', table: 'ever', key: 's', expiry: 9 },
    { action: 'set', table: 'keep', key: 'rpc', value: 5, type: 'int' },
  ]);
});

test('a table goes to a file and back with what is left of its lifetimes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kamscript-htable-'));
  try {
    const file = join(dir, 'table.jsonl');
    script.receive(request('MESSAGE'));
    clock.advance(4_000);
    expect(await script.rpc('htable.saveFile', 't', file)).toBe('Ok. 2 cells written.\n');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    await script.rpc('htable.flush', 't');
    expect(await script.rpc('htable.loadFile', 't', file)).toBe('Ok. 2 cells read.\n');
    script.receive(request('NOTIFY'));
    expect(last()).toBe('1 two 1 x"y 6');
    expect(await script.rpc('htable.loadFile', 't', join(dir, 'none'))).toMatch(/^error: 500 - /);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a table goes to its database by command and, with dbmode=1, when the server ends', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kamscript-htable-'));
  const head = 'id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int,null)\n';
  writeFileSync(join(dir, 'cells'), `${head}1:a:0:0:old:0\n`);
  writeFileSync(join(dir, 'timed'), head);
  const text = `
loadmodule "pv.so"
loadmodule "db_text.so"
loadmodule "htable.so"
modparam("htable", "db_url", "text://${dir}")
modparam("htable", "db_expires", 1)
modparam("htable", "htable", "t=>dbtable=cells;")
modparam("htable", "htable", "e=>autoexpire=60;dbtable=timed;dbmode=1;")
request_route { $sht(t=>b) = 7; $sht(e=>x) = "y"; }`;
  const rows = (name: string) => readFileSync(join(dir, name), 'latin1').split('\n').slice(1).filter(Boolean).sort();
  try {
    const server = await runScript(text, clock);
    server.receive(request('MESSAGE'));
    expect(await server.rpc('htable.store', 't')).toBe('Ok. Htable successfully stored to DB.\n');
    expect(await server.rpc('db_text.dump')).toBe('Dump OK\n');
    expect(rows('cells').map((r) => r.replace(/^\d+/, ''))).toEqual([':a:0:0:old:', ':b:0:1:7:']);
    expect(rows('timed')).toEqual([]);
    await server.stop();
    expect(rows('timed')).toEqual([`1:x:0:0:y:${Math.floor(clock.now() / 1000) + 60}`]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
