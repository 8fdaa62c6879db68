/** `kamscript eval TEXT`: what variables and transformations give for a message. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { BUILT_IN } from '../../modules/built-in.js';
import { load, ScriptTestError } from '../../testing/index.js';
import { environment } from '../environment.js';

interface Options {
  readonly request?: string;
  readonly script?: string;
}

/** Modules without state of their own to set up: their variables and transformations are there without a script. */
const PLAIN = [
  'sl',
  'tm',
  'pv',
  'textops',
  'textopsx',
  'siputils',
  'sdpops',
  'json',
  'jansson',
  'crypto',
  'ipops',
  'regex',
];

export function addEval(program: Command, setStatus: (status: number) => void): void {
  program
    .command('eval')
    .description(
      "print what a variable, or a text with variables, gives: kamscript eval '$(ru{uri.user})' --request FILE",
    )
    .argument('<text>', 'variable, or text with variables')
    .option('-r, --request <file>', 'SIP request to read them from (- is standard input); default: a made-up one')
    .option('-s, --script <file>', 'script whose modules and parameters count; its routes do not run')
    .action(async (text: string, options: Options) => setStatus(await evaluate(text, options)));
}

/** Exit status: 0 printed, 1 there is no such variable or no value, 2 a file cannot be read. */
async function evaluate(text: string, options: Options): Promise<number> {
  try {
    const request =
      options.request === undefined ? {} : readFileSync(options.request === '-' ? 0 : options.request, 'utf8');
    const script = `${scriptText(options.script)}\nroute[KAMSCRIPT_EVAL] { return; }\n`;
    const s = await load(options.script ?? 'eval.cfg', { text: script, env: environment() });
    try {
      const value = s.get(text, await s.route('KAMSCRIPT_EVAL', request));
      process.stdout.write(`${value ?? '<null>'}\n`);
      return value === null ? 1 : 0;
    } finally {
      await s.close();
    }
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (!(e instanceof ScriptTestError) && code === undefined) throw e;
    process.stderr.write(`eval: ${message}\n`);
    return e instanceof ScriptTestError ? 1 : 2;
  }
}

function scriptText(file: string | undefined): string {
  if (file !== undefined) return readFileSync(file, 'utf8');
  const modules = PLAIN.filter((name) => BUILT_IN.names.includes(name));
  return `${modules.map((m) => `loadmodule "${m}.so"\n`).join('')}request_route { exit; }`;
}
