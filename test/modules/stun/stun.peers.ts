/** Answers of module stun beside those of Kamailio 5.6.3, byte for byte. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { startServer, wait } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';

/** Milliseconds after which nothing is taken to come. */
const SILENCE = 1500;

const SCRIPT = `debug=2
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "sl.so"
loadmodule "ctl.so"
loadmodule "stun.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
request_route { sl_send_reply("200", "OK"); }
`;

const ID = '2112a442000102030405060708090a0b';
const OLD_ID = '00112233445566778899aabbccddeeff';
const head = (type: string, length: number, id = ID) => type + length.toString(16).padStart(4, '0') + id;

/** In hex. */
const REQUESTS: Readonly<Record<string, string>> = {
  plain: head('0001', 0),
  'without the cookie': head('0001', 0, OLD_ID),
  'with a user name': `${head('0001', 12)}00060005616c696365000000`,
  'with software and change request': `${head('0001', 20)}80220004746573740003000400000000`.padEnd(80, '0'),
  'with an unknown attribute': `${head('0001', 8)}7ff0000461626364`,
  'with two unknown attributes': `${head('0001', 16)}7ff00004616263640099000461626364`,
  'with three unknown attributes': `${head('0001', 16)}7ff00000009900000098000461626364`,
  'with an optional unknown attribute': `${head('0001', 8)}fff0000461626364`,
  'with a fingerprint': `${head('0001', 8)}8028000461626364`,
  'with a fingerprint that is not last': `${head('0001', 32)}8028000461626364${'00990014'}${'61'.repeat(20)}`,
  'with integrity': `${head('0001', 24)}00080014${'61'.repeat(20)}`,
  'with a wrong length': `${head('0001', 4)}`,
  'with half an attribute': `${head('0001', 2)}0006`,
  'with an attribute that is too long': `${head('0001', 8)}0006000961626364`,
  'of another type': head('0003', 0),
  'without the cookie, of another type': head('0002', 0, OLD_ID),
  'too short': '00010000',
  'a ping of zeros': '00000000',
};

async function play(kind: 'kamailio' | 'kamscript'): Promise<Map<string, string>> {
  const server = await startServer(kind, SCRIPT);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const got: string[] = [];
  socket.on('message', (data) => got.push(data.toString('hex')));
  const seen = new Map<string, string>();
  // The port of the client is in the answers: both must have the same.
  const port = Buffer.alloc(2);
  port.writeUInt16BE(socket.address().port);
  const mixed = Buffer.alloc(2);
  mixed.writeUInt16BE(socket.address().port ^ 0x2112);
  try {
    for (const [name, hex] of Object.entries(REQUESTS)) {
      got.length = 0;
      socket.send(Buffer.from(hex, 'hex'), server.port, '127.0.0.1');
      for (let waited = 0; got.length === 0 && waited < SILENCE; waited += 20) await wait(20);
      const masked = got.map((answer) =>
        answer.replace(`0001${mixed.toString('hex')}`, '0001xxxx').replace(`0001${port.toString('hex')}`, '0001pppp'),
      );
      seen.set(name, masked.join(' ') || 'nothing');
    }
    const client = await SipClient.open();
    seen.set('SIP', `${(await client.ask({ method: 'OPTIONS', uri: 'sip:a@127.0.0.1' }, server.port)).status}`);
    client.close();
    return seen;
  } finally {
    socket.close();
    await server.stop();
  }
}

let theirs: Map<string, string>;
let ours: Map<string, string>;
beforeAll(async () => {
  [theirs, ours] = await Promise.all([play('kamailio'), play('kamscript')]);
}, 60_000);

test.each([...Object.keys(REQUESTS), 'SIP'])('%s', (name) => {
  expect(theirs.get(name)).toBeDefined();
  expect(ours.get(name)).toBe(theirs.get(name));
});

test('a good request is answered with the address', () => {
  expect(ours.get('plain')).toMatch(/^01010[0-9a-f]{3}2112a442/);
  expect(ours.get('plain')).toContain('002000080001xxxx5e12a443');
});
