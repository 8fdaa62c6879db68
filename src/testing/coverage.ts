/** What the tests of a process ran, for `kamscript test --coverage`: it puts a collector where the kit finds it. */
import type { Span } from '../parser/problem.js';
import type { Script } from '../parser/tree.js';

export interface CoverageCollector {
  loaded(script: Script): void;
  ran(span: Span, isBlock: boolean): void;
}

const SLOT = Symbol.for('kamscript.coverage');

/** Undefined: nobody asked for it. */
export function coverage(): CoverageCollector | undefined {
  return (globalThis as { [SLOT]?: CoverageCollector })[SLOT];
}

/** All loads of this process tell `collector` from now on. */
export function collectCoverage(collector: CoverageCollector): void {
  (globalThis as { [SLOT]?: CoverageCollector })[SLOT] = collector;
}
