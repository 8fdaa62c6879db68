/** Is the server fit to serve, and what it counts: for probes, Prometheus and `kamscript.ready`. */
import type { Host } from './host.js';
import type { Measure } from './module.js';

/** What is not ready yet, by module; empty: all is. */
export function unready(host: Host): Record<string, string> {
  const out: Record<string, string> = {};
  for (const module of host.program.modules) {
    if (!host.hasState({ module: module.name })) continue;
    const why = module.unready?.(host, host.state({ module: module.name }));
    if (why !== undefined) out[module.name] = why;
  }
  return out;
}

const PREFIX = 'kamailio_';

/** In the text format of Prometheus: the statistics by the names that xhttp_prom gives them, then what modules measure. */
export function metricsText(host: Host): string {
  const statistics = [...host.statistics]
    .filter(([key]) => key.includes('.'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({
      name: key.replace('.', '_'),
      value: typeof value === 'function' ? value() : value,
    }));
  return [...statistics, ...process(host), ...modules(host)].map(lines()).join('');
}

function* modules(host: Host): Generator<Measure> {
  for (const module of host.program.modules) {
    if (module.measures === undefined || !host.hasState({ module: module.name })) continue;
    yield* module.measures(host, host.state({ module: module.name }));
  }
}

function process(host: Host): Measure[] {
  return [
    { name: 'ready', value: Object.keys(unready(host)).length === 0 ? 1 : 0, help: '1: every module is ready.' },
    { name: 'uptime_seconds', value: Math.floor((host.clock.now() - host.startTime) / 1000) },
  ];
}

/** Each measure as its line; the text of its help before the first of its name. */
function lines(): (measure: Measure) => string {
  const seen = new Set<string>();
  return ({ name, value, labels, help }) => {
    const full = `${PREFIX}${name}`.replace(/[^A-Za-z0-9_:]/g, '_');
    const head = help !== undefined && !seen.has(full) ? `# HELP ${full} ${help}\n` : '';
    seen.add(full);
    const inner = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${head}${full}${inner.length === 0 ? '' : `{${inner.join(',')}}`} ${value}\n`;
  };
}

const escaped = (text: string): string => text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
