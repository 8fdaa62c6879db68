/** The file with groups of expressions: `[0]`, then one a line; `#` and blank lines are comments. */
import { compilePcre, type Pcre, type PcreFlags } from './pcre.js';

export interface GroupLimits {
  readonly max_groups: number;
  readonly group_max_size: number;
}

/** Groups in order, or what is wrong with the text. */
export function parseGroups(
  text: string,
  limits: GroupLimits,
  flags: PcreFlags,
): { readonly ok: readonly Pcre[] } | { readonly error: string } {
  const groups: string[][] = [];
  for (const line of text.split('\n')) {
    if (line === '' || /^[\s#]/.test(line)) continue;
    if (line[0] === '[') groups.push([]);
    else if (groups.length === 0)
      return { error: 'first group must be initialized with [0] before any regular expression' };
    else groups.at(-1)!.push(line);
  }
  if (groups.length === 0) return { error: 'no expressions in the file' };
  if (groups.length > limits.max_groups) return { error: `more than ${limits.max_groups} groups` };
  const out: Pcre[] = [];
  for (const [i, lines] of groups.entries()) {
    // A group without expressions matches the empty text alone.
    const source = lines.length === 0 ? '^$' : `(${lines.map((l) => `(${l})`).join('|')})`;
    if (source.length >= limits.group_max_size) return { error: `group ${i} is larger than ${limits.group_max_size}` };
    const pcre = compilePcre(source, flags);
    if ('error' in pcre) return { error: `group ${i}: ${pcre.error}` };
    out.push(pcre.ok);
  }
  return { ok: out };
}
