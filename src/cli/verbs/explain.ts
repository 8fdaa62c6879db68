/** `kamscript explain FILE --nsq JSON | --request FILE | --kdmq PEER`: which blocks a message tries, in order, and which runs. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { renderProblem } from '../../parser/index.js';
import type { Program } from '../../runtime/program.js';
import { loadScript } from '../../server/load.js';
import { load, ScriptTestError, type ScriptUnderTest } from '../../testing/index.js';
import { environment } from '../environment.js';
import { explainNsq } from './explain-event.js';
import { explainKdmq, explainRequest } from './explain-message.js';

interface Options {
  readonly nsq?: string;
  readonly request?: string;
  readonly kdmq?: string;
  readonly body: string;
  readonly type: string;
  readonly from: string;
  readonly json?: boolean;
}

/** What a message would do, for people and for machines. */
export interface Explained {
  /** Some block runs. */
  readonly runs: boolean;
  readonly json: unknown;
  readonly text: string;
}

export function addExplain(program: Command, setStatus: (status: number) => void): void {
  program
    .command('explain')
    .description('show the blocks that a message tries, in order, with their places; status 0 when one runs')
    .argument('<file>', 'script')
    .option('--nsq <json>', 'payload of an NSQ event')
    .option('--request <file>', 'a SIP message (- is standard input): played, and nothing of it is sent')
    .option('--kdmq <peer>', 'a message of the DMQ bus for a peer, with --body and --type: played, and nothing is sent')
    .option('--body <text>', 'body of --kdmq', '')
    .option('--type <type>', 'Content-Type of --kdmq', 'text/plain')
    .option('--from <ip:port>', 'where a played message comes from', '127.0.0.1:5070')
    .option('--json', 'print JSON')
    .action(async (file: string, options: Options) => setStatus(await explain(file, options)));
}

/** Exit status: 0 a block runs, 1 none does or the script has errors, 2 a file cannot be read or nothing was asked. */
async function explain(file: string, options: Options): Promise<number> {
  const asked = [options.nsq, options.request, options.kdmq].filter((o) => o !== undefined).length;
  if (asked !== 1) {
    process.stderr.write('explain wants one of --nsq JSON, --request FILE, --kdmq PEER\n');
    return 2;
  }
  try {
    const found = options.nsq === undefined ? await played(file, options) : ofEvent(file, options.nsq);
    if (typeof found === 'string') {
      process.stderr.write(`${found}\n`);
      return 1;
    }
    process.stdout.write(options.json ? `${JSON.stringify(found.json, null, 2)}\n` : found.text);
    return found.runs ? 0 : 1;
  } catch (e) {
    const { code, path = file, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    process.stderr.write(`${path}: cannot be read: ${message}\n`);
    return 2;
  }
}

function ofEvent(file: string, payload: string): Explained | string {
  const program = compiled(file);
  return typeof program === 'string' ? program : explainNsq(program, file, payload);
}

function compiled(file: string): Program | string {
  const { program, problems, script } = loadScript(file, { env: process.env });
  return program ?? problems.map((p) => renderProblem(p, script.sources)).join('\n');
}

async function played(file: string, options: Options): Promise<Explained | string> {
  let s: ScriptUnderTest;
  const request =
    options.request === undefined ? '' : readFileSync(options.request === '-' ? 0 : options.request, 'utf8');
  try {
    s = await load(file, { env: environment(), isolated: true });
  } catch (e) {
    if (e instanceof ScriptTestError) return e.message;
    throw e;
  }
  try {
    const { kdmq: peer, body, type: contentType, from } = options;
    return peer === undefined
      ? await explainRequest(s, request, from)
      : await explainKdmq(s, { peer, body, contentType, from });
  } finally {
    await s.close();
  }
}
