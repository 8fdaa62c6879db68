/** The real time, with timers on one wheel. */
import type { Clock, TimerHandle } from '../runtime/host.js';
import type { Turns } from '../runtime/turns.js';
import { REAL_TIME, TimerWheel } from '../sip/timers.js';

/** `onError` gets what a timer's function throws; the others run on. `turns` spreads timers of one tick whose runs may wait. */
export function systemClock(onError?: (error: unknown) => void, turns?: Turns): Clock {
  const wheel = new TimerWheel(REAL_TIME, onError, turns);
  const startMicros = Date.now() * 1000;
  const startClock = performance.now();
  return {
    now: () => Date.now(),
    micros: () => startMicros + Math.round((performance.now() - startClock) * 1000),
    after: (ms: number, fn: () => void): TimerHandle => wheel.after(ms, fn),
    every: (ms: number, fn: () => void): TimerHandle => wheel.every(ms, fn),
  };
}
