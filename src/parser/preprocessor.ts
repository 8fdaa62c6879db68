/** What the preprocessor knows: defines, substitution rules, open ifdefs (language.md, section 3). */
import type { Span } from './problem.js';
import type { SubstRule } from './subst.js';

export const LIMITS = { defines: 512, ifdefs: 512, includes: 10, includeName: 127 } as const;

/** Characters that one rule may produce at most, and that may come of all. */
const MOST_BY_ONE = 4_000_000;
const MOST_BY_ALL = 100_000;

/** Defined from the start, without a value. */
export const PREDEFINED = ['KAMAILIO_5', 'KAMAILIO_5_6', 'KAMAILIO_5_6_3'] as const;

/** Every directive, for "did you mean". */
export const DIRECTIVES: readonly string[] = [
  'define def trydefine trydef redefine redef ifdef ifndef else endif subst substdef substdefs',
  'defenv defenvs trydefenv trydefenvs include_file import_file',
].flatMap((line) => line.split(' '));

/** `define` fails when the name is taken, `try` does nothing then, `re` replaces. */
export type DefineMode = 'define' | 'try' | 're';

interface OpenIfdef {
  active: boolean;
  readonly span: Span;
}

export class Preprocessor {
  readonly defines = new Map<string, string>();
  readonly #rules: SubstRule[] = [];
  readonly #ifdefs: OpenIfdef[] = [];
  /** ifdefs minus endifs over the whole parse; an endif too many makes it negative for good. */
  balance = 0;

  constructor() {
    for (const name of PREDEFINED) this.defines.set(name, '');
  }

  /** What came of it: defined, left as it was, refused because the name is taken, refused for lack of room. */
  define(name: string, value: string, mode: DefineMode): 'done' | 'kept' | 'taken' | 'full' {
    if (this.defines.has(name)) {
      if (mode === 'define') return 'taken';
      if (mode === 'try') return 'kept';
    } else if (this.defines.size >= LIMITS.defines) return 'full';
    this.defines.set(name, value);
    return 'done';
  }

  addRule(rule: SubstRule): void {
    this.#rules.push(rule);
  }

  /** All rules in order, each on the result of the one before. */
  substitute(text: string): string {
    if (this.#rules.length === 0 || text === '') return text;
    let result = text;
    for (const rule of this.#rules) {
      // Rules that feed each other can make a text grow without end; no script means that.
      if (result.length > MOST_BY_ALL || result.length * (rule.value.length + 1) > MOST_BY_ONE) break;
      result = rule.apply(result);
    }
    return result;
  }

  get skipping(): boolean {
    return this.#ifdefs.some(({ active }) => !active);
  }

  /** The innermost open ifdef. */
  get openIfdef(): Span | undefined {
    return this.#ifdefs.at(-1)?.span;
  }

  /** False when there are too many already. */
  ifdef(active: boolean, span: Span): boolean {
    if (this.#ifdefs.length >= LIMITS.ifdefs) return false;
    this.#ifdefs.push({ active, span });
    this.balance += 1;
    return true;
  }

  /** False when there is no ifdef to which it belongs. */
  else(): boolean {
    const last = this.#ifdefs.at(-1);
    if (!last) return false;
    last.active = !last.active;
    return true;
  }

  /** False when there is no ifdef to which it belongs. */
  endif(): boolean {
    this.balance -= 1;
    return this.#ifdefs.pop() !== undefined;
  }
}
