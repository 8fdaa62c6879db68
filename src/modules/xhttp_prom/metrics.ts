/** Metrics that the script defines: counters, gauges and histograms with up to three labels. */

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricSpec {
  readonly kind: MetricKind;
  readonly name: string;
  /** Names of the labels. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, rising. */
  readonly buckets: readonly number[];
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FIELDS: Readonly<Record<MetricKind, readonly string[]>> = {
  counter: ['name', 'label'],
  gauge: ['name', 'label'],
  histogram: ['name', 'label', 'buckets'],
};
const MAX_LABELS = 3;

/** `name=requests; label=method:ip; buckets=1:2.5:10` of a modparam; a text says why it is none. */
export function parseSpec(kind: MetricKind, text: string): MetricSpec | string {
  const fields = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    const field = part.slice(0, at < 0 ? undefined : at).trim();
    if (!FIELDS[kind].includes(field)) return `unknown field "${field}"; it takes ${FIELDS[kind].join(', ')}`;
    fields.set(field, at < 0 ? '' : part.slice(at + 1).trim());
  }
  const name = fields.get('name');
  if (!name) return `no ${kind} name: write name=…`;
  const labels =
    fields
      .get('label')
      ?.split(':')
      .filter((l) => l !== '') ?? [];
  if (labels.length > MAX_LABELS) return `at most ${MAX_LABELS} labels`;
  const buckets = fields.get('buckets')?.split(':').map(Number.parseFloat) ?? DEFAULT_BUCKETS;
  if (buckets.some(Number.isNaN)) return 'buckets are numbers with colons between';
  if (buckets.some((b, i) => i > 0 && b < (buckets[i - 1] ?? b))) return 'buckets must increase';
  return { kind, name, labels, buckets };
}

/** Values for one choice of label values. */
interface Series {
  readonly values: readonly string[];
  /** Milliseconds since the epoch of the last change. */
  changed: number;
  /** Of a counter or gauge; sum of a histogram. */
  value: number;
  count: number;
  readonly buckets: number[];
}

class Metric {
  readonly spec: MetricSpec;
  readonly series = new Map<string, Series>();

  constructor(spec: MetricSpec) {
    this.spec = spec;
  }

  /** The series of those label values; undefined when the number of labels is another. */
  at(values: readonly string[]): Series | undefined {
    if (values.length !== this.spec.labels.length) return undefined;
    const key = values.join('\0');
    let found = this.series.get(key);
    if (found === undefined) {
      found = { values, changed: 0, value: 0, count: 0, buckets: this.spec.buckets.map(() => 0) };
      this.series.set(key, found);
    }
    return found;
  }

  drop(before: number): void {
    for (const [key, s] of this.series) if (s.changed < before) this.series.delete(key);
  }
}

/** What a change does to one series. */
export type Change = (series: { value: number; count: number; buckets: number[] }, bounds: readonly number[]) => void;

export class Metrics {
  readonly #metrics = new Map<string, Metric>();
  readonly #now: () => number;
  /** Milliseconds without a change after which a series is dropped; 0 never. */
  readonly #timeout: number;

  constructor(specs: readonly MetricSpec[], now: () => number, timeout: number) {
    this.#now = now;
    this.#timeout = timeout;
    this.define(specs);
  }

  /** Adds what is new, drops what is gone; what is the same keeps its values. */
  define(specs: readonly MetricSpec[]): void {
    const old = new Map(this.#metrics);
    this.#metrics.clear();
    for (const spec of specs) {
      const kept = old.get(spec.name);
      const same = kept !== undefined && JSON.stringify(kept.spec) === JSON.stringify(spec);
      this.#metrics.set(spec.name, same ? kept : new Metric(spec));
    }
  }

  /** Changes one series; gives why not, or undefined. */
  change(kind: MetricKind, name: string, labels: readonly string[], change: Change): string | undefined {
    const now = this.#now();
    if (this.#timeout > 0) for (const m of this.#metrics.values()) m.drop(now - this.#timeout);
    const metric = this.#metrics.get(name);
    if (metric === undefined) return `No metric found for name: ${name}`;
    if (metric.spec.kind !== kind) return `Metric type does not match for metric: ${name}`;
    const series = metric.at(labels);
    if (series === undefined) return `Number of labels does not match for metric: ${name}`;
    series.changed = now;
    change(series, metric.spec.buckets);
    return undefined;
  }

  /** In the text format of Prometheus, as 5.6.3 prints it. */
  print(prefix: string): string {
    if (this.#metrics.size === 0) return '# NO User defined metrics\n';
    let out = '# User defined metrics\n';
    const now = this.#now();
    for (const { spec, series } of this.#metrics.values()) {
      for (const s of series.values()) out += printSeries(`${prefix}${spec.name}`, spec, s, now);
    }
    return out;
  }
}

export const reset: Change = (s) => {
  s.value = 0;
};
export const add =
  (n: number): Change =>
  (s) => {
    s.value += n;
  };
export const assign =
  (n: number): Change =>
  (s) => {
    s.value = n;
  };
export const observe =
  (n: number): Change =>
  (s, bounds) => {
    bounds.forEach((bound, i) => {
      if (n <= bound) s.buckets[i] = (s.buckets[i] ?? 0) + 1;
    });
    s.count++;
    s.value += n;
  };

const DIGITS = 6;

function printSeries(name: string, spec: MetricSpec, s: Series, now: number): string {
  const pairs = spec.labels.map((label, i) => [label, s.values[i] ?? ''] as const);
  const labels = printLabels(pairs);
  if (spec.kind === 'counter') return `${name}${labels} ${s.value} ${now}\n`;
  if (spec.kind === 'gauge') return `${name}${labels} ${s.value.toFixed(DIGITS)} ${now}\n`;
  const bucket = (bound: string, count: number) =>
    `${name}_bucket${printLabels([...pairs, ['le', bound]])} ${count} ${now}\n`;
  const buckets = spec.buckets.map((bound, i) => bucket(bound.toFixed(DIGITS), s.buckets[i] ?? 0)).join('');
  const sum = `${name}_sum${labels} ${s.value.toFixed(DIGITS)} ${now}\n`;
  return `${buckets}${bucket('+Inf', s.count)}${sum}${name}_count${labels} ${s.count} ${now}\n`;
}

/** Label values come from messages: what would break the format is escaped (5.6.3 prints it as it is). */
function printLabels(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return '';
  const text = ([name, value]: readonly [string, string]) => `${name}="${escaped(value)}"`;
  return `{${pairs.map(text).join(', ')}}`;
}

const escaped = (value: string) => value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
