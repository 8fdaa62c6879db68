/** Module siptrace beside Kamailio's: the same HEP packets, byte for byte but for ports, times and tags. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startServer, wait } from '../../support/real-server.js';

interface Setup {
  readonly version: 1 | 2 | 3;
  /** `trace_mode`; 0: the script traces. */
  readonly mode: number;
  readonly more?: string;
}

const script = ({ version, mode, more = '' }: Setup, collector: number) => `
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
listen=udp:[::1]:{{PORT}}
listen=udp:127.0.0.1:{{PORT2}} name "second"
loadmodule "ctl.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "siptrace.so"
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "duplicate_uri", "sip:127.0.0.1:${collector}")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", ${version})
modparam("siptrace", "hep_capture_id", 70001)
modparam("siptrace", "trace_mode", ${mode})
${more}
request_route {
${
  mode > 0
    ? ''
    : `	sip_trace();
	sip_trace("sip:127.0.0.1:${collector}", "id-$ci");
	hlog("a line of $fU");
	hlog("own", "another");
	sip_trace("sip:127.0.0.1:${collector}", "id", "t");`
}
	sl_send_reply("404", "Not here");
}
`;

const request = (transport: string, at: number) =>
  [
    'OPTIONS sip:bob@example.com SIP/2.0',
    `Via: SIP/2.0/UDP ${transport}:${at};branch=z9hG4bK-1;rport`,
    'From: <sip:alice@example.com>;tag=f1',
    'To: <sip:bob@example.com>',
    'Call-ID: call-1@x',
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');

async function open(type: 'udp4' | 'udp6'): Promise<Socket> {
  const socket = createSocket(type);
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
  await once(socket, 'listening');
  return socket;
}

const FIXED = 8;
const TIME = 12;

/** The packet as text, one character a byte, without what differs from run to run. */
function comparable(packet: Buffer, ports: readonly number[]): string {
  const bytes = Buffer.from(packet);
  if (bytes.toString('latin1', 0, 4) === 'HEP3') {
    for (let at = 6; at + 6 <= bytes.length; at += bytes.readUInt16BE(at + 4)) {
      if ([7, 8, 9, 10].includes(bytes.readUInt16BE(at + 2))) bytes.fill(0, at + 6, at + bytes.readUInt16BE(at + 4));
    }
    // the lengths count the digits of ports
    bytes.writeUInt16BE(0, 4);
  } else {
    bytes.fill(0, 4, FIXED);
    const addresses = bytes[1] ?? 0;
    // its last two bytes are what was in Kamailio's memory
    if (bytes[0] === 2) bytes.fill(0, addresses, addresses + TIME - 4).fill(0, addresses + TIME - 2, addresses + TIME);
  }
  let text = bytes
    .toString('latin1')
    .replace(/;tag=[0-9a-f.]{20,}/, ';tag=<tag>')
    .replace(/\r\nServer: [^\r]*/, '');
  for (const port of ports) text = text.replaceAll(`${port}`, '<port>');
  return text;
}

async function packets(kind: 'kamscript' | 'kamailio', setup: Setup): Promise<string[]> {
  const collector = await open('udp4');
  const [four, six] = [await open('udp4'), await open('udp6')];
  const got: [packet: Buffer, from: number][] = [];
  collector.on('message', (data, { port }) => got.push([data, port]));
  const server = await startServer(kind, script(setup, collector.address().port));
  try {
    for (const [client, host] of [[four, '127.0.0.1'] as const, [six, '::1'] as const]) {
      const { port } = client.address();
      client.send(request(host === '::1' ? '[::1]' : host, port), server.port, host);
      await wait(500);
    }
    const ports = [collector.address().port, four.address().port, six.address().port, server.port, server.port + 1];
    // without a socket of its own Kamailio takes the last one on a loopback address where it cannot take the message's
    const forced = /send_sock/.test(setup.more ?? '');
    const names = (port: number) =>
      !forced ? 'any' : port === server.port ? 'first' : port === server.port + 1 ? 'second' : 'other';
    return got.map(([packet, from]) => `${names(from)} ${comparable(packet, ports)}`);
  } finally {
    await server.stop();
    for (const socket of [collector, four, six]) socket.close();
  }
}

const KEY = 'modparam("siptrace", "auth_key", "secret")';
const SETUPS: [name: string, setup: Setup, count: number][] = [
  ['version 1', { version: 1, mode: 0 }, 12],
  [
    'version 2, from a named socket',
    { version: 2, mode: 0, more: 'modparam("siptrace", "send_sock_name", "second")' },
    12,
  ],
  [
    'version 3, with a key, from another socket',
    { version: 3, mode: 0, more: `${KEY}\nmodparam("siptrace", "force_send_sock", "sip:127.0.0.1:{{PORT2}}")` },
    12,
  ],
  ['version 3, all that the network brings and takes', { version: 3, mode: 1 }, 4],
];

test.each(SETUPS)('%s', async (_name, setup, count) => {
  const [ours, theirs] = [await packets('kamscript', setup), await packets('kamailio', setup)];
  expect(ours).toEqual(theirs);
  expect(ours).toHaveLength(count);
});
