/** Unique ids as Kamailio makes them: `srid-6b055f83-5cc8-1`, `uloc-1-6b055f83-5cc8-1` with a server id. */
import { joined } from '../sip/text.js';

export interface SruidSource {
  /** `srid`, `uloc` …: four characters at most. */
  readonly prefix?: string;
  readonly separator?: string;
  /** server_id of the core, 0 when unset. */
  readonly serverId?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly pid: number;
  /** 0 <= x < 1. Without it the last numbers are 1, 2, 3 … */
  readonly random?: () => number;
}

/** Where the last number may begin; in hexadecimal 12 digits. */
const STARTS = 2 ** 48;
const LOW_DIGITS = 6;
const LOW = 16 ** LOW_DIGITS;

/**
 * A maker of ids that differ in their last number. It begins anywhere: servers in containers have equal process ids, and
 * may start in the same second.
 */
export function sruid(source: SruidSource): () => string {
  const sep = source.separator ?? '-';
  const hex = (n: number) => Math.trunc(n).toString(16);
  const parts = [(source.prefix ?? 'srid').slice(0, 4)];
  if (source.serverId) parts.push(hex(source.serverId));
  parts.push(hex(source.now / 1000), hex(source.pid), '');
  const root = parts.join(sep);
  const first = source.random === undefined ? 0 : Math.floor(source.random() * STARTS);
  // the high digits seldom change: only the low ones are written anew, which a small number makes cheap
  let high = Math.floor(first / LOW);
  let low = first % LOW;
  let beginning = high === 0 ? root : root + hex(high);
  return () => {
    if (++low === LOW) {
      low = 0;
      beginning = root + hex(++high);
    }
    const digits = low.toString(16);
    return joined(beginning + (high === 0 ? digits : digits.padStart(LOW_DIGITS, '0')));
  };
}
