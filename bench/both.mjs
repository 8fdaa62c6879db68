// The two servers that the rows compare, and how they are started, loaded and measured.
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.dirname(HERE);
export const DIR = mkdtempSync(path.join(tmpdir(), 'bench-'));
export const SIDES = ['kamscript', 'kamailio'];
export const KAMSCRIPT = path.join(ROOT, 'bin', 'kamscript.js');

/** Kamailio with its fastest memory managers: with the default one it is six times slower. */
const KAMAILIO = ['-DD', '-E', '-x', 'fm', '-X', 'fm', '-m', '2048', '-M', '64', '-w', DIR, '-Y', DIR];

const running = new Set();
export function cleanUp() {
  for (const child of running) sweep(child);
  rmSync(DIR, { recursive: true, force: true });
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function commandOf(side, cfg) {
  return side === 'kamscript'
    ? [process.execPath, [KAMSCRIPT, '-f', cfg, '-DD', '-E']]
    : ['kamailio', ['-f', cfg, ...KAMAILIO]];
}

/** What is missing for the rows with both sides, as text; undefined: nothing. */
export function missing() {
  const absent = ['kamailio', 'gcc'].filter((name) => spawnSync(name, ['--version']).error !== undefined);
  return absent.length === 0
    ? undefined
    : `${absent.join(' and ')} not here: apt-get install kamailio kamailio-extra-modules gcc libc6-dev`;
}

const compiled = new Map();
/** A load generator of bench/load, compiled once. */
export function tool(name) {
  let file = compiled.get(name);
  if (file !== undefined) return file;
  file = path.join(DIR, name);
  const done = spawnSync('gcc', ['-O2', '-o', file, path.join(HERE, 'load', `${name}.c`)], { stdio: 'inherit' });
  if (done.status !== 0) throw new Error(`gcc could not compile ${name}.c`);
  compiled.set(name, file);
  return file;
}

/** A script of bench/load, or one that `text` gives under that name. */
export function script(name, text) {
  if (text === undefined) return path.join(HERE, 'load', name);
  const file = path.join(DIR, name);
  writeFileSync(file, text);
  return file;
}

/** Ends what is left of a program's group. */
function sweep(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // nothing is left
  }
}

/** Starts a program, in a group of its own, that ends with `cleanUp`. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'ignore', detached: true, ...options });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return sweep(child);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 8000);
  await closed;
  clearTimeout(timer);
  sweep(child);
}

/** Runs `work(pid, log)` beside a server, which answers OPTIONS at `port` by then. */
export async function serve(side, cfg, port, work) {
  const [command, args] = commandOf(side, cfg);
  const child = start(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d) => {
      log += d;
    });
  }
  try {
    if (!(await answers(port, 20_000))) throw new Error(`${side} does not answer at ${port}:\n${log}`);
    return await work(child.pid, () => log);
  } finally {
    await end(child);
  }
}

const OPTIONS = (own, to, id, user) =>
  `OPTIONS sip:${user}@127.0.0.1:${to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK${id}\r\nMax-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;

/** Asks with OPTIONS every few milliseconds until there is an answer; the time of it, undefined: none came within `ms`. */
export function answers(port, ms, every = 10, user = 'bench') {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    const began = performance.now();
    let n = 0;
    const stop = (value) => {
      clearInterval(timer);
      clearTimeout(limit);
      socket.close();
      resolve(value);
    };
    const ask = () =>
      socket.send(
        OPTIONS(socket.address().port, port, `${process.pid}-${performance.now()}-${++n}`, user),
        port,
        '127.0.0.1',
      );
    socket.on('message', () => stop(performance.now() - began + 0.001));
    socket.on('error', () => {});
    let timer;
    const limit = setTimeout(() => stop(undefined), ms);
    socket.bind(0, '127.0.0.1', () => {
      ask();
      timer = setInterval(ask, every);
    });
  });
}

/** Runs a load generator to its end; gives what it printed. */
export function load(name, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = start(tool(name), args.map(String), {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    child.once('close', () =>
      out === '' ? reject(new Error(`${name} ended without a figure`)) : resolve(JSON.parse(out)),
    );
  });
}

/** Proportional share of the memory of a process and its children, bytes. */
export function memory(pid) {
  let kb = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ')) {
      if (child !== '') kb += memory(Number(child)) / 1024;
    }
  }
  return kb * 1024;
}
