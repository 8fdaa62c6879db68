/** `kamscript record SCRIPT`: what a running server, or a capture file, saw as a test for the kit. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { Recorded } from '../../server/recording.js';
import { recordedIn } from '../record/from-capture.js';
import { CaptureError } from '../record/pcap.js';
import { testOf } from '../record/write-test.js';
import { callServer, DEFAULT_SOCKET, RpcError } from '../rpc-client.js';

interface Options {
  readonly pcap?: string;
  readonly server?: string;
  readonly socket: string;
  readonly last?: string;
  readonly call?: string;
  readonly output?: string;
}

export function addRecord(program: Command, setStatus: (status: number) => void): void {
  program
    .command('record')
    .description('write what a running server, or a capture file, saw as a test of a script')
    .argument('<script>', 'script that the test loads')
    .option('--pcap <file>', 'capture file, pcap or pcapng, in place of a running server')
    .option('--server <ip:port>', 'address of the server in the capture; default: where the first request went')
    .option('-s, --socket <address>', 'control socket of the running server (module ctl)', DEFAULT_SOCKET)
    .option('-n, --last <count>', 'only the last messages and events that came in')
    .option('--call <id>', 'only messages of this Call-ID')
    .option('-o, --output <file>', 'test file to write; default: standard output')
    .action(async (script: string, options: Options) => setStatus(await record(script, options)));
}

/** Exit status: 0 written, 1 there is nothing to write, 2 a file or the server cannot be reached. */
async function record(script: string, options: Options): Promise<number> {
  try {
    const all = options.pcap === undefined ? await fromServer(options.socket) : fromFile(options.pcap, options.server);
    const entries = chosen(all, options);
    if (!entries.some((e) => e.kind === 'in' || e.kind === 'nsq')) {
      process.stderr.write('record: there is nothing that came in\n');
      return 1;
    }
    const folder = options.output === undefined ? '.' : path.dirname(options.output);
    const name = path.relative(folder, script).split(path.sep).join('/');
    const origin = `Recorded by kamscript record${options.pcap === undefined ? '' : ` from ${path.basename(options.pcap)}`}.`;
    const text = testOf(entries, { script: name, origin });
    if (options.output === undefined) process.stdout.write(text);
    else writeFileSync(options.output, text);
    return 0;
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    const isOwn = e instanceof RpcError || e instanceof CaptureError;
    process.stderr.write(`record: ${isOwn && options.pcap !== undefined ? `${options.pcap}: ` : ''}${message}\n`);
    return 2;
  }
}

function fromFile(file: string, server: string | undefined): readonly Recorded[] {
  return recordedIn(readFileSync(file), server) ?? [];
}

/** All that the server has kept, page by page. */
export async function fromServer(socket: string): Promise<readonly Recorded[]> {
  const all: Recorded[] = [];
  for (let since = 0; ; ) {
    const page = JSON.parse(`${await callServer(socket, 'kamscript.recorded', since)}`) as Page;
    all.push(...page.entries);
    if (page.entries.length === 0) return all;
    since = page.next;
  }
}

interface Page {
  readonly entries: readonly Recorded[];
  readonly next: number;
}

function chosen(all: readonly Recorded[], { last, call }: Options): readonly Recorded[] {
  const ofCall =
    call === undefined
      ? all
      : all.filter((e) => (e.kind === 'in' || e.kind === 'out') && e.text.includes(call) && idOf(e.text) === call);
  if (last === undefined) return ofCall;
  const inputs = ofCall.flatMap((e, i) => (e.kind === 'in' || e.kind === 'nsq' ? [i] : []));
  return ofCall.slice(inputs.slice(-Math.max(1, Number(last) || 1))[0] ?? 0);
}

function idOf(text: string): string | undefined {
  return /\r\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)/i.exec(text)?.[1]?.trim();
}
