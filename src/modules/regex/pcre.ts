/** A compiled Perl-compatible regular expression. */
import { backtracker } from './backtrack.js';
import type { PcreFlags } from './node.js';
import { type PcreProblem, parsePcre } from './parse.js';
import { automaton } from './regular.js';

export type { PcreFlags } from './node.js';

export interface Pcre {
  readonly groupCount: number;
  /** Is there a match somewhere in the text? */
  test(text: string): boolean;
  /** The first match as Perl finds it: start and end by group, -1 where a group took no part. */
  exec(text: string): readonly number[] | undefined;
}

export function compilePcre(source: string, flags: PcreFlags): { readonly ok: Pcre } | PcreProblem {
  const parsed = parsePcre(source, flags);
  if ('error' in parsed) return parsed;
  const machine = backtracker(parsed.ok);
  const quick = automaton(parsed.ok.root);
  const test = quick ?? ((text: string) => machine(text) !== undefined);
  return {
    ok: {
      groupCount: parsed.ok.groupCount,
      test,
      exec: (text) => (quick === undefined || quick(text) ? machine(text) : undefined),
    },
  };
}
