/**
 * The location table on MariaDB, PostgreSQL and SQLite, beside Kamailio: the same registrations leave the same rows in each
 * db_mode, and what one server has written the other serves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSqlite, startMariadb, startPostgres, type ThrowawayDatabase } from '../../support/databases.js';
import { type RealServer, startServer, wait } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';

type Kind = 'kamscript' | 'kamailio';

const MODULES = 'sl tm pv kex textops siputils xlog ctl usrloc registrar nathelper';

const script = (driver: string, url: string, mode: number) => `
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
loadmodule "${driver}.so"
${MODULES.split(' ')
  .map((m) => `loadmodule "${m}.so"`)
  .join('\n')}
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("usrloc", "db_url", "${url}")
modparam("usrloc", "db_mode", ${mode})
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "nat_bflag", 6)
modparam("registrar", "method_filtering", 1)
modparam("registrar", "path_mode", 0)
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
request_route {
	if (is_method("REGISTER")) {
		if ($fU == "carol") { fix_nated_register(); setbflag(6); }
		save("location");
		exit;
	}
	$var(code) = lookup("location");
	append_to_reply("X-Said: $var(code) $ru $du $br\\r\\n");
	send_reply("200", "OK");
}
`;

interface Registration {
  readonly user: string;
  readonly headers: readonly string[];
  readonly cseq?: number;
}

const REGISTRATIONS: readonly Registration[] = [
  {
    user: 'alice',
    headers: [
      'Contact: <sip:alice@192.0.2.1:5062;ob>;q=0.5;methods="INVITE, ACK, BYE", <sip:alice@192.0.2.2>;q=0.25',
      'Expires: 600',
    ],
  },
  {
    user: 'bob',
    headers: [
      'Contact: "Bob \\"B\\"" <sip:bob@192.0.2.3;transport=udp>',
      'Path: <sip:edge.example;lr>, <sip:edge2.example;lr>',
      'Supported: path',
      "User-Agent: O'Neil; \xc3\xbc %s",
    ],
  },
  { user: 'carol', headers: ['Contact: <sip:carol@10.0.0.3:40000>;expires=300'] },
  {
    user: 'dave',
    headers: [
      'Contact: <sip:dave@192.0.2.4>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>";reg-id=2',
      'Supported: outbound, path',
      'Expires: 500',
    ],
  },
  { user: 'erin', headers: ['Contact: <sip:erin@192.0.2.5>'] },
  { user: 'erin', cseq: 2, headers: ['Contact: *', 'Expires: 0'] },
  { user: 'frank', headers: ['Contact: <sip:frank@192.0.2.6>', 'Allow: INVITE, MESSAGE'] },
  { user: 'frank', cseq: 2, headers: ['Contact: <sip:frank@192.0.2.6>;q=0.9', 'Expires: 1200'] },
  { user: 'gina', headers: ['Contact: <sip:gina@192.0.2.7>, <sip:gina@192.0.2.8>'] },
  { user: 'gina', cseq: 2, headers: ['Contact: <sip:gina@192.0.2.7>;expires=0'] },
];
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'gina', 'nobody'];

const COLUMNS =
  'username, domain, contact, received, path, q, callid, cseq, flags, cflags, user_agent, socket, methods, instance, reg_id, server_id, connection_id, keepalive';

/** Seconds between the two times of a row. */
const LIFETIME: Readonly<Record<string, string>> = {
  db_mysql: 'TIMESTAMPDIFF(SECOND, last_modified, expires)',
  db_postgres: 'EXTRACT(EPOCH FROM expires - last_modified)::int',
  db_sqlite: 'CAST(ROUND((expires - last_modified) * 86400) AS INTEGER)',
};

const KINDS = [
  ['db_mysql', startMariadb],
  ['db_postgres', startPostgres],
  ['db_sqlite', makeSqlite],
] as const;

describe.each(KINDS)('%s', (driver, start) => {
  let db: ThrowawayDatabase;
  let client: SipClient;

  beforeAll(async () => {
    db = await start();
    client = await SipClient.open();
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await db?.stop();
  }, 60_000);

  async function on<T>(kind: Kind, mode: number, work: (server: RealServer) => Promise<T>): Promise<T> {
    const server = await startServer(kind, script(driver, db.url, mode));
    try {
      return await work(server);
    } finally {
      await server.stop();
    }
  }

  async function register({ port }: RealServer): Promise<void> {
    for (const { user, headers, cseq = 1 } of REGISTRATIONS) {
      const aor = `<sip:${user}@d.example>`;
      const from = `${aor};tag=t`;
      const request = {
        method: 'REGISTER',
        uri: 'sip:d.example',
        from,
        to: aor,
        callId: `call-${user}`,
        cseq,
        headers,
      };
      expect((await client.ask(request, port)).status).toBe(200);
    }
  }

  async function rows(port: number): Promise<readonly string[]> {
    const lines = await db.sql(`SELECT ${COLUMNS}, ${LIFETIME[driver]} FROM location ORDER BY username, contact;`);
    // a second may begin between the two times
    return lines.map((line) =>
      line.replaceAll(`:${port}`, ':PORT').replace(/\d+$/, (n) => `${Math.round(Number(n) / 10) * 10}`),
    );
  }

  async function served({ port }: RealServer): Promise<readonly string[]> {
    const said: string[] = [];
    for (const user of USERS) {
      const reply = await client.ask({ method: 'OPTIONS', uri: `sip:${user}@d.example` }, port);
      said.push(`${reply.status} ${reply.header('X-Said')}`);
    }
    return said;
  }

  const clear = () => db.sql('DELETE FROM location;');

  /** What a server leaves in the table, and serves: at once, after the timer, and after its end. */
  const story = (kind: Kind, mode: number) =>
    on(kind, mode, async (server) => {
      await register(server);
      const answers = await served(server);
      // with 2 the timer writes
      const atOnce = mode === 2 ? [] : await rows(server.port);
      await wait(mode === 2 ? 2500 : 0);
      return { answers, atOnce, later: await rows(server.port) };
    });

  // the timer is the same for all
  test.each(driver === 'db_mysql' ? [1, 2, 3] : [1, 3])('db_mode %i: the same rows as Kamailio', async (mode) => {
    await clear();
    const theirs = await story('kamailio', mode);
    await clear();
    const ours = await story('kamscript', mode);
    expect(ours.answers).toEqual(theirs.answers);
    expect(ours.atOnce).toEqual(theirs.atOnce);
    expect(ours.later).toEqual(theirs.later);
    expect(theirs.later).toHaveLength(7);
  });

  test('the table that Kamailio has written serves here, and that of ours serves there', async () => {
    await clear();
    const theirs = await on('kamailio', 1, async (server) => {
      await register(server);
      return await served(server);
    });
    for (const mode of driver === 'db_mysql' ? [1, 3, 4] : [1])
      expect(await on('kamscript', mode, served), `db_mode ${mode}`).toEqual(theirs);
    await clear();
    await on('kamscript', 1, register);
    for (const mode of driver === 'db_mysql' ? [1, 3] : [1])
      expect(await on('kamailio', mode, served), `db_mode ${mode}`).toEqual(theirs);
  }, 60_000);

  test('db_mode 2 writes what is left when the server ends; it is there when it starts again', async () => {
    await clear();
    const before = await on('kamscript', 2, async (server) => {
      await register(server);
      return await served(server);
    });
    expect(await on('kamscript', 2, served)).toEqual(before);
  });
});
