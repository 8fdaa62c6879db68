/** One run of ds_select…(), and the records of destinations that it leaves in the XAVPs. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { XavpList } from '../../runtime/xavp.js';
import type { Destination } from './destination.js';
import { type DispatcherParams, DST_XAVP } from './params.js';
import type { DestinationSet } from './set.js';

/** What a selection sets: `$du`, host and port of the request URI, or the XAVPs alone. */
export type Mode = 'next-hop' | 'uri' | 'xavp';

export const ALGORITHM = {
  CALL_ID: 0,
  ROUND_ROBIN: 4,
  AUTH_USER: 5,
  RANDOM: 6,
  SERIAL: 8,
  WEIGHT: 9,
  CALL_LOAD: 10,
  RELATIVE_WEIGHT: 11,
  PARALLEL: 12,
  LATENCY: 13,
} as const;

/** One run of ds_select…() over a set or, with ds_select_routes(), several. */
export interface Selection {
  readonly ctx: Context;
  readonly p: DispatcherParams;
  /** Most destinations that are kept. */
  readonly limit: number;
  mode: Mode;
  set: number;
  algorithm: number;
  /** Something was set of the message. */
  done: boolean;
  readonly records: XavpList[];
}

/** Has it as many calls as it may have? */
export const isFull = (d: Destination): boolean => d.attrs.maxload !== 0 && d.load >= d.attrs.maxload;

export const isDefault = (s: Selection, set: DestinationSet, i: number): boolean =>
  s.p.use_default !== 0 && i === set.destinations.length - 1;

/** The chosen one, then the others that are up, round to it. */
export function keepRest(s: Selection, set: DestinationSet, at: number): boolean {
  const all = set.destinations;
  if (!keep(s, set, at)) return false;
  for (let step = 1; step < all.length && s.records.length < s.limit; step++) {
    const i = (at + step) % all.length;
    const d = all[i]!;
    if (d.down || isDefault(s, set, i) || (s.algorithm === ALGORITHM.CALL_LOAD && isFull(d))) continue;
    if (!keep(s, set, i)) return false;
  }
  return true;
}

/** Adds a record of a destination; false where it lacks what algorithm 10 needs. */
export function keep(s: Selection, set: DestinationSet, i: number): boolean {
  const { uri, attrs, socket } = set.destinations[i]!;
  const mode = s.p.xavp_dst_mode;
  const fields = new XavpList();
  fields.add('uri', uri);
  fields.add('grp', s.set);
  if ((mode & DST_XAVP.SKIP_ATTRS) === 0 && attrs.body) fields.add('attrs', attrs.body);
  if (socket !== null) {
    fields.add('sock', socket.text);
    if ((mode & DST_XAVP.SOCKET) !== 0 && attrs.socket) fields.add('socket', attrs.socket);
    if ((mode & DST_XAVP.SOCKNAME) !== 0 && attrs.sockname) fields.add('sockname', attrs.sockname);
  }
  if (s.algorithm === ALGORITHM.CALL_LOAD) {
    if (!attrs.duid) {
      s.ctx.host.log.write(LEVEL.ERR, 'dispatcher', `no uid for destination: ${s.set} ${uri}`);
      return false;
    }
    fields.add('dstid', attrs.duid);
  }
  s.records.push(fields);
  return true;
}
