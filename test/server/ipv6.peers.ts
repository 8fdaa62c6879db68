/** IPv6 and advertised addresses: kamscript beside Kamailio, on the same script and the same messages, over real sockets. */
import { createSocket, type Socket } from 'node:dgram';
import { type AddressInfo, createServer, type Socket as Stream } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, startServer, wait } from '../support/real-server.js';

const CERTS = fileURLToPath(new URL('../modules/tls/certs', import.meta.url));

const MODULES = ['tm', 'sl', 'rr', 'pv', 'xlog', 'textops', 'siputils', 'kex', 'nathelper', 'path', 'ctl', 'tls'];

const script = (listen: string) => `
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
${listen}
${MODULES.map((m) => `loadmodule "${m}.so"`).join('\n')}
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("tls", "certificate", "${CERTS}/server.pem")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "${CERTS}/server.key")
request_route {
  xlog("$rm $proto $siz $Ri $RAi $RAp $RAu $su\\n");
  if (src_ip==[::1]) xlog("from the loopback\\n");
  if (is_myself("sip:x@[0:0:0:0:0:0:0:1]:{{PORT}}")) xlog("myself\\n");
  if (is_method("OPTIONS")) { force_rport(); sl_send_reply("200", "OK"); exit; }
  if (is_method("INFO")) { force_rport(); record_route(); forward(); exit; }
  if (is_method("MESSAGE")) { add_path_received(); t_relay(); exit; }
  if (is_method("PUBLISH")) { add_contact_alias(); t_relay(); exit; }
  if (has_totag()) { if (loose_route()) t_relay(); exit; }
  add_local_rport();
  record_route();
  t_relay();
}
`;

const PLAIN = `listen=udp:127.0.0.1:{{PORT}}
listen=udp:[::1]:{{PORT}}
listen=tcp:[::1]:{{PORT}}
listen=tls:[::1]:{{PORT2}}`;
const ADVERTISED = `listen=udp:127.0.0.1:{{PORT}} advertise 203.0.113.5:5080
listen=udp:[::1]:{{PORT}} advertise [2001:db8::9]:5090
listen=tcp:[::1]:{{PORT}} advertise [2001:db8::9]
listen=tls:[::1]:{{PORT2}} advertise [2001:db8::9]:5061`;
const GLOBAL = `${PLAIN}
advertised_address="203.0.113.8"
advertised_port=5077`;

/** What came in, by who got it. */
let inbox: string[] = [];

function answer(text: string): string | undefined {
  if (text.startsWith('SIP/2.0') || text.startsWith('ACK')) return undefined;
  const copied = text.split('\r\n').filter((l) => /^(Via|From|To|Call-ID|CSeq|Record-Route):/i.test(l));
  const lines = copied.map((l) => (/^To:/i.test(l) && !l.includes('tag=') ? `${l};tag=u` : l));
  return ['SIP/2.0 200 OK', ...lines, 'Contact: <sip:ua@[::1]>', 'Content-Length: 0', '', ''].join('\r\n');
}

function bind(name: string, ip: string): Promise<Socket> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (m, from) => {
    const text = m.toString('latin1');
    inbox.push(`${name} < ${text}`);
    const reply = answer(text);
    if (reply !== undefined) socket.send(reply, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, ip, () => resolve(socket));
  });
}

const sockets: Socket[] = [];
const streams: Stream[] = [];
const listener = createServer((stream) => {
  streams.push(stream);
  stream.on('error', () => undefined);
  stream.on('data', (d: Buffer) => {
    inbox.push(`agent tcp < ${d.toString('latin1')}`);
    stream.write(answer(d.toString('latin1')) ?? '');
  });
});
const six = await bind('caller 6', '::1').catch(() => undefined);

beforeAll(async () => {
  if (six === undefined) return;
  sockets.push(
    six,
    await bind('caller 4', '127.0.0.1'),
    await bind('agent 6', '::1'),
    await bind('agent 4', '127.0.0.1'),
  );
  await new Promise<void>((done) => listener.listen(0, '::1', done));
});
afterAll(() => {
  for (const s of sockets) s.close();
  for (const s of streams) s.destroy();
  listener.close();
});

const portOf = (s: Socket): number => s.address().port;

interface Step {
  readonly method: string;
  readonly uri: string;
  readonly via: string;
  /** Route lines learnt from the last INVITE. */
  readonly routed?: boolean;
}

function request({ method, uri, via }: Step, serial: number, routes: readonly string[]): string {
  const to = routes.length === 0 ? '<sip:x@y>' : '<sip:x@y>;tag=u';
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${via};branch=z9hG4bK-${serial}`,
    'Max-Forwards: 9',
    'From: <sip:a@b>;tag=1',
    `To: ${to}`,
    `Call-ID: call-${serial}`,
    `CSeq: 1 ${method}`,
    'Contact: <sip:me@[2001:db8::77]:6001>',
    ...routes.map((r) => `Route: ${r}`),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

/** Sends one after the other, and says what came of each. */
async function play(server: RealServer): Promise<string[]> {
  const [c6, c4, a6, a4] = sockets as [Socket, Socket, Socket, Socket];
  const at6 = `[::1]:${portOf(a6)}`;
  const at4 = `127.0.0.1:${portOf(a4)}`;
  const tcp = `[::1]:${(listener.address() as AddressInfo).port};transport=tcp`;
  const from6 = `UDP [::1]:${portOf(c6)}`;
  const from4 = `UDP 127.0.0.1:${portOf(c4)}`;
  const steps: readonly (readonly [Socket, Step])[] = [
    [c6, { method: 'OPTIONS', uri: 'sip:[::1]', via: 'UDP [2001:db8::1]:6000' }],
    [c6, { method: 'OPTIONS', uri: 'sip:[::1]', via: `${from6};rport` }],
    [c6, { method: 'INVITE', uri: `sip:x@${at6}`, via: `${from6};rport` }],
    [c6, { method: 'ACK', uri: `sip:x@${at6}`, via: from6, routed: true }],
    [c6, { method: 'INVITE', uri: `sip:x@${at4}`, via: from6 }],
    [c6, { method: 'BYE', uri: `sip:x@${at4}`, via: from6, routed: true }],
    [c4, { method: 'INVITE', uri: `sip:x@${at6}`, via: from4 }],
    [c4, { method: 'BYE', uri: `sip:x@${at6}`, via: from4, routed: true }],
    [c6, { method: 'INVITE', uri: `sip:x@${tcp}`, via: from6 }],
    [c6, { method: 'INFO', uri: `sip:x@${at6}`, via: 'UDP 10.0.0.1:6000' }],
    [c4, { method: 'MESSAGE', uri: `sip:x@${at6}`, via: from4 }],
    [c6, { method: 'PUBLISH', uri: `sip:x@${at6}`, via: from6 }],
  ];
  const out: string[] = [];
  let routes: string[] = [];
  for (const [i, [socket, step]] of steps.entries()) {
    const logged = server.log().length;
    inbox = [];
    const ip = socket === c6 ? '::1' : '127.0.0.1';
    socket.send(request(step, i, step.routed ? routes : []), server.port, ip);
    await wait(200);
    const got = inbox.filter((t) => !t.includes('SIP/2.0 100 ')).sort();
    const reply = got.find((t) => t.startsWith('caller') && t.includes('SIP/2.0 200'));
    if (step.method === 'INVITE')
      routes = [...(reply ?? '').matchAll(/^Record-Route: ([^\r]*)/gm)].map((m) => m[1]!).reverse();
    const lines = [
      ...server
        .log()
        .slice(logged)
        .matchAll(/<script>: (.*)/g),
    ].map((m) => m[1]);
    out.push([`--- ${i} ${step.method} ${step.uri}`, ...lines, ...got].join('\n'));
  }
  out.push(await overTls(server));
  return out.map((text) => masked(text, server));
}

function overTls(server: RealServer): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const stream = connectTls({ host: '::1', port: server.port + 1, rejectUnauthorized: false });
    stream.on('data', (d: Buffer) => {
      got += d.toString('latin1');
    });
    stream.on('error', (e) => {
      got += e.message;
    });
    stream.on('close', () => resolve(got));
    const step = { method: 'OPTIONS', uri: 'sips:[::1]', via: 'TLS [2001:db8::2]:6000;rport' };
    stream.on('secureConnect', () => stream.write(request(step, 99, [])));
    setTimeout(() => stream.destroy(), 600);
  });
}

/** Without what is each server's own: ports, branches, tags, ids of connections. */
function masked(text: string, { port }: RealServer): string {
  return text
    .replaceAll(`${port}`, 'PORT')
    .replaceAll(`${port + 1}`, 'PORT2')
    .replace(/branch=z9hG4bK(?!-\d)[^;\s]*/g, 'branch=B')
    .replace(/(To:.*;tag=)(?!u\b)[^;\s]+/g, '$1T')
    .replace(/;i=[0-9a-f]+/g, '')
    .replace(/;rport=\d+(;received=::1\r?\nFrom: .*\r?\nTo: .*\r?\nCall-ID: call-99)/g, ';rport$1')
    .replace(/rport=\d{5}(?=.*\r\n.*\r\n.*\r\nCall-ID: call-99)/g, 'rport=P')
    .replace(/^(Server|Content-Length):.*\r?\n/gm, '');
}

describe.skipIf(six === undefined)('IPv6 and advertised addresses as Kamailio has them', () => {
  test.each([
    ['plain', PLAIN],
    ['advertise on the sockets', ADVERTISED],
    ['advertised_address', GLOBAL],
  ])(
    '%s',
    async (_name, listen) => {
      const texts: string[][] = [];
      for (const kind of ['kamailio', 'kamscript'] as const) {
        const server = await startServer(kind, script(listen));
        try {
          texts.push(await play(server));
        } finally {
          await server.stop();
        }
      }
      expect(texts[1]).toEqual(texts[0]);
    },
    60_000,
  );
});
