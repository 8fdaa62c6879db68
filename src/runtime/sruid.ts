/** Unique ids as Kamailio makes them: `srid-6b055f83-5cc8-1`, `uloc-1-6b055f83-5cc8-1` with a server id. */

export interface SruidSource {
  /** `srid`, `uloc` …: four characters at most. */
  readonly prefix?: string;
  readonly separator?: string;
  /** server_id of the core, 0 when unset. */
  readonly serverId?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly pid: number;
}

/** A maker of ids that differ in their last number. */
export function sruid(source: SruidSource): () => string {
  const sep = source.separator ?? '-';
  const hex = (n: number) => Math.trunc(n).toString(16);
  const parts = [(source.prefix ?? 'srid').slice(0, 4)];
  if (source.serverId) parts.push(hex(source.serverId));
  parts.push(hex(source.now / 1000), hex(source.pid), '');
  const root = parts.join(sep);
  let counter = 0;
  return () => root + hex(++counter);
}
