/**
 * sipp's built-in caller and callee through a proxy script, and REGISTERs with authentication, over UDP, TCP and TLS: no
 * failed call, no unexpected message. SIPP_FULL=1 (npm run test:sipp): 100 calls a second for 60 s.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, startServer } from '../support/command.js';

const FULL = process.env.SIPP_FULL === '1';
const CALLS_A_SECOND = FULL ? 100 : 50;
const SECONDS = FULL ? 60 : 5;
const CALLS = CALLS_A_SECOND * SECONDS;
/** Milliseconds that a call lasts. */
const HOLD = FULL ? 1000 : 200;
const LIMIT = (SECONDS + 60) * 1000;

let dir = '';

beforeAll(() => {
  expect(spawnSync('sipp', ['-v']).error, 'apt-get install sip-tester').toBeUndefined();
  dir = mkdtempSync(path.join(tmpdir(), 'sipp-'));
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '2', '-keyout', 'key.pem', '-out', 'cert.pem'];
  spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { cwd: dir });
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const TLS = () => `
enable_tls=yes
loadmodule "tls.so"
modparam("tls", "certificate", "${dir}/cert.pem")
modparam("tls", "private_key", "${dir}/key.pem")
`;

/** A proxy that sends everything to `to`, a URI. */
const proxy = (listen: readonly string[], to: string) => `debug=0
auto_aliases=no
${listen.map((l) => `listen=${l}`).join('\n')}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
${listen.some((l) => l.startsWith('tls')) ? TLS() : ''}
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (has_totag()) { if (loose_route()) { t_relay(); exit; } }
	if (method == "CANCEL" || method == "INVITE") record_route();
	$du = "${to}";
	if (!t_relay()) sl_reply_error();
}
`;

const registrar = (listen: string) => `debug=0
auto_aliases=no
listen=${listen}
${listen.startsWith('tls') ? TLS() : ''}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
request_route {
	if (!pv_www_authenticate("d.example", "secret", "0")) { www_challenge("d.example", "1"); exit; }
	if (!save("location")) sl_reply_error();
}
`;

const REGISTER = (transport: string) => `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
${[1, 2]
  .map(
    (cseq) => `<send retrans="500"><![CDATA[
REGISTER sip:d.example SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:user[call_number]@d.example>;tag=[call_number]
To: <sip:user[call_number]@d.example>
Call-ID: [call_id]
CSeq: ${cseq} REGISTER
Contact: <sip:user[call_number]@[local_ip]:[local_port];transport=${transport}>
Max-Forwards: 70
Expires: 600
${cseq === 2 ? '[authentication username=user password=secret]\n' : ''}Content-Length: 0

]]></send>
${cseq === 1 ? '<recv response="401" auth="true"/>' : '<recv response="200"/>'}`,
  )
  .join('\n')}
</scenario>
`;

const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

function callee(port: number, transport: string): ChildProcess {
  const child = spawn('sipp', ['-sn', 'uas', '-t', transport, '-p', `${port}`, '-i', '127.0.0.1', '-nostdin'], {
    cwd: dir,
    stdio: 'ignore',
  });
  running.push(child);
  return child;
}

/** Runs a caller to its end; expects that all of its calls went well. */
async function calls(scenario: readonly string[], transport: string, to: number): Promise<void> {
  const own = await freePort();
  const load = ['-r', `${CALLS_A_SECOND}`, '-m', `${CALLS}`, '-d', `${HOLD}`, '-timeout', `${SECONDS + 40}s`];
  const where = ['-t', transport, '-p', `${own}`, '-i', '127.0.0.1', '-nostdin', `127.0.0.1:${to}`];
  const child = spawn('sipp', [...scenario, ...load, ...where], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d: Buffer) => {
      output += d.toString('latin1');
    });
  }
  const status = await new Promise((resolve) => child.on('close', resolve));
  const end = output.slice(-3500);
  expect(status, end).toBe(0);
  const last = (pattern: RegExp) => Number([...output.matchAll(pattern)].at(-1)?.[1]);
  expect(last(/Successful call\s*\|\s*\d+\s*\|\s*(\d+)/g), end).toBe(CALLS);
  expect(last(/Failed call\s*\|\s*\d+\s*\|\s*(\d+)/g), end).toBe(0);
  expect(last(/(\d+) dead call msg/g), end).toBe(0);
  if (FULL) console.log(`${transport} ${scenario.join(' ')}: ${CALLS} calls\n${summaryOf(output)}`);
}

/** The last screen: messages, retransmissions, timeouts, unexpected messages. */
function summaryOf(output: string): string {
  const lines = output.slice(output.lastIndexOf('Scenario Screen')).split('\n');
  return lines
    .filter((l) => /Messages|<----|---->|dead call|Call Rate|Response Time|Successful|Failed/.test(l))
    .join('\n');
}

async function servers(...scripts: readonly string[]): Promise<() => Promise<void>> {
  const started = await Promise.all(
    scripts.map((text, i) => {
      const file = path.join(dir, `${Date.now()}-${i}.cfg`);
      writeFileSync(file, text);
      return startServer(['run', file], / is running, listening on /);
    }),
  );
  return async () => {
    for (const server of started) expect(await server.stop()).toBe(0);
  };
}

describe('INVITE, ACK and BYE through t_relay and record_route', () => {
  test.each([
    ['UDP', 'u1', 'udp', ''],
    ['TCP', 't1', 'tcp', ';transport=tcp'],
  ] as const)(
    '%s',
    async (_name, transport, proto, param) => {
      const [port, end] = [await freePort(), await freePort()];
      const stop = await servers(proxy([`${proto}:127.0.0.1:${port}`], `sip:127.0.0.1:${end}${param}`));
      const uas = callee(end, transport);
      await calls(['-sn', 'uac'], transport, port);
      uas.kill('SIGKILL');
      await stop();
    },
    LIMIT,
  );

  // Debian's sipp has no TLS: it is spoken between two proxies, one the client and one the server
  test(
    'TLS',
    async () => {
      const [near, far, secure, end] = [await freePort(), await freePort(), await freePort(), await freePort()];
      const stop = await servers(
        proxy([`udp:127.0.0.1:${near}`, `tls:127.0.0.1:${far}`], `sip:127.0.0.1:${secure};transport=tls`),
        proxy([`tls:127.0.0.1:${secure}`, `udp:127.0.0.1:${secure}`], `sip:127.0.0.1:${end}`),
      );
      const uas = callee(end, 'u1');
      await calls(['-sn', 'uac'], 'u1', near);
      uas.kill('SIGKILL');
      await stop();
    },
    LIMIT,
  );
});

describe('REGISTER with authentication', () => {
  test.each([
    ['UDP', 'u1', 'udp'],
    ['TCP', 't1', 'tcp'],
  ] as const)(
    '%s',
    async (_name, transport, proto) => {
      const port = await freePort();
      const stop = await servers(registrar(`${proto}:127.0.0.1:${port}`));
      writeFileSync(path.join(dir, 'register.xml'), REGISTER(proto));
      await calls(['-sf', 'register.xml'], transport, port);
      await stop();
    },
    LIMIT,
  );

  test(
    'TLS',
    async () => {
      const [near, far, secure] = [await freePort(), await freePort(), await freePort()];
      const stop = await servers(
        proxy([`udp:127.0.0.1:${near}`, `tls:127.0.0.1:${far}`], `sip:127.0.0.1:${secure};transport=tls`),
        registrar(`tls:127.0.0.1:${secure}`),
      );
      writeFileSync(path.join(dir, 'register.xml'), REGISTER('udp'));
      await calls(['-sf', 'register.xml'], 'u1', near);
      await stop();
    },
    LIMIT,
  );
});
