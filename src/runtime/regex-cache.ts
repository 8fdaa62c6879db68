/** Regular expressions that a script makes at run time, compiled once while they are in use. */
import { compileRegex, type Regex, type RegexFlags } from './regex.js';

const LIMIT = 256;
/** Patterns longer than this are not kept. */
const LONGEST = 1024;

const known = new Map<string, Regex | null>();

/** The compiled pattern; undefined when it is bad. */
export function cachedRegex(source: string, flags: RegexFlags): Regex | undefined {
  if (source.length > LONGEST) return compiled(source, flags) ?? undefined;
  const key = `${flags.ignoreCase ? 'i' : ''}${flags.newline ? 'n' : ''}:${source}`;
  let found = known.get(key);
  if (found === undefined) {
    found = compiled(source, flags);
    if (known.size >= LIMIT) known.delete(known.keys().next().value!);
    known.set(key, found);
  }
  return found ?? undefined;
}

function compiled(source: string, flags: RegexFlags): Regex | null {
  const result = compileRegex(source, flags);
  return 'error' in result ? null : result.ok;
}
