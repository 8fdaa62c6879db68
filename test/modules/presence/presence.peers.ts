/** The same conversations with Kamailio 5.6.3 and with this server: what the phones get is the same. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RealServer, startServer } from '../../support/real-server.js';
import { masked, Phone, pidf, tagOf } from './phone.js';
import { TABLES } from './text-tables.js';

const SCRIPT = (lines: string) => `
debug=2
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "db_text.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_mwi.so"
loadmodule "presence_dialoginfo.so"
modparam("presence_xml", "force_active", 1)
modparam("presence", "notifier_processes", 0)
${lines}
request_route {
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) handle_publish();
	else if (is_method("SUBSCRIBE")) handle_subscribe();
	else t_reply("405", "Not here");
	t_release();
}
`;

const MEMORY = `
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
`;
const database = (dir: string, subs: number) => `
modparam("presence", "db_url", "text://${dir}")
modparam("presence", "publ_cache", 0)
modparam("presence", "subs_db_mode", ${subs})
`;

type Talk = (phone: Phone) => Promise<void>;

async function heard(kind: 'kamailio' | 'kamscript', lines: string, talk: Talk): Promise<readonly string[]> {
  const server: RealServer = await startServer(kind, SCRIPT(lines));
  const phone = await Phone.open(server.port);
  try {
    await talk(phone);
    await phone.quiet();
    return phone.all.map((m) => masked(m, phone, server.port));
  } finally {
    phone.close();
    await server.stop();
  }
}

/** Replies and NOTIFY requests, each in their order: the two kinds come from different processes there. */
const sorted = (all: readonly string[]) => ({
  replies: all.filter((m) => m.startsWith('SIP/2.0')),
  notifies: all.filter((m) => !m.startsWith('SIP/2.0')),
});

const summary = (yes: boolean) => `Messages-Waiting: ${yes ? 'yes' : 'no'}\r\nVoice-Message: 1/0\r\n`;
const MWI = { event: 'message-summary', type: 'application/simple-message-summary' };
const DIALOG = { event: 'dialog', type: 'application/dialog-info+xml' };
const dialogInfo = (id: string, state: string) =>
  `<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="partial" entity="sip:alice@example.org"><dialog id="${id}"><state>${state}</state></dialog></dialog-info>`;
const ifMatch = (etag: string) => ({ headers: [`SIP-If-Match: ${etag}`] });

/** Refreshes, changes and takes away what was published. */
const entityTags =
  (refresh: string): Talk =>
  async (phone) => {
    await phone.request('SUBSCRIBE', 'alice', { dialog: 'w' });
    const [made] = await phone.request('PUBLISH', 'alice', { body: pidf('t1', 'open') });
    const [refreshed] = await phone.request('PUBLISH', 'alice', {
      ...ifMatch(made?.header('SIP-ETag') ?? ''),
      body: refresh,
    });
    await phone.request('PUBLISH', 'alice', ifMatch(made?.header('SIP-ETag') ?? ''));
    const etag = refreshed?.header('SIP-ETag') ?? '';
    const [changed] = await phone.request('PUBLISH', 'alice', { ...ifMatch(etag), body: pidf('t1', 'closed') });
    const last = changed?.header('SIP-ETag') ?? '';
    await phone.request('PUBLISH', 'alice', { ...ifMatch(last), expires: 0 });
    await phone.request('PUBLISH', 'alice', { ...ifMatch(last), expires: 0 });
    await phone.request('PUBLISH', 'alice', { expires: 0, body: pidf('t2', 'open') });
  };

const summaries: Talk = async (phone) => {
  await phone.request('SUBSCRIBE', 'alice', { ...MWI, dialog: 'w' });
  const [made] = await phone.request('PUBLISH', 'alice', { ...MWI, body: summary(true) });
  const etag = made?.header('SIP-ETag') ?? '';
  const [changed] = await phone.request('PUBLISH', 'alice', { ...MWI, ...ifMatch(etag), body: summary(false) });
  await phone.request('PUBLISH', 'alice', { ...MWI, ...ifMatch(changed?.header('SIP-ETag') ?? ''), expires: 0 });
};

const dialogs: Talk = async (phone) => {
  await phone.request('SUBSCRIBE', 'alice', { ...DIALOG, dialog: 'w' });
  const [made] = await phone.request('PUBLISH', 'alice', { ...DIALOG, body: dialogInfo('d1', 'early') });
  const first = made?.header('SIP-ETag') ?? '';
  const [next] = await phone.request('PUBLISH', 'alice', {
    ...DIALOG,
    ...ifMatch(first),
    body: dialogInfo('d1', 'terminated'),
  });
  await phone.request('PUBLISH', 'alice', {
    ...DIALOG,
    ...ifMatch(next?.header('SIP-ETag') ?? ''),
    body: dialogInfo('d1', 'confirmed'),
  });
  await phone.request('PUBLISH', 'alice', { ...DIALOG, body: dialogInfo('d1', 'confirmed') });
};

const subscriptions: Talk = async (phone) => {
  const [made] = await phone.request('SUBSCRIBE', 'alice', { dialog: 'w' });
  const toTag = tagOf(made);
  await phone.request('PUBLISH', 'alice', { body: pidf('t1', 'open') });
  await phone.request('SUBSCRIBE', 'alice', { dialog: 'w', toTag, expires: 100 });
  await phone.request('PUBLISH', 'alice', { body: pidf('t2', 'open') });
  await phone.request('SUBSCRIBE', 'alice', { dialog: 'w', toTag, expires: 0 });
  await phone.request('SUBSCRIBE', 'alice', { dialog: 'w', toTag, expires: 0 });
};

describe('in memory', () => {
  // a refresh without a body would lose the document there
  const talks = { entityTags: entityTags(pidf('t1', 'open')), summaries, dialogs, subscriptions };
  for (const [name, talk] of Object.entries(talks)) {
    test.concurrent(name, async () => {
      const [theirs, ours] = await Promise.all([heard('kamailio', MEMORY, talk), heard('kamscript', MEMORY, talk)]);
      expect(sorted(ours)).toEqual(sorted(theirs));
    });
  }
});

describe('in a database', () => {
  for (const mode of [1, 2]) {
    for (const [name, talk] of Object.entries({ entityTags: entityTags(''), subscriptions })) {
      test.concurrent(`${name}, subs_db_mode ${mode}`, async () => {
        const dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'presence-')));
        for (const dir of dirs) for (const [file, text] of Object.entries(TABLES)) writeFileSync(join(dir, file), text);
        try {
          const [theirs, ours] = await Promise.all([
            heard('kamailio', database(dirs[0] ?? '', mode), talk),
            heard('kamscript', database(dirs[1] ?? '', mode), talk),
          ]);
          expect(sorted(ours)).toEqual(sorted(theirs));
        } finally {
          for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
        }
      });
    }
  }
});
