/** Buses on real sockets: over IPv6 and TLS, and nodes that stop and go on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer, wait } from '../../support/real-server.js';
import { Phones } from '../dialog/phones.js';

const CERTS = fileURLToPath(new URL('../tls/certs', import.meta.url));
type Kind = 'kamscript' | 'kamailio';

interface Node {
  readonly kind: Kind;
  /** Of the bus: `{{PORT2}}` is its port. */
  readonly listen: string;
  readonly address: string;
  readonly notify?: string;
  readonly more?: string;
}

/** A write is a MESSAGE with X-Key and X-Val. */
const script = ({ listen, address, notify, more = '' }: Node) => `
debug=1
log_stderror=yes
children=2
listen=udp:127.0.0.1:{{PORT}}
listen=${listen}
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
${more}
loadmodule "dmq.so"
loadmodule "htable.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("jsonrpcs", "transport", 0)
modparam("tm", "fr_timer", 2000)
modparam("dmq", "server_address", "${address}")
${notify === undefined ? '' : `modparam("dmq", "notification_address", "${notify}")`}
modparam("dmq", "ping_interval", 5)
modparam("htable", "enable_dmq", 1)
modparam("htable", "dmq_init_sync", 1)
modparam("htable", "htable", "rep=>size=8;dmqreplicate=1;")
request_route {
  if (is_method("KDMQ")) { dmq_handle_message(); exit; }
  if ($hdr(X-Key) != $null) $sht(rep=>$hdr(X-Key)) = $hdr(X-Val);
  sl_send_reply("200", "OK");
}
`;

const servers: RealServer[] = [];
const opened: Phones[] = [];
afterEach(async () => {
  for (const p of opened.splice(0)) p.close();
  for (const s of servers) resume(s);
  await Promise.all(servers.splice(0).map((s) => s.stop()));
});

async function start(node: Node): Promise<RealServer> {
  const server = await startServer(node.kind, script(node));
  servers.push(server);
  return server;
}

const kamcmd = (server: RealServer, ...args: string[]) => run('kamcmd', ['-s', `unix:${server.dir}/ctl`, ...args]);

async function table(server: RealServer): Promise<Record<string, string>> {
  const dump = await kamcmd(server, 'htable.dump', 'rep');
  const cells = [...dump.matchAll(/name: (.*)\n\s*value: (.*)\n/g)].map((m): [string, string] => [m[1]!, m[2]!]);
  return Object.fromEntries(cells.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function phones(): Promise<Phones> {
  const p = await Phones.open();
  opened.push(p);
  return p;
}

async function write(p: Phones, server: RealServer, key: string, value: string): Promise<void> {
  const reply = await p.request(server.port, 'MESSAGE', `X-Key: ${key}\r\nX-Val: ${value}\r\n`);
  expect(reply).toMatch(/^SIP\/2\.0 200/);
}

async function until(what: () => Promise<unknown>, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  for (;;) {
    try {
      return void (await what());
    } catch (e) {
      if (Date.now() > end) throw e;
      await wait(250);
    }
  }
}

const active = async (server: RealServer) =>
  (await kamcmd(server, 'dmq.list_nodes')).match(/status: active/g)?.length ?? 0;

/** Writes at each of the nodes are known at all; so is what was there before the last one came. */
async function agree(nodes: readonly RealServer[], expected: Record<string, string>): Promise<void> {
  for (const node of nodes) await until(async () => expect(await table(node)).toEqual(expected));
}

describe('a bus over', () => {
  test('IPv6', { timeout: 60_000 }, async () => {
    const first: Node = { kind: 'kamscript', listen: 'udp:[::1]:{{PORT2}}', address: 'sip:[::1]:{{PORT2}}' };
    const a = await start(first);
    const p = await phones();
    await write(p, a, 'before', '1');
    const b = await start({ ...first, notify: `sip:[::1]:${a.port + 1}` });
    await until(async () => expect(await active(a)).toBe(2));
    await write(p, a, 'at-a', '2');
    await write(p, b, 'at-b', '3');
    await agree([a, b], { 'at-a': '2', 'at-b': '3', before: '1' });
  });

  // Kamailio's own default is TLS 1.0
  const TLS = `loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "${join(CERTS, 'one.pem')}")
modparam("tls", "private_key", "${join(CERTS, 'one.key')}")`;

  for (const kinds of [
    ['kamscript', 'kamscript'],
    ['kamscript', 'kamailio'],
    ['kamailio', 'kamscript'],
  ] as const satisfies readonly (readonly [Kind, Kind])[]) {
    test(`TLS: ${kinds.join(', then ')}`, { timeout: 60_000 }, async () => {
      const node = (kind: Kind): Node => ({
        kind,
        listen: 'tls:127.0.0.1:{{PORT2}}\nenable_tls=yes',
        address: 'sip:127.0.0.1:{{PORT2}};transport=tls',
        more: TLS,
      });
      const a = await start(node(kinds[0]));
      const p = await phones();
      await write(p, a, 'before', '1');
      const b = await start({ ...node(kinds[1]), notify: `sip:127.0.0.1:${a.port + 1};transport=tls` });
      await until(async () => expect(await active(a)).toBe(2));
      await until(async () => expect(await active(b)).toBe(2));
      await write(p, a, 'at-a', '2');
      await write(p, b, 'at-b', '3');
      await agree([a, b], { 'at-a': '2', 'at-b': '3', before: '1' });
    });
  }
});

const pid = (server: RealServer): number => Number(readFileSync(join(server.dir, 'pid'), 'utf8'));
const stopped = new Set<RealServer>();

function pause(server: RealServer): void {
  process.kill(pid(server), 'SIGSTOP');
  stopped.add(server);
}

function resume(server: RealServer): void {
  if (stopped.delete(server)) process.kill(pid(server), 'SIGCONT');
}

/** A process that is stopped hears nothing and says nothing: the others give it up, and it knows nothing of that. */
test('nodes part by SIGSTOP and meet again: the tables are equal', { timeout: 120_000 }, async () => {
  const address = 'sip:127.0.0.1:{{PORT2}}';
  const node = (kind: Kind, notify?: number): Node => ({
    kind,
    listen: 'udp:127.0.0.1:{{PORT2}}',
    address,
    ...(notify === undefined ? {} : { notify: `sip:127.0.0.1:${notify}` }),
  });
  const a = await start(node('kamscript'));
  const b = await start(node('kamscript', a.port + 1));
  const c = await start(node('kamailio', a.port + 1));
  for (const s of [a, b, c]) await until(async () => expect(await active(s)).toBe(3));
  const p = await phones();
  const expected: Record<string, string> = {};
  const put = async (server: RealServer, key: string, value: string) => {
    expected[key] = value;
    await write(p, server, key, value);
  };
  await put(a, 'shared', 'first');
  await put(b, 'gone-stale', 'first');
  await agree([a, b, c], expected);

  pause(b);
  await put(a, 'while-b-slept', '1');
  await put(c, 'at-c', '1');
  await put(a, 'gone-stale', 'second');
  // long enough to be given up
  await until(async () => expect(await active(a)).toBe(2), 20_000);
  await put(a, 'after-it-was-given-up', '1');
  resume(b);
  await agree([a, b, c], expected);
  for (const s of [a, b]) await until(async () => expect(await active(s)).toBe(3), 20_000);

  pause(a);
  await put(b, 'while-a-slept', '1');
  await put(c, 'at-c', '2');
  await wait(3000);
  resume(a);
  await put(a, 'shared', 'last');
  await agree([a, b, c], expected);
});
