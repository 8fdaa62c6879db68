/** The built command as a user runs it: a server on a port of its own, and what it prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import path from 'node:path';
import { built } from './built.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'bin', 'kamscript.js');

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. */
export async function kamscript(
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): Promise<Finished> {
  await built();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: options.cwd ?? ROOT, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d: Buffer) => {
      stdout += d.toString('latin1');
    });
    child.stderr.on('data', (d: Buffer) => {
      stderr += d.toString('latin1');
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(options.input ?? '');
  });
}

export interface RunningServer {
  readonly child: ChildProcess;
  /** All that it wrote so far. */
  output(): string;
  /** Resolves when `pattern` is in the output; rejects after `ms`. */
  saw(pattern: RegExp, ms?: number): Promise<void>;
  /** Ends it by SIGTERM; gives the exit status. */
  stop(): Promise<number | null>;
}

/** Starts the command with `args` and waits until it printed `ready`. */
export async function startServer(args: readonly string[], ready: RegExp): Promise<RunningServer> {
  await built();
  const child = spawn(process.execPath, [BIN, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d: Buffer) => {
      text += d.toString('latin1');
      for (const w of watchers) w();
    });
  }
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const server: RunningServer = {
    child,
    output: () => text,
    saw: (pattern, ms = 15_000) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(text)) return;
          watchers.delete(look);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`never saw ${pattern} in:\n${text}`));
        }, ms);
        watchers.add(look);
        look();
      }),
    stop: () => {
      child.kill('SIGTERM');
      return closed;
    },
  };
  await server.saw(ready);
  return server;
}

/** A free UDP port of 127.0.0.1. */
export function freePort(): Promise<number> {
  const s = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    s.bind(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}
