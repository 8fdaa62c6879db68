/** Plays the steps of a test at a real Kamailio too, and says where it does something else. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { distFile } from '../../runtime/worker-file.js';
import type { Companion, Input, LoadOptions, Run, StartCompanion } from '../../testing/index.js';
import { compare, type Sent, Tokens } from './compare.js';
import type { Order, Report } from './player.js';

const PLAYER = distFile('cli/test/player.js');
/** Milliseconds that the real server has for an answer, and in which more than is expected may come. */
const ANSWER = 600;
const MORE = 60;
const START = 8000;
/** Longer waits are not lived through. */
const LONGEST_WAIT = 5000;

/** What all the scripts of a run have come to. */
export interface Comparison {
  alike: number;
  readonly differences: string[];
  readonly leftOut: string[];
}

/** Undefined: it can be played; else why not. */
export function obstacle(binary: string): string | undefined {
  if (spawnSync(binary, ['-v']).status !== 0) return `${binary} cannot be run`;
  const tried = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
  if (tried.status === 0) return undefined;
  return 'the real server is played at in a network of its own, which needs Linux with unshare(1) and ip(8)';
}

export function against(binary: string, comparison: Comparison): StartCompanion {
  return (file, options, started) => RealServer.start(binary, file, options, started, comparison);
}

class RealServer implements Companion {
  readonly #title: string;
  readonly #comparison: Comparison;
  readonly #player: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #tokens = new Tokens();
  readonly #bound = new Map<string, (error: string | undefined) => void>();
  #got: Sent[] = [];
  #lines: string[] = [];
  #why: string | undefined;
  #ended = false;
  #ready = false;
  #steps = 0;

  private constructor(title: string, folder: string, comparison: Comparison) {
    this.#title = title;
    this.#folder = folder;
    this.#comparison = comparison;
    this.#player = spawn('unshare', ['-rn', process.execPath, PLAYER]);
    this.#player.on('error', (e) => this.leftOut(e.message));
    createInterface({ input: this.#player.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Report));
  }

  static async start(
    binary: string,
    file: string,
    options: LoadOptions,
    started: Run,
    comparison: Comparison,
  ): Promise<RealServer> {
    const folder = mkdtempSync(join(tmpdir(), 'kamscript-against-'));
    const server = new RealServer(file, folder, comparison);
    const cannot = unplayable(options);
    if (cannot === undefined) await server.#start(binary, file, options, started);
    else server.leftOut(cannot);
    return server;
  }

  async #start(binary: string, file: string, options: LoadOptions, started: Run): Promise<void> {
    const script = options.text === undefined ? file : join(this.#folder, 'script.cfg');
    if (options.text !== undefined) writeFileSync(script, options.text);
    const defines = Object.entries(options.defines ?? {}).flatMap(([n, v]) => ['-A', v === true ? n : `${n}=${v}`]);
    const own = ['-DD', '-E', '-Y', this.#folder, '-P', join(this.#folder, 'pid'), '-w', process.cwd()];
    await this.#bindAll(started.sent.map((m) => m.to));
    const command = [binary, '-f', script, ...own, ...defines];
    this.#order({ do: 'start', command, env: { ...(options.env ?? {}) } });
    await this.#until(() => this.#ended || this.#ready, START);
    if (this.#ended || !this.#ready) {
      const error = this.#lines.find((l) => /(?:ERROR|CRITICAL)/.test(l));
      return this.leftOut(
        `Kamailio does not start on it: ${error?.replace(/^ *\d+\(\d+\) /, '') ?? 'it says nothing'}`,
      );
    }
    await this.#compared('the start', started);
  }

  async played(inputs: readonly Input[], run: Run): Promise<void> {
    if (this.#why !== undefined) return this.#leave();
    const other = inputs.find((i) => !i.socket.startsWith('udp:'));
    if (other !== undefined) this.leftOut(`a message over ${other.socket}`);
    if (this.#why !== undefined) return this.#leave();
    await this.#bindAll([...inputs.map((i) => i.from), ...run.sent.map((m) => m.to)]);
    const [first] = inputs;
    this.#clear();
    for (const { data, from, socket } of inputs) {
      const text = this.#tokens.toReal(data.toString('latin1'));
      this.#order({ do: 'send', from, to: socket.slice(4), data: Buffer.from(text, 'latin1').toString('base64') });
    }
    await this.#compared(first?.data.toString('utf8').split('\r\n')[0] ?? '', run);
  }

  async advanced(ms: number, run: Run): Promise<void> {
    if (this.#why === undefined && ms > LONGEST_WAIT) this.leftOut(`${ms / 1000} s that pass`);
    if (this.#why !== undefined) return this.#leave();
    await this.#bindAll(run.sent.map((m) => m.to));
    this.#clear();
    await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#compared(`${ms} ms pass`, run);
  }

  leftOut(why: string): void {
    this.#why ??= why;
  }

  #leave(): void {
    this.#steps++;
    this.#comparison.leftOut.push(`${this.#title}, step ${this.#steps}: ${this.#why}`);
  }

  async close(): Promise<void> {
    this.#player.stdin.end();
    if (this.#player.exitCode === null) await new Promise((resolve) => this.#player.once('close', resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  // ---------------------------------------------------------------- comparing

  async #compared(step: string, run: Run): Promise<void> {
    this.#steps++;
    await this.#until(() => this.#got.length >= run.sent.length, ANSWER);
    await new Promise((resolve) => setTimeout(resolve, MORE));
    const ours = run.sent.map((m) => ({ to: m.to, text: Buffer.from(m.text, 'utf8').toString('latin1') }));
    const found = [...compare(ours, this.#got, this.#tokens), ...linesDiffer(run.xlog, this.#scriptLines())];
    if (found.length === 0) this.#comparison.alike++;
    else
      this.#comparison.differences.push(
        `${this.#title}, step ${this.#steps} (${step}):\n${found.map((f) => `  ${f}`).join('\n')}`,
      );
  }

  #scriptLines(): string[] {
    return this.#lines.flatMap((l) => /^ *\d+\(\d+\) \w+: (?:\{[^}]*\} )?<script>: (.*)$/.exec(l)?.[1] ?? []);
  }

  #clear(): void {
    this.#got = [];
    this.#lines = [];
  }

  // ------------------------------------------------------------------- player

  #order(order: Order): void {
    this.#player.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #hear(report: Report): void {
    if (report.is === 'got')
      this.#got.push({ to: report.at, text: Buffer.from(report.data, 'base64').toString('latin1') });
    else if (report.is === 'line') this.#lines.push(report.text);
    else if (report.is === 'ready') this.#ready = true;
    else if (report.is === 'bound') this.#bound.get(report.address)?.(report.error);
    else this.#ended = true;
  }

  async #bindAll(addresses: readonly string[]): Promise<void> {
    for (const address of new Set(addresses)) {
      const error = await new Promise<string | undefined>((resolve) => {
        this.#bound.set(address, resolve);
        this.#order({ do: 'bind', address });
      });
      if (error !== undefined) this.leftOut(`${address} cannot be taken: ${error}`);
    }
  }

  async #until(done: () => boolean, ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function unplayable({ mocks, dns }: LoadOptions): string | undefined {
  if (mocks !== undefined && Object.keys(mocks).length > 0) return `the mock of ${Object.keys(mocks)[0]}()`;
  return dns === undefined ? undefined : 'names that the test resolves itself';
}

function linesDiffer(ours: readonly string[], real: readonly string[]): string[] {
  if (ours.length === real.length && ours.every((l, i) => l === real[i])) return [];
  const missing = real.filter((l) => !ours.includes(l)).map((l) => `log: Kamailio alone says ${l}`);
  const extra = ours.filter((l) => !real.includes(l)).map((l) => `log: kamscript alone says ${l}`);
  return [...missing, ...extra];
}
