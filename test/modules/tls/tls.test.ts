/** Module tls on a running server; the certificates in certs/ are made for these tests. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { parseTlsFile } from '../../../src/modules/tls/config.js';
import { TLS } from '../../../src/modules/tls/index.js';
import { tlsRpc } from '../../../src/modules/tls/rpc.js';
import type { Log } from '../../../src/runtime/host.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';
import { Server } from '../../../src/server/server.js';

const CERTS = path.join(import.meta.dirname, 'certs');
const dir = mkdtempSync(path.join(tmpdir(), 'tls-'));
cpSync(CERTS, dir, { recursive: true });
const servers: Server[] = [];
afterAll(async () => {
  for (const s of servers) await s.stop();
});

const log = { level: -5, write: () => undefined };

async function freePort(): Promise<number> {
  const s = net.createServer();
  await new Promise<void>((done) => s.listen(0, '127.0.0.1', done));
  const { port } = s.address() as net.AddressInfo;
  await new Promise((done) => s.close(done));
  return port;
}

const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

async function start(
  settings: string,
  route = 'sl_send_reply("200", "over $proto");',
  lines: Log = log,
  first = '',
): Promise<{ server: Server; port: number }> {
  const port = await freePort();
  const text = `enable_tls=yes\nlisten=tls:127.0.0.1:${port}\nloadmodule "sl.so"\nloadmodule "tls.so"\nloadmodule "pv.so"\n${first}\n${settings}\nrequest_route { ${route} }\n`;
  const vars = new VarStore();
  const { program, problems } = loadScript('tls.cfg', { env: {}, vars, text });
  if (program === undefined) throw new Error(problems.map((p) => p.message).join('\n'));
  const server = await Server.start({ program, vars, log: lines, pid: 1 });
  servers.push(server);
  return { server, port };
}

const REQUEST =
  'OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n';

/** One request; gives the status line and the name in the server's certificate. */
function ask(port: number, servername?: string): Promise<{ line: string; name: string }> {
  return new Promise((resolve, reject) => {
    const s = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ...(servername ? { servername } : {}) },
      () => s.write(REQUEST),
    );
    s.once('error', reject);
    s.once('data', (d) => {
      resolve({ line: d.toString('latin1').split('\r\n')[0]!, name: `${s.getPeerCertificate().subject.CN}` });
      s.destroy();
    });
  });
}

const pair = (name: string) =>
  `modparam("tls", "certificate", "${dir}/${name}.pem")\nmodparam("tls", "private_key", "${dir}/${name}.key")`;

describe('module tls', () => {
  test('answers over TLS, and tls.reload takes a new certificate or changes nothing', async () => {
    const file = path.join(dir, 'reload.cfg');
    const section = (name: string) =>
      `[server:default]\nmethod = TLSv1.2+\ncertificate = ${name}.pem\nprivate_key = ${name}.key\n`;
    writeFileSync(file, section('one'));
    const { server, port } = await start(`modparam("tls", "config", "${file}")`);
    expect(await ask(port)).toEqual({ line: 'SIP/2.0 200 over tls', name: 'one.test' });
    writeFileSync(file, section('two'));
    const reload = () => tlsRpc['tls.reload']!.run(server.host, []);
    expect(reload()).toBe('Ok. TLS configuration reloaded.');
    expect((await ask(port)).name).toBe('two.test');
    writeFileSync(file, section('nothing'));
    expect(reload).toThrow(/Error while fixing TLS configuration/);
    expect((await ask(port)).name).toBe('two.test');
    expect(server.host.state(TLS).transports).toHaveLength(1);
  });

  test('SNI chooses the certificate of a server_name', async () => {
    const file = path.join(dir, 'sni.cfg');
    writeFileSync(
      file,
      `[server:default]\ncertificate = one.pem\nprivate_key = one.key\n[server:any]\nserver_name = two.test\ncertificate = two.pem\nprivate_key = two.key\n`,
    );
    const { port } = await start(`modparam("tls", "config", "${file}")`);
    expect((await ask(port, 'two.test')).name).toBe('two.test');
    expect((await ask(port, 'one.test')).name).toBe('one.test');
  });

  test('a client without a certificate is not let in where one is required', async () => {
    const { port } = await start(`${pair('one')}\nmodparam("tls", "require_certificate", 1)`);
    const got = await Promise.race([
      ask(port).catch(() => 'refused'),
      new Promise((done) => setTimeout(() => done('silence'), 500)),
    ]);
    expect(got === 'refused' || got === 'silence').toBe(true);
  });

  test('a bad file is told with its line; nothing starts without a certificate', async () => {
    expect(() => parseTlsFile('[server:default]\nnosuch = 1\n', 'tls.cfg')).toThrow(
      "tls.cfg:2: unknown setting 'nosuch'",
    );
    expect(() => parseTlsFile('method = x\n', 'tls.cfg')).toThrow('tls.cfg:1:');
    await expect(start(pair('missing'))).rejects.toThrow(/ENOENT/);
  });
});

describe('connections that begin here', () => {
  const CLIENTS = `[server:default]
certificate = one.pem
private_key = one.key
[client:default]
certificate = one.pem
private_key = one.key
[client:any]
server_name = far.test
server_name_mode = 1
certificate = two.pem
private_key = two.key
[client:192.0.2.1:5061]
certificate = client.pem
private_key = client.key
server_id = phones
`;

  /** A TLS server that notes the name it is asked for and whose certificate is shown. */
  async function far(): Promise<{ port: number; seen: string[] }> {
    const seen: string[] = [];
    const read = (name: string) => readFileSync(path.join(dir, name));
    const listener = createServer(
      { cert: read('server.pem'), key: read('server.key'), requestCert: true, rejectUnauthorized: false },
      (stream) => {
        seen.push(`${stream.servername || '-'} ${stream.getPeerCertificate().subject?.CN}`);
        stream.on('error', () => undefined);
      },
    );
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    ends.push(() => void listener.close());
    return { port: (listener.address() as net.AddressInfo).port, seen };
  }

  async function sends(statements: string): Promise<string[]> {
    const file = path.join(dir, 'clients.cfg');
    writeFileSync(file, CLIENTS);
    const { port, seen } = await far();
    const { port: own } = await start(
      `modparam("tls", "config", "${file}")\nmodparam("tls", "xavp_cfg", "tls")`,
      `${statements}\n$du = "sip:127.0.0.1:${port};transport=tls"; forward();`,
    );
    const s = connect({ host: '127.0.0.1', port: own, rejectUnauthorized: false }, () => s.write(REQUEST));
    ends.push(() => void s.destroy());
    await expect.poll(() => seen.length).toBe(1);
    return seen;
  }

  test('have the default section', async () => {
    expect(await sends('')).toEqual(['- one.test']);
  });
  test('ask for the name in the XAVP, and have the section of that name', async () => {
    expect(await sends('$xavp(tls=>server_name) = "sip.far.test";')).toEqual(['sip.far.test two.test']);
  });
  test('have the section of a server_id, from the XAVP or from tls_set_connect_server_id()', async () => {
    expect(await sends('$xavp(tls=>server_id) = "phones";')).toEqual(['- Älice "the" caller+x']);
    expect(await sends('tls_set_connect_server_id("PHONES");')).toEqual(['- Älice "the" caller+x']);
  });
});

test('event_route[tls:connection-out] sees the connection; drop closes it', async () => {
  const lines: string[] = [];
  const { port: own } = await start(
    `${pair('one')}
loadmodule "xlog.so"
event_route[tls:connection-out] { xlog("L_INFO", "to $tls_peer_subject_cn\\n"); drop; }`,
    `if ($si == "127.0.0.1" and $hdr(X-Loop) == $null) { append_hf("X-Loop: 1\\r\\n"); msg_apply_changes(); $du = "sip:127.0.0.1:" + $Rp + ";transport=tls"; forward(); } else xlog("L_INFO", "arrived\\n");`,
    { level: 3, write: (_level, _module, text) => void lines.push(text) },
    'loadmodule "textops.so"\nloadmodule "textopsx.so"',
  );
  const s = connect({ host: '127.0.0.1', port: own, rejectUnauthorized: false }, () => s.write(REQUEST));
  ends.push(() => void s.destroy());
  await expect.poll(() => lines.some((l) => l.includes('to one.test'))).toBe(true);
  await new Promise((done) => setTimeout(done, 100));
  expect(lines.filter((l) => l.includes('arrived'))).toEqual([]);
});
