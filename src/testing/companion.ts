/** Another server that plays the same test, step by step: `kamscript test --against` puts one where the kit finds it. */

import type { Run } from './run.js';
import type { LoadOptions } from './script.js';

/** A datagram that a step brings. */
export interface Input {
  readonly data: Buffer;
  /** `ip:port` of the sender. */
  readonly from: string;
  /** Listening socket: `udp:127.0.0.1:5060`. */
  readonly socket: string;
}

export interface Companion {
  /** What the step brought, and what came of it here. */
  played(inputs: readonly Input[], run: Run): Promise<void>;
  /** Time passes. */
  advanced(ms: number, run: Run): Promise<void>;
  /** From here on it cannot follow. */
  leftOut(why: string): void;
  close(): Promise<void>;
}

/** Starts the other server on a script that has started here. */
export type StartCompanion = (file: string, options: LoadOptions, started: Run) => Promise<Companion>;

const SLOT = Symbol.for('kamscript.companion');

/** Undefined: nobody asked for one. */
export function companionStarter(): StartCompanion | undefined {
  return (globalThis as { [SLOT]?: StartCompanion })[SLOT];
}

/** All loads of this process start one from now on. */
export function playBeside(start: StartCompanion): void {
  (globalThis as { [SLOT]?: StartCompanion })[SLOT] = start;
}
