/**
 * Datagrams that may wait for the others (bus messages, where module dmq is loaded): they are set aside when they are read,
 * and handled in order, a slice of time at a time. Whatever else has arrived meanwhile is handled between two slices, so a
 * flood of them delays nothing for longer than one slice.
 */
import type { Hooks } from '../runtime/host.js';
import type { OnDatagram, Received } from '../sip/transport.js';

/** ms of one slice. */
const SLICE = 1;
/** Datagrams that wait; what comes beyond is dropped, and is sent again by who waits for an answer. */
const MOST = 8192;

interface Waiting {
  readonly text: string;
  readonly from: Received;
}

/** `next` for datagrams; those that `hooks.mayWait` names come to it later; `together` runs a slice of them. */
export function patiently(hooks: Hooks, next: OnDatagram, together: (work: () => void) => void): OnDatagram {
  let waiting: Waiting[] = [];
  let at = 0;
  const slice = (): void => {
    const end = performance.now() + SLICE;
    while (at < waiting.length) {
      const { text, from } = waiting[at++]!;
      if (hooks.mayWait?.take(text, from) !== true) next(text, from);
      if (performance.now() > end) break;
    }
  };
  const run = (): void => {
    together(slice);
    if (at < waiting.length) {
      setImmediate(run);
      return;
    }
    waiting = [];
    at = 0;
  };
  return (data, from) => {
    const { mayWait } = hooks;
    if (mayWait === undefined || !mayWait.is(data)) return next(data, from);
    const n = waiting.length;
    if (n - at >= MOST) return mayWait.dropped();
    waiting.push({ text: typeof data === 'string' ? data : data.toString('latin1'), from });
    if (n === 0) setImmediate(run);
  };
}
