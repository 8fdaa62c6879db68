/** The share of a processor that a thread of a pool gets beside the thread that serves SIP. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Niceness of a thread that must not delay SIP; see sched(7). Raising it needs no privilege. */
const BACKGROUND = 10;

/**
 * Lets the calling thread step back when the script's thread wants a processor too. Linux has a niceness for each thread;
 * elsewhere, where it belongs to the process, nothing is changed.
 * @returns whether it was done
 */
export function stepBack(): boolean {
  try {
    const id = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1];
    if (id === undefined) return false;
    setPriority(Number(id), BACKGROUND);
    return true;
  } catch {
    // no /proc, or a sandbox that refuses: the thread runs as it did
    return false;
  }
}
