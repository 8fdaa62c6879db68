/** The example scripts do what their first lines promise. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { built } from '../../support/built.js';
import { Phone } from '../presence/phone.js';
import { freePort, until } from './helpers.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
beforeAll(() => built(), 120_000);

let child: ChildProcess | undefined;
let log = '';
let port = 0;
const dir = mkdtempSync(join(tmpdir(), 'nsq-examples-'));
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    const exited = new Promise((done) => child?.once('exit', done));
    child.kill('SIGTERM');
    await exited;
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Runs an example on a free port; resolves once it answers and consumes. */
async function run(name: string, script = readFileSync(join(ROOT, 'examples/cfg', name), 'utf8')): Promise<void> {
  port = await freePort();
  const cfg = join(mkdtempSync(join(tmpdir(), 'nsq-example-')), name);
  writeFileSync(cfg, script.replace('listen=udp:127.0.0.1:5066', `listen=udp:127.0.0.1:${port}`));
  log = '';
  child = spawn(process.execPath, [join(ROOT, 'bin/kamscript.js'), 'run', cfg], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => {
      log += data.toString();
    });
  await until(
    () => log.includes('connected (version'),
    () => `the example does not come up: ${log}`,
    30_000,
  );
}

function send(method: string, body: string, user = 'a'): Promise<string> {
  return new Promise((done, fail) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => fail(new Error(`no reply: ${log}`)), 8000);
    socket.on('message', (message) => {
      clearTimeout(timer);
      socket.close();
      done(message.toString().split('\r\n')[0]!.replace('SIP/2.0 ', ''));
    });
    socket.bind(0, '127.0.0.1', () => {
      const id = Math.random().toString(36).slice(2);
      const text = `${method} sip:${user}@127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${id}\r\nFrom: <sip:t@127.0.0.1>;tag=1\r\nTo: <sip:${user}@127.0.0.1>\r\nCall-ID: ${id}\r\nCSeq: 1 ${method}\r\nMax-Forwards: 70\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      socket.send(text, port, '127.0.0.1');
    });
  });
}

const logged = (text: string) =>
  until(
    () => log.includes(text),
    () => `'${text}' is not logged: ${log}`,
  );

test('nsq-fallback.cfg shows which route takes an event', { timeout: 60_000 }, async () => {
  await run('nsq-fallback.cfg');
  expect(await send('MESSAGE', '{"Event-Category":"presence","Event-Name":"update"}')).toBe('202 Accepted');
  await logged('1 category and name: {"Event-Category":"presence","Event-Name":"update"}');
  await send('MESSAGE', '{"Event-Category":"presence"}');
  await logged('2 category: {"Event-Category":"presence"}');
  await send('MESSAGE', '{"n":1}');
  await logged('3 both parameters: {"n":1}');
  await send('MESSAGE', 'no json');
  await logged('is no JSON, finished: no json');
});

test('nsq-query.cfg answers with what the responder knows, and goes on when nobody answers', {
  timeout: 60_000,
}, async () => {
  await run('nsq-query.cfg');
  expect(await send('MESSAGE', '{"User":"alice"}', 'alice')).toBe('200 alice@desk');
  expect(await send('MESSAGE', '{"User":"nobody"}', 'nobody')).toBe('404 Nobody Knows');
});

test('nsq-presence.cfg keeps the state of a user', { timeout: 60_000 }, async () => {
  await run('nsq-presence.cfg');
  const update = (state: string) =>
    JSON.stringify({ 'Event-Category': 'presence', 'Event-Name': 'update', 'From-User': 'alice', State: state });
  expect(await send('MESSAGE', 'hello', 'alice')).toBe('200 OK');
  expect(await send('PUBLISH', update('confirmed'))).toBe('202 Accepted');
  await logged('alice is confirmed (delivery 1)');
  expect(await send('MESSAGE', 'hello', 'alice')).toBe('486 On the Phone');
  await send('PUBLISH', update('terminated'));
  await logged('alice is terminated');
  expect(await send('MESSAGE', 'hello', 'alice')).toBe('200 OK');
});

test('nsq-presence.cfg sends a NOTIFY to a phone that subscribed', { timeout: 60_000 }, async () => {
  await run('nsq-presence.cfg');
  const phone = await Phone.open(port);
  try {
    const [subscribed] = await phone.request('SUBSCRIBE', 'alice');
    expect(subscribed?.start).toBe('SIP/2.0 200 OK');
    const update = {
      'Event-Category': 'presence',
      'Event-Name': 'update',
      'Event-Package': 'presence',
      From: 'sip:alice@example.org',
      'From-User': 'alice',
      'From-Realm': 'example.org',
      'To-User': 'bob',
      State: 'confirmed',
      'Call-ID': 'c1',
      Expires: '3600',
    };
    expect(await send('PUBLISH', JSON.stringify(update))).toBe('202 Accepted');
    await logged('alice is confirmed (delivery 1)');
    await phone.quiet();
    expect(phone.all.at(-1)?.start).toMatch(/^NOTIFY /);
    expect(phone.all.at(-1)?.body).toContain('<rpid:on-the-phone/>');
  } finally {
    phone.close();
  }
});

test('nsq_pua_publish writes the presentity table of a text database', { timeout: 60_000 }, async () => {
  const db = mkdtempSync(join(tmpdir(), 'nsq-db-'));
  const columns =
    'id(int,auto) username(string) domain(string) event(string) etag(string) expires(int) received_time(int) body(blob) sender(string) priority(int)';
  writeFileSync(join(db, 'presentity'), `${columns}\n`);
  await run(
    'pua.cfg',
    `debug=2
log_stderror=yes
listen=udp:127.0.0.1:5066
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "db_text.so"
loadmodule "nsq.so"
modparam("db_text", "db_mode", 1)
modparam("nsq", "nsqd_address", "embedded")
modparam("nsq", "topic_channel", "presence:c")
modparam("nsq", "db_url", "text://${db}")
request_route { nsq_publish("presence", "$rb"); sl_send_reply("200", "OK"); }
event_route[nsq:consumer-event-presence-update] { nsq_pua_publish($nsqE); xlog("L_ERR", "written $rc\\n"); }
`,
  );
  await send(
    'MESSAGE',
    JSON.stringify({
      'Event-Category': 'presence',
      'Event-Name': 'update',
      'Event-Package': 'message-summary',
      From: 'sip:alice@a.org',
      'From-User': 'alice',
      'From-Realm': 'a.org',
      'Call-ID': 'c1',
      'Messages-Waiting': 'yes',
    }),
  );
  await logged('written 1');
  const exited = new Promise((done) => child?.once('exit', done));
  child?.kill('SIGTERM');
  await exited;
  const text = readFileSync(join(db, 'presentity'), 'utf8');
  expect(text).toContain('alice');
  expect(text).toContain('Messages-Waiting');
  rmSync(db, { recursive: true });
});
