/** The server's statistics as Prometheus metrics. */
import type { Host } from '../../runtime/module.js';

/** `all`, `group:`, or a name alone; '' gives nothing. Undefined: there is no such statistic. */
export function printStatistics(host: Host, wanted: string, prefix: string): string | undefined {
  if (wanted === '') return '';
  const keys = [...host.statistics.keys()].filter((k) => k.includes('.')).sort();
  const now = host.clock.now();
  const lines = (chosen: readonly string[]) => chosen.map((key) => line(host, key, prefix, now)).join('');
  if (wanted === 'all') return `\n# Kamailio whole internal statistics\n${lines(keys)}`;
  if (wanted.endsWith(':')) {
    const chosen = keys.filter((key) => key.startsWith(`${wanted.slice(0, -1)}.`));
    return wanted === ':' ? undefined : `\n# Kamailio statistics for group: ${wanted}\n${lines(chosen)}`;
  }
  const found = keys.find((key) => key.slice(key.indexOf('.') + 1) === wanted);
  return found === undefined ? undefined : `\n# Kamailio statistics for: ${wanted}\n${lines([found])}`;
}

function line(host: Host, key: string, prefix: string, now: number): string {
  const value = host.statistics.get(key);
  const name = `${prefix}${key.replace('.', '_')}`.replace(/[^A-Za-z0-9_:]/g, '_');
  return `${name} ${typeof value === 'function' ? value() : (value ?? 0)} ${now}\n`;
}
