/** A database server that dies and comes back while the SIP server runs. */
import { afterAll, describe, expect, test } from 'vitest';
import { type DatabaseServer, startMariadb, startPostgres } from '../../support/databases.js';
import { type RealServer, startServer, wait } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';

const script = (driver: string, url: string) => `
debug=2
log_stderror=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
loadmodule "${driver}.so"
loadmodule "ctl.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "alias_db.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("usrloc|alias_db", "db_url", "${url}")
modparam("usrloc", "db_mode", 1)
request_route {
	if (is_method("REGISTER")) { if (!save("location")) sl_reply_error(); exit; }
	if (alias_db_lookup("dbaliases")) sl_send_reply("200", "known"); else sl_send_reply("404", "unknown");
}
`;

const open: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
}, 60_000);

describe.each([
  ['db_mysql', startMariadb],
  ['db_postgres', startPostgres],
] as const)('%s', (driver, start) => {
  let db: DatabaseServer;
  let server: RealServer;
  let client: SipClient;

  const register = async (user: string): Promise<number> => {
    const aor = `<sip:${user}@d.example>`;
    const headers = [`Contact: <sip:${user}@192.0.2.1>`];
    const request = { method: 'REGISTER', uri: 'sip:d.example', from: `${aor};tag=t`, to: aor, headers };
    return (await client.ask(request, server.port, 8000)).status;
  };
  const alias = async () => (await client.ask({ method: 'OPTIONS', uri: 'sip:boss@d.example' }, server.port)).status;

  test('no 200 while it is away; all goes on when it is back', async () => {
    db = await start();
    open.push(() => db.stop());
    await db.sql(
      `INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('boss', 'd.example', 'a', 'b');`,
    );
    server = await startServer('kamscript', script(driver, db.url));
    open.push(() => server.stop());
    client = await SipClient.open();
    open.push(() => client.close());
    expect(await register('before')).toBe(200);
    expect(await alias()).toBe(200);

    await db.kill();
    expect(await register('away')).toBe(500);
    expect(await alias()).toBe(404);

    await db.start();
    await wait(300);
    expect(await register('after')).toBe(200);
    expect(await alias()).toBe(200);
    const rows = await db.sql('SELECT username FROM location ORDER BY username;');
    expect(rows).toEqual(expect.arrayContaining(['after', 'before']));
  }, 120_000);
});
