/** `kamscript -f FILE …`: the command line of kamailio(8), a drop-in for it. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { kamailioText, type Problem, renderProblem } from '../parser/index.js';
import type { LoadResult } from '../server/load.js';
import { type KamailioFlags, parseFlags } from './flags.js';
import { HELP, VERSION_TEXT } from './help.js';
import { LineWriter } from './output.js';
import { serve } from './serve.js';
import { loadWithFlags } from './with-flags.js';

const FAILURE = 255;

/** Runs the command; gives the exit status, or undefined when a server goes on running. */
export async function kamailio(argv: readonly string[], started: () => void): Promise<number | undefined> {
  const flags = parseFlags(argv);
  if ('error' in flags) {
    process.stderr.write(`${flags.error}\n`);
    return FAILURE;
  }
  if (flags.help) return print(HELP);
  if (flags.version) return print(VERSION_TEXT);
  if (flags.internals) return print(`Print out of kamscript internals\n  Node.js: ${process.version}\n${VERSION_TEXT}`);
  const err = new LineWriter(2);
  try {
    return await checkOrRun(flags, err, argv, started);
  } finally {
    err.flush();
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function checkOrRun(
  flags: KamailioFlags,
  err: LineWriter,
  argv: readonly string[],
  started: () => void,
): Promise<number | undefined> {
  const loaded = load(flags, err);
  if (loaded === undefined) return FAILURE;
  const failing = loaded.problems.filter((p) => p.severity === 'error' && (p.phase === 'parse' || !flags.check));
  for (const p of loaded.problems) err.write(logText(p, loaded.script.sources, !failing.includes(p)));
  if (failing.length > 0) {
    err.write(` 0(${process.pid}) ERROR: bad config file (${failing.length} errors)\n`);
    return FAILURE;
  }
  if (flags.check) {
    err.write('config file ok, exiting...\n');
    return 0;
  }
  if (loaded.program === undefined) return FAILURE;
  if (flags.foreground === 0 && isOn(loaded.program.core.values.get('fork'), 1)) return daemonize(argv);
  return serve(loaded.program, loaded.vars, flags, err, { onReady: started });
}

function load(flags: KamailioFlags, err: LineWriter) {
  try {
    return loadWithFlags(flags);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    const why = code === 'ENOENT' ? 'No such file or directory' : code === 'EACCES' ? 'Permission denied' : code;
    err.write(`ERROR: loading config file(${flags.file}): ${why}, check file and directory permissions\n`);
    return undefined;
  }
}

/** One problem as log lines: Kamailio's line, then the picture of the place. */
function logText(p: Problem, sources: LoadResult['script']['sources'], passes: boolean): string {
  const warning = p.severity !== 'error' || passes;
  const level = warning ? 'WARNING' : 'CRITICAL';
  const text = warning && p.severity === 'error' ? kamailioText({ ...p, severity: 'warning' }) : kamailioText(p);
  const [, ...picture] = renderProblem(p, sources).split('\n');
  const shown = picture.map((l) => `   ${l}\n`).join('');
  return ` 0(${process.pid}) ${level}: <core> ${text}\n${shown}`;
}

function isOn(v: number | string | undefined, otherwise: number): boolean {
  return (typeof v === 'number' ? v : otherwise) !== 0;
}

/** Without -D the command starts the server in the background, as Kamailio does, and returns. */
function daemonize(argv: readonly string[]): number {
  const options: SpawnOptions = { detached: true, stdio: 'ignore' };
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...argv, '-DD'], options);
  child.unref();
  return 0;
}
