/** `kamscript trace`: each statement with its place and values, of one message in the kit, or of a running server. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { StatementTracer, type TraceLine, traceText } from '../../runtime/trace.js';
import { load, ScriptTestError, type ScriptUnderTest } from '../../testing/index.js';
import { environment } from '../environment.js';
import { utf8 } from '../record/sip-text.js';
import { callServer, DEFAULT_SOCKET } from '../rpc-client.js';

interface Options {
  readonly request?: string;
  readonly nsq?: string;
  readonly kdmq?: string;
  readonly body: string;
  readonly from: string;
  readonly socket: string;
  readonly live?: boolean;
  readonly seconds?: string;
  readonly json?: boolean;
}

export function addTrace(program: Command, setStatus: (status: number) => void): void {
  program
    .command('trace')
    .description('show each statement that runs, with its place, what it reads and writes')
    .argument('[file]', 'script, for one message; without it --live')
    .option('--request <file>', 'a SIP message (- is standard input): played, and nothing is sent')
    .option('--nsq <json>', 'an NSQ event')
    .option('--kdmq <peer>', 'a message of the DMQ bus, with --body')
    .option('--body <text>', 'body of --kdmq', '')
    .option('--from <ip:port>', 'where the message comes from', '127.0.0.1:5070')
    .option('--live', 'what a running server does, until Ctrl-C')
    .option('-s, --socket <address>', 'control socket of the server (module ctl)', DEFAULT_SOCKET)
    .option('--seconds <count>', 'end --live after so long')
    .option('--json', 'print JSON, an object a line')
    .action(async (file: string | undefined, options: Options) => setStatus(await trace(file, options)));
}

/** Exit status: 0 something ran, 1 nothing did or the script has errors, 2 a file or the server cannot be reached. */
async function trace(file: string | undefined, options: Options): Promise<number> {
  const print = (line: TraceLine) =>
    void process.stdout.write(`${options.json ? JSON.stringify(line) : utf8(traceText(line))}\n`);
  try {
    if (options.live) return await live(options, print);
    if (file === undefined || (options.request ?? options.nsq ?? options.kdmq) === undefined) {
      process.stderr.write('trace wants FILE with --request, --nsq or --kdmq; or --live\n');
      return 2;
    }
    return await one(file, options, print);
  } catch (e) {
    const { code, path, message } = e as NodeJS.ErrnoException;
    if (!(e instanceof ScriptTestError) && code === undefined) throw e;
    process.stderr.write(`${path === undefined ? '' : `${path}: `}${message}\n`);
    return e instanceof ScriptTestError ? 1 : 2;
  }
}

async function one(file: string, options: Options, print: (line: TraceLine) => void): Promise<number> {
  let tracer: StatementTracer | undefined;
  let count = 0;
  const request =
    options.request === undefined ? '' : readFileSync(options.request === '-' ? 0 : options.request, 'utf8');
  const s = await load(file, { env: environment(), isolated: true, onStatement: (ctx, at) => tracer?.at(ctx, at) });
  try {
    tracer = new StatementTracer(s.vars, (line) => {
      count++;
      print(line);
    });
    const run = await play(s, request, options);
    tracer.flush();
    tracer = undefined;
    if (!options.json) for (const m of run.sent) process.stdout.write(`sends ${m}\n`);
    return count > 0 ? 0 : 1;
  } finally {
    tracer = undefined;
    await s.close();
  }
}

function play(s: ScriptUnderTest, request: string, { nsq, kdmq, body, from }: Options) {
  if (nsq !== undefined) return s.nsq(nsq);
  if (kdmq !== undefined) return s.kdmq(body, { peer: kdmq, from });
  return /^\s*SIP\/2\.0 /.test(request) ? s.reply(request, { from }) : s.request(request, { from });
}

/** Milliseconds between looks. */
const POLL = 200;

async function live(options: Options, print: (line: TraceLine) => void): Promise<number> {
  const end =
    options.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(options.seconds) * 1000;
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  let page = await pageOf(options.socket);
  process.stderr.write('trace: the server is traced; Ctrl-C ends it\n');
  while (!stopped && performance.now() < end) {
    if (page.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, POLL));
    page = await pageOf(options.socket, page.next);
    for (const line of page.lines) print(line);
  }
  await callServer(options.socket, 'kamscript.trace', 'off');
  return 0;
}

interface Page {
  readonly lines: readonly TraceLine[];
  readonly next: number;
}

async function pageOf(socket: string, ...since: readonly number[]): Promise<Page> {
  return JSON.parse(`${await callServer(socket, 'kamscript.trace', ...since)}`) as Page;
}
