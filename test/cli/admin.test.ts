/** The page for probes and Prometheus, on a server that consumes from NSQ. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, kamscript, type RunningServer, startServer } from '../support/command.js';

const dir = mkdtempSync(path.join(tmpdir(), 'admin-'));
const file = path.join(dir, 'admin.cfg');
let server: RunningServer;
let url = '';
let port = 0;

const script = (routes: string): string => `debug=2
listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "nsq.so"
modparam("nsq", "nsqd_address", "embedded")
request_route {
	nsq_publish("Kamailio-Topic", '{"Event-Category":"a"}');
	sl_send_reply("200", "OK");
}
${routes}
`;

beforeAll(async () => {
  port = await freePort();
  writeFileSync(file, script(''));
  server = await startServer(['run', file, '--admin', '0'], / is running, listening on /);
  await server.saw(/health and metrics at \S+readyz/);
  url = /health and metrics at (http:\S+)\/readyz/.exec(server.output())![1]!;
}, 60_000);
afterAll(async () => void (await server.stop()));

const page = async (name: string): Promise<{ readonly status: number; readonly text: string }> => {
  const response = await fetch(url + name);
  return { status: response.status, text: await response.text() };
};

async function until(name: string, what: (page: { status: number; text: string }) => boolean): Promise<string> {
  const end = Date.now() + 10_000;
  for (;;) {
    const got = await page(name);
    if (what(got)) return got.text;
    if (Date.now() > end) throw new Error(`${name} stays ${got.status}: ${got.text}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

test('lives, is ready, and counts', async () => {
  expect(await page('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  expect(await until('/readyz', (p) => p.status === 200)).toBe('{"ready":true,"reasons":{}}\n');
  const metrics = (await page('/metrics')).text;
  expect(metrics).toMatch(/^kamailio_ready 1$/m);
  expect(metrics).toMatch(/^kamailio_nsq_consumed 0$/m);
  expect(metrics).toMatch(/^# HELP kamailio_nsq_route_seconds_sum /m);
  expect((await page('/other')).status).toBe(404);
  expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405);
});

test('a reload that brings the first event route begins to consume', async () => {
  expect((await page('/metrics')).text).not.toContain('nsq_subscription_running');
  writeFileSync(file, script('event_route[nsq:consumer-event-a] { xlog("L_INFO", "got it\\n"); }'));
  server.child.kill('SIGHUP');
  await server.saw(/reloaded: version/);
  await until('/readyz', (p) => p.status === 200);
  await kamscript(['send', `sip:x@127.0.0.1:${port}`]);
  await server.saw(/got it/);
  const metrics = await until('/metrics', (p) => /^kamailio_nsq_finished 1$/m.test(p.text));
  expect(metrics).toContain('kamailio_nsq_subscription_running{topic="Kamailio-Topic",channel="Kamailio-Channel"} 0\n');
});

test('a subscription without an nsqd makes it unready, and says why', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => gone.once('listening', done));
  const { port: dead } = gone.address() as { port: number };
  await new Promise((done) => gone.close(done));
  const away = path.join(dir, 'away.cfg');
  writeFileSync(
    away,
    `debug=2
listen=udp:127.0.0.1:${await freePort()}
loadmodule "nsq.so"
modparam("nsq", "nsqd_address", "127.0.0.1:${dead}")
request_route { drop; }
event_route[nsq:consumer-event] { return; }
`,
  );
  const other = await startServer(['run', away, '--admin', '127.0.0.1:0'], / is running, listening on /);
  try {
    await other.saw(/health and metrics at \S+readyz/);
    const [, at] = /health and metrics at (http:\S+)\/readyz/.exec(other.output())!;
    const response = await fetch(`${at}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      reasons: { nsq: 'no nsqd connected for Kamailio-Topic:Kamailio-Channel' },
    });
    expect((await fetch(`${at}/healthz`)).status).toBe(200);
  } finally {
    await other.stop();
  }
});

test('an address that is none is refused', async () => {
  const { status, stderr } = await kamscript(['run', file, '--admin', 'nowhere']);
  expect(status).toBe(2);
  expect(stderr).toContain("Option '--admin': 'nowhere' is no [ADDRESS:]PORT.");
});
