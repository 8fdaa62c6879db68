/** The verbs, one file each; loaded when asked for, so that none slows the start of another. */
import type { Command } from 'commander';
import { VERSION } from './help.js';

type Add = (program: Command, setStatus: (status: number) => void, started: () => void) => void;

const TABLE: Readonly<Record<string, () => Promise<Add>>> = {
  run: async () => (await import('./verbs/run.js')).addRun,
  check: async () => (await import('./verbs/check.js')).addCheck,
  fmt: async () => (await import('./verbs/fmt.js')).addFmt,
  test: async () => (await import('./verbs/test.js')).addTest,
  graph: async () => (await import('./verbs/graph.js')).addGraph,
  eval: async () => (await import('./verbs/eval.js')).addEval,
  send: async () => (await import('./verbs/send.js')).addSend,
  reload: async () => (await import('./verbs/reload.js')).addReload,
  trace: async () => (await import('./verbs/trace.js')).addTrace,
  record: async () => (await import('./verbs/record.js')).addRecord,
  explain: async () => (await import('./verbs/explain.js')).addExplain,
};

export const VERBS: ReadonlySet<string> = new Set([...Object.keys(TABLE), 'help']);

/** Gives the exit status. */
export async function runVerb(argv: readonly string[], started: () => void): Promise<number> {
  const { Command, CommanderError } = await import('commander');
  let status = 0;
  const set = (s: number) => {
    status = s;
  };
  const program = new Command('kamscript').version(VERSION).exitOverride();
  const only = TABLE[argv[0] ?? ''];
  for (const add of only ? [only] : Object.values(TABLE)) (await add())(program, set, started);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode;
    throw e;
  }
  return status;
}
