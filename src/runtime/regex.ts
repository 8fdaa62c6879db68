/** Regular expressions as POSIX extended (regcomp of glibc) means them, compiled once. */
import type { BindResult } from './module.js';

export interface RegexFlags {
  /** REG_ICASE. */
  readonly ignoreCase?: boolean;
  /** REG_NEWLINE: `.` and `[^x]` do not match a newline, `^` and `$` match at lines. */
  readonly newline?: boolean;
}

/** Offsets of one match: [start, end] of the whole and of each group, -1 where a group took no part. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (readonly [number, number])[];
}

export interface Regex {
  readonly source: string;
  readonly groupCount: number;
  test(text: string): boolean;
  /** Leftmost match at or after `from`. `notBol`: `from` is not the beginning of a line (REG_NOTBOL). */
  exec(text: string, from?: number, notBol?: boolean): RegexMatch | undefined;
}

export function compileRegex(source: string, flags: RegexFlags): BindResult<Regex> {
  return { error: `not built yet: ${source}${flags.newline ? '' : ''}` };
}
