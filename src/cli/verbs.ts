/** The verbs, one file each; loaded when asked for, so that none slows the start of another. */
import { Command, CommanderError } from 'commander';
import { VERSION } from './help.js';

export const VERBS: ReadonlySet<string> = new Set(['run', 'check', 'send', 'explain', 'help']);

/** Gives the exit status. */
export async function runVerb(argv: readonly string[]): Promise<number> {
  let status = 0;
  const set = (s: number) => {
    status = s;
  };
  const program = new Command('kamscript').version(VERSION).exitOverride();
  for (const add of [
    (await import('./verbs/run.js')).addRun,
    (await import('./verbs/check.js')).addCheck,
    (await import('./verbs/send.js')).addSend,
    (await import('./verbs/explain.js')).addExplain,
  ]) {
    add(program, set);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode;
    throw e;
  }
  return status;
}
