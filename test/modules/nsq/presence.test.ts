/** Reference nsq.md, section 7. */
import { describe, expect, test } from 'vitest';
import { type Fields, presenceUpdate } from '../../../src/modules/nsq/presence.js';
import { openPresentities } from '../../../src/modules/nsq/presentities.js';
import { puaPublish } from '../../../src/modules/nsq/pua.js';
import { Context } from '../../../src/runtime/context.js';
import { fakeHost, fakeProgram } from '../../support/fake-host.js';

const fields =
  (values: Readonly<Record<string, string>>): Fields =>
  (name) =>
    values[name] ?? '';
const update = (values: Readonly<Record<string, string>>, targets = true) =>
  presenceUpdate(fields({ 'Event-Name': 'update', ...values }), { targets, now: 1000 });
const row = (values: Readonly<Record<string, string>>, targets?: boolean) => {
  const result = update(values, targets);
  if (result.kind !== 'row') throw new Error(result.kind);
  return result;
};

const DIALOG = {
  'Event-Package': 'dialog',
  From: 'sip:alice@a.org',
  'From-User': 'alice',
  'From-Realm': 'a.org',
  To: 'sip:bob@b.org',
  'To-User': 'bob',
  'To-URI': 'sip:bob@10.0.0.1',
  'Call-ID': 'c1',
  'From-Tag': 't1',
  State: 'confirmed',
  Direction: 'initiator',
};

test('only updates of the three packages concern us', () => {
  expect(
    presenceUpdate(fields({ 'Event-Name': 'UPDATE', 'Event-Package': 'dialog' }), { targets: true, now: 0 }),
  ).toEqual({ kind: 'none' });
  expect(update({ 'Event-Package': 'other' })).toEqual({ kind: 'none' });
  expect(update({ 'Event-Package': 'toString' })).toEqual({ kind: 'none' });
});

describe('dialog', () => {
  test('the row is that of From, found again by four columns', () => {
    const { row: got, key } = row(DIALOG);
    expect(got).toMatchObject({
      event: 'dialog',
      username: 'alice',
      domain: 'a.org',
      etag: 'c1',
      sender: 'sip:c1',
      receivedTime: 1000,
      expires: 0,
      priority: 0,
    });
    expect(key).toEqual(['event', 'domain', 'username', 'etag']);
  });
  test('a whole presentity goes before From, half a one does not', () => {
    const whole = { Presentity: 'sip:p@p.org', 'Presentity-User': 'p', 'Presentity-Realm': 'p.org' };
    expect(row({ ...DIALOG, ...whole }).row).toMatchObject({ username: 'p', domain: 'p.org' });
    expect(row({ ...DIALOG, ...whole, 'Presentity-Realm': '' }).row).toMatchObject({
      username: 'alice',
      domain: 'a.org',
    });
  });
  test('Flush-Level takes columns from the right', () => {
    expect(row({ ...DIALOG, 'Flush-Level': '1' }).key).toEqual(['event', 'domain', 'username']);
    expect(row({ ...DIALOG, 'Flush-Level': '9' }).key).toEqual(['event']);
  });
  test('the body is a full dialog-info; empty tags are left out; values are escaped', () => {
    expect(row({ ...DIALOG, 'From-User': 'a<&"' }).row.body).toBe(`<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:alice@a.org">
  <dialog id="c1" call-id="c1" local-tag="t1" direction="initiator">
    <state>confirmed</state>
    <local>
      <identity display="a&lt;&amp;&quot;">sip:alice@a.org</identity>
      <target uri="sip:alice@a.org"/>
    </local>
    <remote>
      <identity display="bob">sip:bob@b.org</identity>
      <target uri="sip:bob@10.0.0.1"/>
    </remote>
  </dialog>
</dialog-info>
`);
    expect(row(DIALOG, false).row.body).not.toContain('target');
    expect(row({ ...DIALOG, 'Call-ID': '' }).row.body).toContain('<state>terminated</state>');
  });
  test.each(['From', 'To', 'State'])('without %s it is incomplete', (name) =>
    expect(update({ ...DIALOG, [name]: '' })).toMatchObject({ kind: 'incomplete' }),
  );
});

describe('presence', () => {
  const PRESENCE = {
    'Event-Package': 'presence',
    From: 'sip:alice@a.org',
    'From-User': 'alice',
    'From-Realm': 'a.org',
    'To-User': 'alice',
    State: 'early',
    'Call-ID': 'c',
    Expires: '60',
  };
  test('the row goes by user; Expires counts from now', () => {
    const { row: got, key } = row(PRESENCE);
    expect(got).toMatchObject({
      event: 'presence',
      username: 'alice',
      domain: 'a.org',
      etag: 'c',
      sender: 'sip:alice@a.org',
      expires: 1060,
    });
    expect(key).toEqual(['event', 'domain', 'username']);
  });
  test.each([
    ['early', 'open', 'Busy', '<rpid:busy/>'],
    ['confirmed', 'open', 'On the Phone', '<rpid:on-the-phone/>'],
    ['offline', 'closed', 'Offline', undefined],
    ['other', 'open', 'Available', undefined],
  ])('%s is %s, %s', (state, basic, note, activity) => {
    const { body } = row({ ...PRESENCE, State: state }).row;
    expect(body).toContain(`<basic>${basic}</basic>`);
    expect(body).toContain(`<dm:note>${note}</dm:note>`);
    expect(body).toContain('entity="alice"');
    if (activity) expect(body).toContain(activity);
    // as pua_json, into which Kamailio's code went (recorded: presence/json_events)
    else expect(body).toContain('<rpid:activities/>');
  });
  test('without To-User it is incomplete', () =>
    expect(update({ ...PRESENCE, 'To-User': '' })).toMatchObject({ kind: 'incomplete' }));
});

describe('message-summary', () => {
  const MWI = {
    'Event-Package': 'message-summary',
    'Messages-Waiting': 'yes',
    'Message-Account': 'sip:a@b',
    'Messages-New': '1',
    'Messages-Saved': '2',
    'Messages-Urgent': '0',
    'Messages-Urgent-Saved': '0',
  };
  test('counts, else the ready-made line, else none', () => {
    const head = 'Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\n';
    expect(row(MWI).row.body).toBe(`${head}Voice-Message: 1/2 (0/0)\r\n`);
    expect(row({ ...MWI, 'Messages-New': '', 'MWI-Voice-Message': '3/4' }).row.body).toBe(
      `${head}Voice-Message: 3/4\r\n`,
    );
    expect(row({ ...MWI, 'Messages-New': '' }).row.body).toBe(head);
  });
});

describe('nsq_pua_publish', () => {
  const rows: unknown[] = [];
  const presentities = { replacePresentity: async (got: unknown) => void rows.push(got) };
  const run = (
    json: string,
    params = {},
    states: Readonly<Record<string, unknown>> = { nsq: { presentities: async () => presentities } },
  ) => {
    const host = fakeHost({ states });
    return puaPublish(
      new Context(host, fakeProgram(), host.fakeRequest(), 1),
      { pua_mode: 1, pua_include_entity: 1, ...params },
      json,
    );
  };
  test('false when switched off or no JSON, else true whatever becomes of it', async () => {
    expect(await run('{}', { pua_mode: 0 })).toBe(-1);
    expect(await run('nope')).toBe(-1);
    expect(await run('{}')).toBe(1);
    expect(await run(JSON.stringify({ 'Event-Name': 'update', 'Event-Package': 'dialog' }))).toBe(1);
    expect(rows).toEqual([]);
    expect(await run(JSON.stringify({ 'Event-Name': 'update', ...DIALOG }))).toBe(1);
    expect(rows).toHaveLength(1);
    const failing = { replacePresentity: async () => Promise.reject(new Error('the table is gone')) };
    expect(
      await run(
        JSON.stringify({ 'Event-Name': 'update', ...DIALOG }),
        {},
        { nsq: { presentities: async () => failing } },
      ),
    ).toBe(1);
  });
});

test('the table keeps one row for each key, also when many come at once', async () => {
  const table: Record<string, unknown>[] = [];
  const pause = () => new Promise((done) => setImmediate(done));
  const database = {
    async delete(name: string, where: readonly { column: string; value: unknown }[]) {
      expect(name).toBe('presentity');
      await pause();
      const kept = table.filter((r) => !where.every((w) => r[w.column] === w.value));
      const gone = table.length - kept.length;
      table.splice(0, table.length, ...kept);
      return gone;
    },
    async insert(_: string, record: Record<string, unknown>) {
      await pause();
      table.push(record);
    },
    close: async () => {},
  };
  const host = fakeHost();
  const module = {
    name: 'db_fake',
    doc: '',
    database: { open: async (_: unknown, place: string) => (place === '/x' ? database : undefined) },
  };
  Object.assign(host, { module: (name: string) => (name === 'db_fake' ? module : undefined) });
  const sink = await openPresentities(host, 'fake:///x', 'presentity');
  await Promise.all(
    ['a', 'b', 'c'].map((tag) => sink.replacePresentity(row({ ...DIALOG, 'From-Tag': tag }).row, row(DIALOG).key)),
  );
  await sink.replacePresentity(row({ ...DIALOG, 'Call-ID': 'other' }).row, row(DIALOG).key);
  expect(table.map((r) => [r.etag, r.received_time, 'receivedTime' in r])).toEqual([
    ['c1', 1000, false],
    ['other', 1000, false],
  ]);
  expect(table[0]!.body).toContain('local-tag="c"');
  await expect(openPresentities(host, undefined, 'presentity')).rejects.toThrow('db_url');
  await expect(openPresentities(host, 'none:///x', 'presentity')).rejects.toThrow('db_none');
});
