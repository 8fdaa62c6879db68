/** Module websocket on a running server; what it says beside Kamailio is in websocket.peers.ts. */
import net from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WEBSOCKET } from '../../../src/modules/websocket/connections.js';
import { LEVEL } from '../../../src/runtime/module.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';
import { Server } from '../../../src/server/server.js';
import { wait } from '../../support/real-server.js';
import { frameBytes, HANDSHAKE, WsClient } from '../../support/ws-client.js';

const bad: string[] = [];
const log = {
  level: LEVEL.ERR,
  write: (level: number, _origin: string, text: string) => {
    if (level <= LEVEL.CRIT) bad.push(text);
  },
};

async function freePort(): Promise<number> {
  const s = net.createServer();
  await new Promise<void>((done) => s.listen(0, '127.0.0.1', done));
  const { port } = s.address() as net.AddressInfo;
  await new Promise((done) => s.close(done));
  return port;
}

function load(params: string, port = 5060) {
  const vars = new VarStore();
  const text = `tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xhttp.so"
loadmodule "nathelper.so"
loadmodule "websocket.so"
${params}
request_route { sl_send_reply("200", "over $proto"); }
event_route[xhttp:request] { ws_handle_handshake(); }
event_route[websocket:closed] { $shv(closed) = $shv(closed) + 1; }
`;
  const { program, problems } = loadScript('ws.cfg', { env: {}, vars, text });
  return { vars, program, problems: problems.filter((p) => p.severity === 'error').map((p) => p.message) };
}

let server: Server;
let port: number;
beforeAll(async () => {
  port = await freePort();
  const { vars, program, problems } = load(
    'modparam("pv", "shvset", "closed=i:0")\nmodparam("websocket", "keepalive_timeout", 1)\nmodparam("websocket", "rm_delay_interval", 1)',
    port,
  );
  if (program === undefined) throw new Error(problems.join('\n'));
  server = await Server.start({ program, vars, log, pid: 1 });
});
afterAll(() => server.stop());

async function accepted(): Promise<WsClient> {
  const ws = await WsClient.connect(port);
  await ws.handshake();
  return ws;
}

const REQUEST = `OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`;

describe('a connection', () => {
  test('takes what came right behind the handshake', async () => {
    const ws = await WsClient.connect(port);
    ws.raw(
      Buffer.concat([Buffer.from(`${HANDSHAKE.join('\r\n')}\r\n\r\n`), frameBytes({ opcode: 1, payload: REQUEST })]),
    );
    const frame = await ws.next();
    expect(frame?.payload.toString()).toMatch(/^SIP\/2\.0 200 over ws\r\n/);
    ws.close();
  });

  test('that is idle gets a ping, and is closed when it does not answer', async () => {
    const ws = await accepted();
    expect((await ws.next(10_000))?.payload.toString()).toBe('kamailio (5.6.3 (x86_64/linux))');
    ws.send({ opcode: 10, payload: 'kamailio (5.6.3 (x86_64/linux))' });
    expect((await ws.next(10_000))?.first).toBe(0x89);
    const before = Number(server.host.shared.get('closed'));
    expect(await ws.end(10_000)).toBe(true);
    await expect.poll(() => Number(server.host.shared.get('closed')), { timeout: 10_000 }).toBe(before + 1);
  }, 50_000);

  test('of any bytes: nothing is thrown, and nothing is left when it is gone', async () => {
    const frame = fc.oneof(
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
      {
        weight: 3,
        arbitrary: fc
          .record({
            opcode: fc.constantFrom(0, 1, 2, 8, 9, 10, 11),
            payload: fc.oneof(fc.constantFrom(REQUEST, '\r\n', '', 'x'.repeat(70_000)), fc.string({ maxLength: 200 })),
            fin: fc.boolean(),
            masked: fc.constantFrom(true, true, true, true, false),
          })
          .map(frameBytes),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 8 }), async (frames) => {
        const ws = await accepted();
        for (const bytes of frames) ws.raw(bytes);
        await wait(2);
        ws.close();
      }),
      { numRuns: 150 },
    );
    const connections = server.host.state(WEBSOCKET);
    await expect.poll(() => connections.count, { timeout: 10_000 }).toBe(0);
    expect(server.host.streams()).toEqual([]);
    expect(bad).toEqual([]);
    const ws = await accepted();
    ws.send({ opcode: 1, payload: REQUEST });
    expect((await ws.next())?.payload.toString()).toContain('200 over ws');
    ws.close();
  }, 40_000);
});

test.each([
  ['modparam("websocket", "sub_protocols", 2)', /no sub-protocols enabled/],
  ['modparam("websocket", "sub_protocols", 4)', /unrecognised sub-protocols/],
  ['modparam("websocket", "cors_mode", 3)', /bad value for cors_mode/],
])('%s is refused', (line, why) => {
  expect(load(line).problems.join('\n')).toMatch(why);
});
