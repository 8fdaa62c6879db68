/** A compiled Perl-compatible regular expression. */
import { backtracker } from './backtrack.js';
import type { PcreFlags } from './node.js';
import { type PcreProblem, parsePcre } from './parse.js';
import { automaton } from './regular.js';

export type { PcreFlags } from './node.js';

export interface Pcre {
  /** Is there a match somewhere in the text? */
  test(text: string): boolean;
}

export function compilePcre(source: string, flags: PcreFlags): { readonly ok: Pcre } | PcreProblem {
  const parsed = parsePcre(source, flags);
  if ('error' in parsed) return parsed;
  return { ok: { test: automaton(parsed.ok.root) ?? backtracker(parsed.ok) } };
}
