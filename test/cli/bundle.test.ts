/** The bundle that `npm run build` makes: the command starts from it, and its worker threads too. */
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

/** Files that the command loads: of the project, and packages. */
function loaded(): string[] {
  const trace = join(ROOT, 'dist', `loaded-${process.pid}.cjs`);
  const list = `${trace}.txt`;
  writeFileSync(
    trace,
    `const { appendFileSync } = require('node:fs');
const list = ${JSON.stringify(list)};
require('node:module').register('data:text/javascript,' + encodeURIComponent(\`
import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(\${JSON.stringify(list)}, url + '\\\\n');
  return next(url, context);
}\`));
process.on('exit', () => appendFileSync(list, Object.keys(require.cache).map((file) => file + '\\n').join('')));`,
  );
  try {
    const done = spawnSync(process.execPath, ['--require', trace, 'bin/kamscript.js', '-c', '-f', SCRIPT], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(done.status, done.stderr).toBe(0);
    const files = readFileSync(list, 'utf8').split('\n');
    return files.filter((file) => /\/(dist|node_modules)\//.test(file) && !file.endsWith(trace));
  } finally {
    rmSync(trace, { force: true });
    rmSync(list, { force: true });
  }
}

test('the command loads the bundle alone, and no package for a script that needs none', () => {
  expect(loaded()).toEqual([join(BUNDLE, 'load.js')]);
});

test('a start reads one file for the modules that most scripts load', () => {
  const seen = join(ROOT, 'dist', `read-${process.pid}.cjs`);
  const script = `${seen}.cfg`;
  const modules = 'sl tm rr pv maxfwd textops siputils xlog htable usrloc registrar auth kex';
  writeFileSync(script, `${modules.replace(/(\w+) ?/g, 'loadmodule "$1.so"\n')}request_route { exit; }\n`);
  writeFileSync(
    seen,
    `const fs = require('node:fs');
const { readFileSync } = fs;
fs.readFileSync = (name, ...rest) => {
  if (/bundle.\\w+\\.js$/.test(name)) process.stdout.write(name + '\\n');
  return readFileSync(name, ...rest);
};`,
  );
  try {
    const done = spawnSync(process.execPath, ['--require', seen, 'bin/kamscript.js', '-c', '-f', script], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(done.stderr).toContain('config file ok');
    expect(done.stdout).toContain('kamscript.js');
    expect(done.stdout).not.toContain('more.js');
    expect(done.stdout).not.toContain('bus.js');
  } finally {
    rmSync(seen, { force: true });
    rmSync(script, { force: true });
  }
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

describe('code that V8 made', () => {
  const name = `${process.version}-${process.arch}`;
  /** A bundle of its own to play with. */
  const dir = join(ROOT, 'dist', `bundle-code-${process.pid}`, 'dist', 'bundle');
  const root = join(dir, '../..');
  const code = join(dir, 'code', name, 'kamscript.js');
  const check = (env = {}) => {
    const done = spawnSync(process.execPath, [join(root, 'bin/kamscript.js'), '-c', '-f', SCRIPT], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    expect(done.stderr).toContain('config file ok');
    expect(done.status).toBe(0);
  };

  beforeAll(() => {
    cpSync(BUNDLE, dir, { recursive: true });
    cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('the first start keeps it, the next takes it', () => {
    rmSync(join(dir, 'code'), { recursive: true, force: true });
    check();
    expect(statSync(code).size).toBeGreaterThan(100_000);
    const then = statSync(code).mtimeMs;
    check();
    expect(statSync(code).mtimeMs).toBe(then);
  });

  test('what V8 refuses is made anew', () => {
    writeFileSync(code, 'of another version');
    check();
    expect(statSync(code).size).toBeGreaterThan(100_000);
  });

  test('where the folder cannot be written the cache of the user has it', () => {
    rmSync(join(dir, 'code'), { recursive: true, force: true });
    writeFileSync(join(dir, 'code'), 'no folder');
    const cache = join(root, 'cache');
    check({ XDG_CACHE_HOME: cache });
    expect(readdirSync(join(cache, 'kamscript'))).toEqual([
      expect.stringMatching(new RegExp(`^[0-9a-f]{16}-${name}$`)),
    ]);
    check({ XDG_CACHE_HOME: cache });
    check({ XDG_CACHE_HOME: '/dev/null' });
  });
});

test('the bundle finds each module by its name', async () => {
  const { MODULES } = await import('../../src/modules/index.js');
  const index = readFileSync(join(ROOT, 'src/modules/index.ts'), 'utf8');
  const files = [...index.matchAll(/^import .* from '\.\/([^']+?)(?:\/index)?\.js';$/gm)].map(([, file]) => file);
  expect(MODULES.map((m) => m.name).sort()).toEqual(files.sort());
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
