/** A server as a process of its own: kamscript, or Kamailio itself, on the same script. For tests with real peers. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built } from './built.js';

const COMMAND = fileURLToPath(new URL('../../bin/kamscript.js', import.meta.url));
const START_LIMIT = 30_000;
/** Milliseconds after which a server that listens on no port of IPv4 counts as started. */
const BIND_LIMIT = 10_000;

export interface RealServer {
  readonly port: number;
  readonly dir: string;
  /** Everything it wrote so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Below the ports that the kernel gives to clients (32768 and up): one of those would be in the way now and then. */
const FIRST_PORT = 10_000;
const PORT_BLOCKS = 2_200;

let block = Math.floor(Math.random() * PORT_BLOCKS);

/** Ten ports that no other server of this run has, and on which nobody listens now. */
export function freePorts(): number {
  for (let tries = PORT_BLOCKS; tries > 0; tries--) {
    block = (block + 1) % PORT_BLOCKS;
    const port = FIRST_PORT + block * 10;
    const taken = portsInUse();
    if (!Array.from({ length: 10 }, (_, i) => port + i).some((p) => taken.has(p))) return port;
  }
  throw new Error('no ten ports in a row are free');
}

/** Local ports of all sockets, by the kernel's tables; none where there are no such tables. */
function portsInUse(): Set<number> {
  const out = new Set<number>();
  for (const table of ['udp', 'udp6', 'tcp', 'tcp6']) {
    const file = `/proc/net/${table}`;
    if (!existsSync(file)) continue;
    for (const m of readFileSync(file, 'latin1').matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4})/gm)) {
      out.add(Number.parseInt(m[1] ?? '', 16));
    }
  }
  return out;
}

/**
 * Starts `kind` on the script; `{{PORT}}`, `{{PORT2}}` … are ports of its own and `{{DIR}}` its folder, where the control
 * socket `ctl` must be.
 */
export async function startServer(kind: 'kamscript' | 'kamailio', script: string): Promise<RealServer> {
  const dir = mkdtempSync(join(tmpdir(), 'control-'));
  const port = freePorts();
  const filled = script
    .replace(/\{\{PORT(\d?)\}\}/g, (_, n: string) => `${port + (n === '' ? 0 : Number(n) - 1)}`)
    .replaceAll('{{DIR}}', dir);
  const file = join(dir, 'test.cfg');
  writeFileSync(file, filled);
  return await launchServer(kind, { dir, port, args: ['-f', file], control: 'ctl' });
}

export interface Launch {
  readonly dir: string;
  readonly port: number;
  /** Flags of kamailio(8) beside those of folders and the foreground. */
  readonly args: readonly string[];
  /** The file in `dir` that is there once the server is. */
  readonly control: string;
}

/** Starts `kind` with flags; its folder goes with it. */
export async function launchServer(
  kind: 'kamscript' | 'kamailio',
  { dir, port, args, control }: Launch,
): Promise<RealServer> {
  if (kind === 'kamscript') await built();
  const [bin = '', ...first] = kind === 'kamailio' ? ['kamailio'] : [process.execPath, COMMAND];
  const flags = [...args, '-DD', '-E', '-Y', dir, '-w', dir, '-P', join(dir, 'pid')];
  const child = spawn(bin, [...first, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d: Buffer) => {
      said += d.toString('latin1');
    });
  }
  await untilThere(join(dir, control), port, child, () => said);
  return { port, dir, log: () => said, stop: () => stop(child, dir) };
}

async function untilThere(file: string, port: number, child: ChildProcess, said: () => string): Promise<void> {
  const begin = Date.now();
  while (!existsSync(file)) {
    if (child.exitCode !== null || Date.now() - begin > START_LIMIT) throw new Error(`it does not start:\n${said()}`);
    await wait(50);
  }
  // the socket is there before the server listens on its ports: a database may have to be opened in between
  while (!isBound(port) && child.exitCode === null && Date.now() - begin < BIND_LIMIT) await wait(50);
  await wait(500);
}

/** Listens someone on that port? Told by the kernel's tables; where there are none nobody does. */
function isBound(port: number): boolean {
  const needle = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000`;
  return ['udp', 'tcp'].some((table) => {
    const file = `/proc/net/${table}`;
    return existsSync(file) && readFileSync(file, 'latin1').includes(needle);
  });
}

function stop(child: ChildProcess, dir: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      rmSync(dir, { recursive: true, force: true });
      resolve();
    };
    // it may have died before
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once('close', done);
    child.kill('SIGTERM');
  });
}

export const wait = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Runs a program; gives its output, both streams. */
export function run(bin: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve) => {
    execFile(bin, args, { env, encoding: 'latin1', timeout: 10_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

/** What comes back on a TCP connection within `ms` of each of the texts. */
export function tcp(port: number, texts: readonly string[], ms = 300): Promise<string> {
  return new Promise((resolve) => {
    const stream = connect(port, '127.0.0.1');
    let got = '';
    stream.on('data', (d) => {
      got += d.toString('latin1');
    });
    stream.on('error', (e) => {
      got += `[${e.message}]`;
    });
    stream.on('close', () => resolve(got));
    stream.on('connect', async () => {
      for (const text of texts) {
        if (!stream.destroyed) stream.write(text, 'latin1');
        await wait(ms);
      }
      if (stream.destroyed) return;
      stream.destroy();
    });
  });
}
