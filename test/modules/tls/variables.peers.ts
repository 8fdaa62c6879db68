/** $tls_… and @tls… of one connection, as Kamailio 5.6.3 has them: both servers get the same script and certificates. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RealServer, startServer } from '../../support/real-server.js';

const CERTS = path.join(import.meta.dirname, 'certs');
const read = (name: string) => readFileSync(path.join(CERTS, name));

const PARTS = ['cn', 'locality', 'country', 'state', 'organization', 'unit'];
const SIDES = ['peer', 'my'];
const VARIABLES = [
  ...['version', 'description', 'cipher_info', 'cipher_bits', 'peer_server_name'],
  ...['peer_verified', 'peer_revoked', 'peer_expired', 'peer_selfsigned', 'peer_notBefore', 'peer_notAfter'],
  ...SIDES.flatMap((side) => [
    ...['version', 'serial', 'subject', 'issuer', 'subject_uid', 'raw_cert', 'urlencoded_cert'].map(
      (n) => `${side}_${n}`,
    ),
    ...PARTS.flatMap((part) => [`${side}_subject_${part}`, `${side}_issuer_${part}`]),
    ...['email', 'hostname', 'uri', 'ip'].map((kind) => `${side}_san_${kind}`),
  ]),
].map((name) => `$tls_${name}`);
const LINES = ['m_subject_line', 'm_issuer_line', 'p_subject_line', 'p_issuer_line'].map((key) => `$tls(${key})`);
const SELECTS = [
  ...['tls.version', 'tls.desc', 'tls.cipher', 'tls.cipher.bits', 'tls.server_name', 'tls.peer', 'tls.my.subject'],
  ...['tls.peer.issuer.cn', 'tls.peer.subj.uid', 'tls.peer.verified', 'tls.my.verified', 'tls.peer.version'],
  ...['tls.peer.sn', 'tls.me.not_after', 'tls.peer.email', 'tls.peer.host', 'tls.peer.uri', 'tls.peer.ip'],
].map((name) => `@${name}`);
const ASKED = [...VARIABLES, ...LINES, ...SELECTS];

const SCRIPT = `debug=2
log_stderror=yes
children=1
enable_tls=yes
listen=tls:127.0.0.1:{{PORT}}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "tls.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("tls", "certificate", "${CERTS}/server.pem")
modparam("tls", "private_key", "${CERTS}/server.key")
modparam("tls", "ca_list", "${CERTS}/ca.pem")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_client", "VERIFY")
request_route {
	$var(all) = "";
${ASKED.map((name) => `	$var(v) = ${name};\n	if (${name} == $null) $var(v) = "(null)";\n	$var(all) = $var(all) + "${name.slice(1)}=" + $var(v) + "\\n|";`).join('\n')}
	if (is_peer_verified()) $var(all) = $var(all) + "verified";
	else $var(all) = $var(all) + "not verified";
	set_reply_body("$var(all)", "text/plain");
	sl_send_reply("200", "OK");
}
`;

const REQUEST = `OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;

function ask(port: number, options: ConnectionOptions): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let got = '';
    const s = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => s.write(REQUEST));
    s.once('error', reject);
    s.on('data', (d) => {
      got += d.toString('latin1');
      const length = Number(/Content-Length: (\d+)\r/.exec(got)?.[1] ?? Number.NaN);
      const body = got.slice(got.indexOf('\r\n\r\n') + 4);
      if (body.length < length) return;
      s.destroy();
      resolve(body.split('\n|'));
    });
    s.setTimeout(10_000, () => reject(new Error(`no answer: ${got}`)));
  });
}

const servers: Partial<Record<string, RealServer>> = {};
beforeAll(async () => {
  for (const kind of ['kamscript', 'kamailio'] as const)
    for (const verify of ['optional_no_ca', 'off'])
      servers[`${kind} ${verify}`] = await startServer(kind, SCRIPT.replace('VERIFY', verify));
}, 60_000);
afterAll(async () => {
  for (const s of Object.values(servers)) await s?.stop();
});

const client = { cert: read('client.pem'), key: read('client.key') };
const CASES: readonly (readonly [name: string, verify: string, options: ConnectionOptions])[] = [
  ['TLS 1.3 with a certificate', 'optional_no_ca', { ...client, servername: 'server.test' }],
  ['TLS 1.2 with a certificate', 'optional_no_ca', { ...client, maxVersion: 'TLSv1.2' }],
  ['a cipher with CBC', 'off', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }],
  ['CHACHA20', 'off', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }],
  ['a certificate signed by itself', 'optional_no_ca', { cert: read('one.pem'), key: read('one.key') }],
  ['no certificate', 'off', { servername: 'server.test' }],
];

test.each(CASES)('%s', async (_name, verify, options) => {
  const ours = await ask(servers[`kamscript ${verify}`]!.port, options);
  const theirs = await ask(servers[`kamailio ${verify}`]!.port, options);
  expect(theirs.length).toBe(ASKED.length + 1);
  expect(ours).toEqual(theirs);
});
