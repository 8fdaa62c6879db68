/** Timers, keepalives, the database and the end of dialogs, on a network in memory and with a clock that the test moves. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../../src/modules/db_sqlite/index.js';
import { type Dialog, STATE } from '../../../src/modules/dialog/dialog.js';
import { didText, parseDid } from '../../../src/modules/dialog/did.js';
import { type Dialogs, dialogsOf } from '../../../src/modules/dialog/state.js';
import { routeValues } from '../../../src/modules/dialog/within.js';
import { Cluster, type Member } from '../dmq/cluster.js';
import { CALLEE, CALLER, Call, dialogScript } from './calls.js';

let cluster = new Cluster();
afterEach(async () => {
  await cluster.stop();
  cluster = new Cluster();
});

const A = '10.0.0.1';
const start = (more = '', inInvite = '', before = ''): Promise<Member> =>
  cluster.start(A, { lines: `${before}${dialogScript(more, inInvite)}` });
const dialogs = (m: Member): Dialogs => dialogsOf(m.host);
const all = (m: Member): Dialog[] => [...dialogs(m).table];
const param = (name: string, value: number | string) =>
  `modparam("dialog", "${name}", ${typeof value === 'number' ? value : `"${value}"`})\n`;
const sentTo = (ip: string, method: string) =>
  new Set(cluster.wire.filter((d) => d.to === ip && d.text.startsWith(`${method} `)).map((d) => d.text)).size;
const stat = (m: Member, name: string): number => {
  const value = m.host.statistics.get(`dialog.${name}`);
  return typeof value === 'function' ? value() : (value ?? -1);
};

test('did: digits backwards, as Kamailio writes them', () => {
  // dmq-captures and sip.md: entry 3506, id 8981
  expect(didText({ entry: 3506, id: 8981 })).toBe('2bd.5132');
  expect(parseDid('2bd.5132')).toEqual({ entry: 3506, id: 8981 });
  for (const bad of ['', '.', 'zz.1', '1.', '.1', '1.2.3', '123456789.1']) expect(parseDid(bad)).toBeUndefined();
});

test('values of a route set: commas within brackets and quotes part none', () => {
  expect(routeValues('<sip:a;lr>,"x, y" <sip:b;lr>;p=1, <sip:c,d;lr>')).toEqual([
    '<sip:a;lr>',
    '"x, y" <sip:b;lr>;p=1',
    '<sip:c,d;lr>',
  ]);
});

describe('the end of a dialog', () => {
  test('BYE, negative reply, no transaction: nothing is left', async () => {
    const a = await start('', 'if ($hdr(X-Drop) == "1") { sl_send_reply("403", "No"); exit; }');
    const call = new Call(cluster, a, 'bye');
    await call.answered();
    await call.within('BYE');
    const busy = new Call(cluster, a, 'busy');
    await busy.invite();
    await busy.reply(486);
    await new Call(cluster, a, 'drop').invite(['X-Drop: 1']);
    expect(Object.fromEntries(all(a).map((d) => [d.callId, d.state]))).toEqual({
      bye: STATE.DELETED,
      busy: STATE.DELETED,
    });
    await cluster.pass(10_000);
    expect(all(a)).toEqual([]);
    expect([stat(a, 'processed_dialogs'), stat(a, 'failed_dialogs'), stat(a, 'active_dialogs')]).toEqual([3, 1, 0]);
  });

  test('nobody answers, nobody acknowledges', async () => {
    const a = await start(
      param('early_timeout', 100) + param('noack_timeout', 60) + param('default_timeout', 9000),
      '',
    );
    const call = new Call(cluster, a, 'no-ack');
    await call.invite();
    await call.reply(200);
    expect(all(a)[0]?.state).toBe(STATE.ANSWERED);
    await cluster.pass(85_000, 1000);
    expect(all(a)[0]?.state).toBe(STATE.ANSWERED);
    await cluster.pass(20_000, 1000);
    expect(all(a).map((d) => d.state)).toEqual([]);
    expect(stat(a, 'expired_dialogs')).toBe(1);
    expect(dialogs(a).active).toBe(0);
  });

  test('timeout-noreset: requests within do not begin the time anew', async () => {
    for (const [property, left] of [
      ['', 1],
      ['dlg_set_property("timeout-noreset");', 0],
    ] as const) {
      cluster = new Cluster();
      const a = await start(param('default_timeout', 100), property);
      const call = new Call(cluster, a, 'reset');
      await call.answered();
      await cluster.pass(60_000, 1000);
      await call.within('INFO');
      await cluster.pass(60_000, 1000);
      expect(all(a), property).toHaveLength(left);
    }
  });
});

describe('keepalives', () => {
  const KA = param('ka_timer', 10) + param('ka_interval', 30) + param('default_timeout', 9000);

  test('to the sides that were asked for; a side that is gone ends the call', async () => {
    const a = await start(KA, 'dlg_set_property("ka-dst");');
    const call = new Call(cluster, a, 'ka');
    await call.answered();
    await cluster.pass(31_000, 1000);
    expect([sentTo(CALLEE, 'OPTIONS'), sentTo(CALLER, 'OPTIONS')]).toEqual([1, 0]);
    // the CSeq that the caller sent last, once more
    expect(call.last(CALLEE, 'OPTIONS')).toMatch(/^CSeq: 1 OPTIONS\r$/m);
    await call.answer(CALLEE, 'OPTIONS', 500);
    await cluster.pass(30_000, 1000);
    expect(all(a)[0]?.deadline).toBeGreaterThan(cluster.clock.now() + 1_000_000);
    await call.answer(CALLEE, 'OPTIONS', 481);
    await cluster.pass(11_000, 1000);
    expect(all(a)).toEqual([]);
  });

  test('ka_failed_limit: that many in a row', async () => {
    const a = await start(KA + param('ka_failed_limit', 3), 'dlg_set_property("ka-src");');
    const call = new Call(cluster, a, 'ka');
    await call.answered();
    for (let i = 0; i < 3; i++) {
      expect(all(a)).toHaveLength(1);
      await cluster.pass(31_000, 1000);
      await call.answer(CALLER, 'OPTIONS', 481);
    }
    await cluster.pass(11_000, 1000);
    expect(all(a)).toEqual([]);
  });
});

describe('the database', () => {
  const open = (file: string, mode: number) =>
    start(
      `modparam("dialog", "db_url", "sqlite://${file}")\n${param('db_mode', mode)}${param('profiles_with_value', 'caller')}${param('db_update_period', 10)}`,
      '$dlg_var(color) = "blue"; $dlg_var(gone) = "1"; set_dlg_profile("caller", "$fU"); dlg_setflag("3");',
      'loadmodule "db_sqlite"\n',
    );
  const fields = (m: Member) =>
    all(m).map((d) => ({
      key: d.key,
      state: d.state,
      call: [d.callId, d.fromUri, d.toUri, d.requestUri, d.startTs, d.sflags],
      legs: d.legs.map(({ socket, ...leg }) => ({ ...leg, socket: socket?.text })),
      vars: [...d.vars].sort(),
      profiles: d.memberships.map(({ profile, value, puid }) => `${profile.name} ${value} ${puid}`),
      deadline: Math.floor(d.deadline / 1000),
    }));

  const written = () => new Promise((done) => setTimeout(done, 100));

  /** Kamailio's tables, versions 7 and 1. */
  const SCHEMA = `
    CREATE TABLE version (table_name VARCHAR(32) NOT NULL, table_version INTEGER NOT NULL);
    INSERT INTO version VALUES ('dialog', 7), ('dialog_vars', 1);
    CREATE TABLE dialog (id INTEGER PRIMARY KEY NOT NULL, hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL,
      callid VARCHAR(255) NOT NULL, from_uri VARCHAR(255) NOT NULL, from_tag VARCHAR(128) NOT NULL,
      to_uri VARCHAR(255) NOT NULL, to_tag VARCHAR(128) NOT NULL, caller_cseq VARCHAR(20) NOT NULL,
      callee_cseq VARCHAR(20) NOT NULL, caller_route_set VARCHAR(512), callee_route_set VARCHAR(512),
      caller_contact VARCHAR(255) NOT NULL, callee_contact VARCHAR(255) NOT NULL, caller_sock VARCHAR(64) NOT NULL,
      callee_sock VARCHAR(64) NOT NULL, state INTEGER NOT NULL, start_time INTEGER NOT NULL,
      timeout INTEGER DEFAULT 0 NOT NULL, sflags INTEGER DEFAULT 0 NOT NULL, iflags INTEGER DEFAULT 0 NOT NULL,
      toroute_name VARCHAR(32), req_uri VARCHAR(255) NOT NULL, xdata VARCHAR(512));
    CREATE TABLE dialog_vars (id INTEGER PRIMARY KEY NOT NULL, hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL,
      dialog_key VARCHAR(128) NOT NULL, dialog_value VARCHAR(512) NOT NULL);`;

  async function tables(file: string): Promise<void> {
    await (await openEmbedded(file, SCHEMA)).close();
  }

  for (const mode of [1, 2, 3]) {
    test(`db_mode ${mode}: what a server knew its successor knows`, async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'dialog-')), 'k.sqlite');
      await tables(file);
      const a = await open(file, mode);
      const call = new Call(cluster, a, 'kept');
      await call.answered();
      all(a)[0]!.setVar('gone', null);
      dialogs(a).changed(all(a)[0]!, 'vars');
      const over = new Call(cluster, a, 'over');
      await over.answered();
      await over.within('BYE');
      await cluster.pass(12_000, 1000);
      await written();
      const before = fields(a);
      // mode 1 has written all before; the others write at the end
      if (mode === 1) a.kill();
      else await a.end(cluster);
      cluster.members.length = 0;
      const b = await open(file, mode);
      expect(fields(b)).toEqual(before);
      expect(fields(b)).toHaveLength(1);
      expect(dialogs(b).active).toBe(1);
      expect(dialogs(b).profiles.get('caller')?.size('alice')).toBe(1);
    });
  }
});
