import { describe, expect, test } from 'vitest';
import { TimerWheel, type TimeSource } from '../../src/sip/timers.js';

/** Time that only `advance` moves, one underlying wake-up at a time. */
class VirtualTime implements TimeSource {
  t = 0;
  wakes = 0;
  #pending: { at: number; fn: () => void } | null = null;

  now(): number {
    return this.t;
  }

  wake(ms: number, fn: () => void): () => void {
    this.wakes++;
    const mine = { at: this.t + ms, fn };
    this.#pending = mine;
    return () => {
      if (this.#pending === mine) this.#pending = null;
    };
  }

  get idle(): boolean {
    return this.#pending === null;
  }

  advance(ms: number): void {
    const end = this.t + ms;
    while (this.#pending !== null && this.#pending.at <= end) {
      const { at, fn } = this.#pending;
      this.#pending = null;
      this.t = Math.max(this.t, at);
      fn();
    }
    this.t = end;
  }
}

function wheel() {
  const time = new VirtualTime();
  const errors: unknown[] = [];
  return { time, errors, wheel: new TimerWheel(time, (e) => errors.push(e)) };
}

describe('the timer wheel', () => {
  test('runs timers in the order in which they are due, never early and at most one tick late', () => {
    const { time, wheel: w } = wheel();
    const ran: [due: number, at: number][] = [];
    const delays = Array.from({ length: 500 }, (_, i) => (i * 7919) % 60_000);
    for (const ms of delays) w.after(ms, () => ran.push([ms, time.t]));
    time.advance(60_010);
    expect(ran.length).toBe(500);
    expect(ran.map(([due]) => due)).toEqual([...delays].sort((a, b) => a - b));
    for (const [due, at] of ran) {
      expect(at).toBeGreaterThanOrEqual(due);
      expect(at - due).toBeLessThanOrEqual(10);
    }
    expect(w.size).toBe(0);
    expect(time.idle).toBe(true);
  });

  test('a cancelled timer does not run, cancelling twice does nothing', () => {
    const { time, wheel: w } = wheel();
    let ran = 0;
    const timers = [1, 1, 50, 3000].map((ms) => w.after(ms, () => ran++));
    timers[0]?.cancel();
    timers[0]?.cancel();
    timers[3]?.cancel();
    expect(w.size).toBe(2);
    time.advance(10_000);
    expect(ran).toBe(2);
    timers[1]?.cancel();
    expect(w.size).toBe(0);
  });

  test('a timer may cancel another one that is due in the same tick', () => {
    const { time, wheel: w } = wheel();
    const ran: string[] = [];
    const timers = { b: w.after(10, () => ran.push('b')) };
    w.after(9.5, () => {
      ran.push('a');
      timers.b.cancel();
    });
    time.advance(100);
    expect(ran).toEqual(['a']);
    expect(w.size).toBe(0);
  });

  test('a periodic timer keeps its beat and may end itself', () => {
    const { time, wheel: w } = wheel();
    const at: number[] = [];
    const timer = w.every(100, () => {
      at.push(time.t);
      if (at.length === 5) timer.cancel();
    });
    time.advance(2000);
    expect(at).toEqual([100, 200, 300, 400, 500]);
    expect(w.size).toBe(0);
  });

  test('a timer set by a timer runs', () => {
    const { time, wheel: w } = wheel();
    const at: number[] = [];
    const again = () => {
      at.push(time.t);
      if (at.length < 4) w.after(500 * 2 ** at.length, again);
    };
    w.after(500, again);
    time.advance(60_000);
    expect(at).toEqual([500, 1500, 3500, 7500]);
  });

  test('what throws is told, and the others run', () => {
    const { time, wheel: w, errors } = wheel();
    let ran = 0;
    w.after(5, () => {
      throw new Error('mine');
    });
    w.after(6, () => ran++);
    time.advance(50);
    expect(errors).toEqual([new Error('mine')]);
    expect(ran).toBe(1);
  });

  test('timers far beyond one turn of the wheel run in time', () => {
    const { time, wheel: w } = wheel();
    const at: number[] = [];
    w.after(3_600_000, () => at.push(time.t));
    w.after(20_480, () => at.push(time.t));
    time.advance(4_000_000);
    expect(at).toEqual([20_480, 3_600_000]);
  });

  test('after a long sleep everything that is due runs at once', () => {
    const { time, wheel: w } = wheel();
    const ran: number[] = [];
    for (const ms of [10, 25_000, 90_000]) w.after(ms, () => ran.push(ms));
    time.t = 100_000;
    time.advance(0);
    time.advance(1);
    expect(ran).toEqual([10, 25_000, 90_000]);
  });

  test('delays that are none count as zero', () => {
    const { time, wheel: w } = wheel();
    let ran = 0;
    for (const ms of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) w.after(ms, () => ran++);
    time.advance(20);
    expect(ran).toBe(4);
  });

  test('with many timers that are cancelled it seldom wakes', () => {
    const { time, wheel: w } = wheel();
    const keep = w.after(500, () => {});
    for (let i = 0; i < 10_000; i++) w.after(1000 + i, () => {}).cancel();
    expect(time.wakes).toBe(1);
    keep.cancel();
    expect(time.idle).toBe(true);
  });

  test('stop ends all', () => {
    const { time, wheel: w } = wheel();
    let ran = 0;
    const timer = w.every(5, () => ran++);
    w.stop();
    timer.cancel();
    time.advance(100);
    expect(ran).toBe(0);
    expect(w.size).toBe(0);
  });
});
