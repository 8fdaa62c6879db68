/** Presence in MariaDB: the stock kamailio.cfg, and two servers, this one and Kamailio, on the same tables. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startMariadb, type ThrowawayDatabase } from '../../support/databases.js';
import { type RealServer, startServer } from '../../support/real-server.js';
import { type Got, Phone, pidf, tagOf } from './phone.js';

const STOCK = '/etc/kamailio/kamailio.cfg';

let database: ThrowawayDatabase;
beforeAll(async () => {
  database = await startMariadb();
});
afterAll(async () => {
  await database.stop();
});

/** The script of Debian's package with presence on, on ports and a control socket of its own. */
function stock(): string {
  const text = readFileSync(STOCK, 'latin1');
  const defines = ['WITH_MYSQL', 'WITH_PRESENCE', `DBURL "${database.url}"`].map((d) => `#!define ${d}\n`).join('');
  return `#!KAMAILIO\n${defines}listen=udp:127.0.0.1:{{PORT}}\nalias="example.org"\n${text}
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")\n`;
}

const plain = (mode: number) => `
debug=2
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "db_mysql.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("presence", "db_url", "${database.url}")
modparam("presence", "publ_cache", 0)
modparam("presence", "subs_db_mode", ${mode})
modparam("presence", "notifier_processes", 0)
modparam("presence", "db_table_lock_type", 0)
modparam("presence_xml", "force_active", 1)
request_route {
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) handle_publish();
	else if (is_method("SUBSCRIBE")) handle_subscribe();
	t_release();
}
`;

const notifies = (all: readonly Got[]): readonly Got[] => all.filter((m) => m.start.startsWith('NOTIFY'));
const cseqOf = (m: Got | undefined): number => Number.parseInt(m?.header('CSeq') ?? '', 10);

test('the stock kamailio.cfg WITH_PRESENCE serves PUBLISH and SUBSCRIBE', async () => {
  const server = await startServer('kamscript', stock());
  const phone = await Phone.open(server.port);
  try {
    const [made, first] = await phone.request('SUBSCRIBE', 'alice', { dialog: 'stock' });
    expect(made?.start).toBe('SIP/2.0 200 OK');
    expect(first?.header('Subscription-State')).toMatch(/^active;expires=/);
    const [published, notify] = await phone.request('PUBLISH', 'alice', { body: pidf('t1', 'open') });
    expect(published?.start).toBe('SIP/2.0 200 OK');
    expect(notify?.body).toContain('<basic>open</basic>');
    expect(await database.sql("select username, event, sender from presentity where username = 'alice'")).toEqual([
      'alice\tpresence\t',
    ]);
  } finally {
    phone.close();
    await server.stop();
  }
  expect(await database.sql("select watcher_username, status from active_watchers where callid = 'stock'")).toEqual([
    'bob\t1',
  ]);
});

describe('what one server keeps, the other serves', () => {
  const orders = [
    ['kamscript', 'kamailio'],
    ['kamailio', 'kamscript'],
  ] as const;
  for (const mode of [1, 3]) {
    for (const [first, second] of orders) {
      test(`${first}, then ${second}, subs_db_mode ${mode}`, async () => {
        const user = `u${mode}${first}`;
        const a = await startServer(first, plain(mode));
        const phone = await Phone.open(a.port);
        let b: RealServer | undefined;
        try {
          const before = await phone.request('SUBSCRIBE', user, { dialog: `d${user}` });
          const [published] = await phone.request('PUBLISH', user, { body: pidf('t1', 'open') });
          const seen = notifies(phone.all).length;
          await a.stop();

          b = await startServer(second, plain(mode).replace('{{PORT}}', `${a.port}`));
          const etag = published?.header('SIP-ETag') ?? '';
          await phone.request('PUBLISH', user, { body: pidf('t1', 'closed'), headers: [`SIP-If-Match: ${etag}`] });
          const after = notifies(phone.all).slice(seen);
          expect(after.map((m) => m.header('Call-ID'))).toEqual([`d${user}`]);
          expect(after[0]?.body).toContain('<basic>closed</basic>');
          expect(cseqOf(after[0])).toBeGreaterThan(cseqOf(notifies(phone.all)[seen - 1]));

          const ended = await phone.request('SUBSCRIBE', user, {
            dialog: `d${user}`,
            toTag: tagOf(before[0]),
            expires: 0,
          });
          expect(ended.map((m) => m.start)).toContain('SIP/2.0 200 OK');
          expect(notifies(ended).at(-1)?.header('Subscription-State')).toMatch(/^terminated/);
          expect(await database.sql(`select count(*) from active_watchers where callid = 'd${user}'`)).toEqual(['0']);
        } finally {
          phone.close();
          await b?.stop();
        }
      });
    }
  }
});
