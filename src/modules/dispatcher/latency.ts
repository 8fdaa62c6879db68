/** How long the probes of a destination take. */

/** Samples after which the mean becomes a moving one. */
const FULL = 2 ** 21;
/** Samples from which the estimate is the moving one. */
const WARM = 10;
const TRAINED = 10000;
const STABLE_DEVIATION = 0.5;

const single = Math.fround;

export class Latency {
  /** Milliseconds, as are all but the counts. */
  average = 0;
  deviation = 0;
  estimate = 0;
  min = 0;
  max = 0;
  /** Probes without an answer. */
  timeouts = 0;
  /** When the last probe left, milliseconds since the epoch. */
  start = 0;
  #count = 0;
  /** Sum of squared differences from the mean. */
  #squares = 0;

  /** As if `count` probes had taken that long. */
  begin(ms: number, count: number): void {
    this.average = ms;
    this.estimate = ms;
    this.min = ms;
    this.max = ms;
    this.deviation = 0;
    this.#squares = 0;
    this.#count = count;
  }

  /** One more probe; `alpha` is the weight of the older ones. */
  add(ms: number, alpha: number): void {
    if (this.#count < FULL) this.#count++;
    else this.#squares = single(this.#squares - this.#squares / this.#count);
    if (this.#count === 1) this.begin(ms, 1);
    if (this.#count > WARM && this.#count < TRAINED && this.deviation < STABLE_DEVIATION) this.#count = TRAINED;
    this.min = Math.min(this.min, ms);
    this.max = Math.max(this.max, ms);
    if (this.#count > 1) this.#spread(ms);
    this.estimate =
      this.#count < WARM ? this.average : single(single(this.estimate * alpha) + single(ms * single(1 - alpha)));
  }

  /** Mean and deviation by Welford's method. */
  #spread(ms: number): void {
    const before = single(ms - this.average);
    this.average = single(this.average + single(before / this.#count));
    const after = single(ms - this.average);
    this.#squares = single(this.#squares + before * after);
    this.deviation = single(Math.sqrt(this.#squares / (this.#count - 1)));
  }

  /** Milliseconds above the usual. */
  get congestion(): number {
    return Math.trunc(this.estimate - this.average);
  }
}
