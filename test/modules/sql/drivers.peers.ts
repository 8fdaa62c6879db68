/**
 * The modules over MariaDB, PostgreSQL and SQLite with Kamailio's own tables, beside Kamailio itself on the same database:
 * the same answers to the same requests.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSqlite, startMariadb, startPostgres, type ThrowawayDatabase } from '../../support/databases.js';
import { type RealServer, startServer } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';

const DATA = `
INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('alice', 'd.example', 'secret', '', '');
INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('hashed', 'd.example', '', '3b5f2e0c5f1a4b5c9d8e7f6a5b4c3d2e', '');
INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('boss', 'd.example', 'alice', 'd.example');
INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('boss', 'd.example', 'bob', 'other.example');
INSERT INTO domain (domain, did) VALUES ('d.example', 'main');
INSERT INTO domain (domain) VALUES ('plain.example');
INSERT INTO domain_attrs (did, name, type, value) VALUES ('main', 'limit', 0, '7');
INSERT INTO domain_attrs (did, name, type, value) VALUES ('main', 'label', 2, 'first');
INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '127.0.0.1', 32, 0, 'loop');
INSERT INTO address (grp, ip_addr, mask, port) VALUES (2, '192.0.2.0', 24, 0);
INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (3, '2001:db8::', 32, 5060, 'six');
INSERT INTO trusted (src_ip, proto, from_pattern, ruri_pattern, tag, priority) VALUES ('127.0.0.1', 'any', '^sip:alice@', NULL, 'peer', 1);
INSERT INTO htable (key_name, key_type, value_type, key_value, expires) VALUES ('name', 0, 0, 'a text', 0);
INSERT INTO htable (key_name, key_type, value_type, key_value, expires) VALUES ('number', 0, 1, '42', 0);
INSERT INTO htable (key_name, key_type, value_type, key_value, expires) VALUES ('list', 1, 0, 'one', 0);
INSERT INTO htable (key_name, key_type, value_type, key_value, expires) VALUES ('list', 1, 0, 'two', 0);
`;

const MODULES =
  'sl tm pv textops textopsx siputils xlog ctl usrloc registrar auth auth_db alias_db domain permissions sqlops htable';

const script = (driver: string, url: string, statements: readonly string[]) => `
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
modparam("auth_db|alias_db|domain|permissions|htable", "db_url", "${url}")
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("auth_db", "load_credentials", "$avp(dom)=domain;ha1b")
modparam("domain", "register_myself", 1)
modparam("permissions", "load_backends", 3)
modparam("permissions", "db_mode", 1)
modparam("permissions", "peer_tag_avp", "$avp(tag)")
modparam("alias_db", "use_domain", 1)
modparam("alias_db", "append_branches", 1)
modparam("htable", "htable", "t=>size=4;dbtable=htable;")
modparam("sqlops", "sqlcon", "db=>${url}")
request_route {
	$var(said) = "";
	if ($rU == "auth") {
		$var(code) = www_authenticate("$fd", "subscriber");
		if ($var(code) < 0 && $au == $null) { www_challenge("$fd", "0"); exit; }
		$var(said) = $_s($var(code) $avp(dom) [$avp(ha1b)]);
	}
	if ($rU == "boss" || $rU == "nobody") {
		$var(code) = alias_db_lookup("dbaliases");
		$var(said) = $_s($var(code) $ru $br);
	}
	if ($rU == "domain") {
		$var(code) = is_domain_local("$rd");
		$var(found) = lookup_domain("$rd", "x_");
		if (uri == myself) $var(own) = "own"; else $var(own) = "foreign";
		$var(said) = $_s($var(code) $var(found) $avp(x_did) $avp(x_limit) $avp(x_label) $var(own));
	}
	if ($rU == "address") {
		$var(a) = allow_source_address("1");
		$var(s) = allow_source_address("2");
		$var(b) = allow_address("2", "192.0.2.77", "5060");
		$var(c) = allow_address("2", "192.0.3.77", "5060");
		$var(d) = allow_address("3", "2001:db8::5", "5060");
		$var(e) = allow_address("3", "2001:db8::5", "5061");
		$var(f) = allow_source_address_group();
		$var(t) = $avp(tag);
		$var(g) = allow_trusted();
		$var(said) = $_s($var(a) $var(s) $var(b) $var(c) $var(d) $var(e) $var(f) $var(t) $var(g) $avp(tag));
	}
	if ($rU == "htable")
		$var(said) = $_s($sht(t=>name) $sht(t=>number) $sht(t=>list[0]) $sht(t=>list[1]) $sht(t=>list::size) $sht(t=>gone));
${statements
  .map(
    (sql, i) => `	if ($rU == "sql${i}") {
		$var(code) = sql_query("db", "${sql.replaceAll('"', '\\"')}", "ra");
		$var(said) = $_s($var(code) $dbr(ra=>rows)x$dbr(ra=>cols) $dbr(ra=>colname[0])=[$dbr(ra=>[0,0])] $dbr(ra=>colname[1])=[$dbr(ra=>[0,1])] $dbr(ra=>colname[2])=[$dbr(ra=>[0,2])] ${driver === 'db_sqlite' ? '' : '$sqlrows(db)'});
	}`,
  )
  .join('\n')}
	append_to_reply("X-Said: $var(said)\\r\\n");
	send_reply("200", "OK");
}
`;

/** Statements that all three databases know; what each makes of their types may differ. */
const STATEMENTS = [
  `SELECT username, domain, password FROM subscriber ORDER BY username`,
  `SELECT COUNT(*) AS n, MAX(grp) AS top FROM address`,
  `SELECT tag, grp, mask FROM address WHERE grp=2`,
  `SELECT 1.5 AS half, -7 AS minus, 'text' AS word`,
  `SELECT last_modified, did FROM domain WHERE domain='nowhere'`,
  `INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('x', '$rd', 'y', 'z')`,
  `UPDATE dbaliases SET username='yy' WHERE alias_domain='$rd'`,
  `SELECT username FROM dbaliases WHERE alias_domain='$rd'`,
  `DELETE FROM dbaliases WHERE alias_domain='$rd'`,
  `SELECT nothing FROM nowhere`,
  `SELECT 5000000000 AS big, 2147483647 AS most`,
  `SELECT datetime_value, q, expires FROM probe WHERE id=1`,
  `SELECT note, bytes, flag FROM probe WHERE id=1`,
  `SELECT note, bytes, flag FROM probe WHERE id=2`,
];

const PROBE: Readonly<Record<string, string>> = {
  db_mysql: `CREATE TABLE probe (id INT, datetime_value DATETIME, q FLOAT(10,2), expires BIGINT, note TEXT, bytes BLOB, flag TINYINT(1));
INSERT INTO probe VALUES (1, '2024-02-03 04:05:06', 0.75, 1700000000, 'line', 'raw', 1);
INSERT INTO probe VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL);`,
  db_postgres: `CREATE TABLE probe (id INT, datetime_value TIMESTAMP, q REAL, expires BIGINT, note TEXT, bytes BYTEA, flag SMALLINT);
INSERT INTO probe VALUES (1, '2024-02-03 04:05:06', 0.75, 1700000000, 'line', 'raw', 1);
INSERT INTO probe VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL);`,
  db_sqlite: `CREATE TABLE probe (id INTEGER, datetime_value TIMESTAMP, q REAL, expires INTEGER, note TEXT, bytes BLOB, flag SMALLINT);
INSERT INTO probe VALUES (1, julianday('2024-02-03 04:05:06'), 0.75, 1700000000, 'line', 'raw', 1);
INSERT INTO probe VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL);`,
};

const KINDS = [
  ['db_mysql', startMariadb],
  ['db_postgres', startPostgres],
  ['db_sqlite', makeSqlite],
] as const;

describe.each(KINDS)('%s', (driver, start) => {
  let db: ThrowawayDatabase;
  let ours: RealServer;
  let theirs: RealServer;
  let client: SipClient;

  beforeAll(async () => {
    db = await start();
    await db.sql(DATA);
    await db.sql(PROBE[driver] ?? '');
    const text = script(driver, db.url, STATEMENTS);
    [ours, theirs] = await Promise.all([startServer('kamscript', text), startServer('kamailio', text)]);
    client = await SipClient.open();
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await Promise.all([ours?.stop(), theirs?.stop()]);
    await db?.stop();
  });

  const said = async (of: RealServer, uri: string, user = '', password = ''): Promise<string> => {
    const request = { method: 'OPTIONS', uri, from: '<sip:alice@d.example>' };
    const reply = await (user === '' ? client.ask(request, of.port) : client.askAs(request, of.port, user, password));
    return `${reply.status} ${reply.header('X-Said')}`;
  };

  const both = async (uri: string, user?: string, password?: string): Promise<string> => {
    const theirAnswer = await said(theirs, uri, user, password);
    expect(await said(ours, uri, user, password), theirs.log().slice(-2500)).toBe(theirAnswer);
    return theirAnswer;
  };

  test('auth_db: the password, another one, a user that is not there', async () => {
    expect(await both('sip:auth@d.example', 'alice', 'secret')).toBe('200 1 d.example []');
    await both('sip:auth@d.example', 'alice', 'wrong');
    await both('sip:auth@d.example', 'nobody', 'secret');
    await both('sip:auth@d.example', "o'brien", 'secret');
  });

  test('alias_db', async () => {
    expect(await both('sip:boss@d.example')).toContain('sip:alice@d.example');
    await both('sip:boss@other.example');
    await both('sip:nobody@d.example');
  });

  test('domain and its attributes', async () => {
    expect(await both('sip:domain@d.example')).toContain('main 7 first own');
    await both('sip:domain@D.Example');
    await both('sip:domain@plain.example');
    await both('sip:domain@foreign.example');
  });

  test('permissions: address and trusted', async () => {
    expect(await both('sip:address@d.example')).toMatch(/^200 1 -1 1 -1 /);
  });

  test('htable', async () => {
    expect(await both('sip:htable@d.example')).toContain('a text 42');
  });

  // Kamailio cuts numbers of SQLite to 32 bits, and does not know how many rows were changed there
  const statements = STATEMENTS.map((sql, i) => [sql, i] as const);
  const fits = ([sql]: readonly [string, number]) => driver !== 'db_sqlite' || !sql.includes('5000000000');
  test.each(statements.filter(fits))('sqlops: %s', async (_sql, i) => {
    // each has rows of its own
    const theirAnswer = await said(theirs, `sip:sql${i}@theirs.example`);
    expect(await said(ours, `sip:sql${i}@ours.example`), theirs.log().slice(-2500)).toBe(theirAnswer);
  });
});
