/** The bundle that `npm run build` makes: the command starts from it, and its worker threads too. */
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/built.js';

const ROOT = join(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, 'dist/bundle');
const SCRIPT = join(ROOT, 'examples/cfg/start.cfg');

const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

beforeAll(async () => {
  await built();
  if (changed(join(BUNDLE, '.bundled')) >= changed(join(ROOT, 'dist/cli/main.js'))) return;
  const done = spawnSync(process.execPath, ['scripts/bundle.mjs'], { cwd: ROOT, encoding: 'utf8' });
  expect(done.stderr).toBe('');
  expect(done.status).toBe(0);
}, 120_000);

/** Files of the project that the command loads. */
function loaded(): string[] {
  const trace = join(import.meta.dirname, `loaded-${process.pid}.mjs`);
  const list = `${trace}.txt`;
  writeFileSync(
    trace,
    `import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(\`
import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(list)}, url + '\\\\n');
  return next(url, context);
}\`));`,
  );
  try {
    const done = spawnSync(process.execPath, ['--import', trace, 'bin/kamscript.js', '-c', '-f', SCRIPT], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(done.status, done.stderr).toBe(0);
    return readFileSync(list, 'utf8')
      .split('\n')
      .filter((url) => url.includes('/dist/'));
  } finally {
    rmSync(trace, { force: true });
    rmSync(list, { force: true });
  }
}

test('the command loads few files', () => {
  const files = loaded();
  expect(files.length).toBeGreaterThan(2);
  expect(files.length).toBeLessThan(40);
  expect(files.filter((url) => !url.includes('/dist/bundle/'))).toEqual([]);
});

test('what tsc wrote later than the bundle is taken instead', () => {
  const stamp = join(BUNDLE, '.bundled');
  utimesSync(stamp, 0, 1);
  try {
    expect(loaded().filter((url) => url.includes('/dist/bundle/'))).toEqual([]);
  } finally {
    writeFileSync(stamp, '');
  }
});

test('worker threads of the bundle run: NSQ with its broker', async () => {
  expect(existsSync(join(BUNDLE, 'modules/nsq/worker.js'))).toBe(true);
  expect(existsSync(join(BUNDLE, 'modules/dmq/worker.js'))).toBe(true);
  const server = spawn(process.execPath, ['bin/kamscript.js', 'run', 'examples/cfg/start.cfg'], { cwd: ROOT });
  let log = '';
  server.stderr.on('data', (text) => {
    log += text;
  });
  const client = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  try {
    await once(client, 'listening');
    const until = Date.now() + 20_000;
    while (!log.includes('event route nsq:consumer-event-message-hello') && Date.now() < until) {
      if (log.includes('connected')) client.send(message(client.address().port), 5066, '127.0.0.1');
      await setTimeout(200);
    }
    expect(log).toContain('event route nsq:consumer-event-message-hello');
  } finally {
    client.close();
    server.kill('SIGTERM');
    await once(server, 'close');
  }
}, 30_000);

const message = (port: number) =>
  [
    'MESSAGE sip:bob@127.0.0.1:5066 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKbundle`,
    'From: <sip:a@127.0.0.1>;tag=1',
    'To: <sip:bob@127.0.0.1>',
    'Call-ID: bundle',
    'CSeq: 1 MESSAGE',
    'Max-Forwards: 70',
    'Content-Type: text/plain',
    'Content-Length: 5',
    '',
    'hello',
  ].join('\r\n');
