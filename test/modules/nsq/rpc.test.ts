/** nsq.stats, nsq.pause and nsq.resume as a client sees them: JSON-RPC over HTTP to a server that consumes. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, kamscript, type RunningServer, startServer } from '../../support/command.js';

const file = path.join(mkdtempSync(path.join(tmpdir(), 'nsq-rpc-')), 'rpc.cfg');
let server: RunningServer;
let port = 0;

beforeAll(async () => {
  port = await freePort();
  writeFileSync(
    file,
    `debug=2
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
tcp_accept_no_cl=yes
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "xhttp.so"
loadmodule "jsonrpcs.so"
loadmodule "nsq.so"
modparam("jsonrpcs", "transport", 1)
modparam("nsq", "nsqd_address", "embedded")
event_route[xhttp:request] { jsonrpc_dispatch(); }
request_route {
	nsq_publish("Kamailio-Topic", '{"Event-Category":"ping"}');
	sl_send_reply("200", "OK");
}
event_route[nsq:consumer-event-ping] { xlog("L_INFO", "got a ping\\n"); }
`,
  );
  server = await startServer(['run', file], / is running, listening on /);
  await server.saw(/connected \(version/);
}, 60_000);
afterAll(async () => void (await server.stop()));

interface Stats {
  readonly consumed: number;
  readonly finished: number;
  readonly published: number;
  readonly ready: string;
  readonly nsqds: readonly { readonly connections: number }[];
  readonly subscriptions: readonly { readonly topic: string; readonly paused: boolean }[];
}

async function rpc(method: string, ...params: readonly string[]): Promise<{ result?: unknown; error?: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}/RPC`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
  });
  return (await response.json()) as { result?: unknown; error?: unknown };
}
const stats = async (): Promise<Stats> => (await rpc('nsq.stats')).result as Stats;
const send = () => kamscript(['send', `sip:x@127.0.0.1:${port}`]);

async function until(what: (stats: Stats) => boolean): Promise<Stats> {
  const end = Date.now() + 10_000;
  for (;;) {
    const now = await stats();
    if (what(now)) return now;
    if (Date.now() > end) throw new Error(`it stays ${JSON.stringify(now)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

test('counts what it consumed and published', async () => {
  await until((s) => s.ready === 'yes');
  await send();
  const after = await until((s) => s.finished === 1);
  expect(after).toMatchObject({ consumed: 1, published: 1 });
  expect(after.subscriptions[0]).toMatchObject({ topic: 'Kamailio-Topic', channel: 'Kamailio-Channel' });
  expect(after.nsqds[0]!.connections).toBeGreaterThan(0);
});

test('paused it takes nothing, resumed it goes on', async () => {
  expect((await rpc('nsq.pause', 'Kamailio-Topic')).error).toBeUndefined();
  expect((await stats()).subscriptions[0]!.paused).toBeTruthy();
  await send();
  const { published } = await until((s) => s.published === 2);
  expect(published).toBe(2);
  expect((await stats()).consumed).toBe(1);
  expect((await rpc('nsq.resume')).error).toBeUndefined();
  await until((s) => s.finished === 2);
});

test('what is wrong is told', async () => {
  expect(await rpc('nsq.pause', 'no such topic')).toMatchObject({ error: { code: expect.any(Number) } });
});
