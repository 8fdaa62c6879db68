/** Selects of the server: `@sys.*` and settings. */

import type { Context } from '../context.js';
import { selectedInstance, settingFor } from '../core/cfg.js';
import type { Host } from '../host.js';
import type { SelectDefinition } from '../module.js';
import { type BrokenTime, localTime, strftime, utcTime } from '../strftime.js';
import { toText } from '../values.js';
import { type Get, leaf, type Path, type Place, select, tree } from './tree.js';
import { nameAddrPlace, paramsPlace, uriPlace } from './uri.js';

const ASCTIME = '%a %b %e %H:%M:%S %Y';

/** Time now as text; a format of strftime may follow. */
function timePlace(of: (ms: number) => BrokenTime): Place {
  return (path) => {
    const [format = ASCTIME, ...rest] = path;
    return leaf(({ host }) => strftime(String(format), of(host.clock.now())))(rest);
  };
}

const seconds: Get = ({ host }) => `${Math.floor(host.clock.now() / 1000)}`;
const serverId: Get = ({ program }) => `${program.core.values.get('server_id') ?? 0}`;

/** Differs at each reading: process, second, count. */
const readings = new WeakMap<Host, number>();
const unique: Get = ({ host }) => {
  const reading = (readings.get(host) ?? 0) + 1;
  readings.set(host, reading);
  const hex = (n: number, width: number) => (n >>> 0).toString(16).padStart(width, '0').slice(-width);
  return `${hex(host.pid, 4)}-${hex(Math.floor(host.startTime / 1000), 8)}-${hex(reading, 8)}`;
};

function setting(ctx: Context, group: string, name: string): string | null {
  const value = settingFor(ctx, group, name);
  return value === undefined || value === null ? null : toText(value);
}

/** `cfg_get.group.name`. */
function settingPlace(path: Path): ReturnType<Place> {
  const [group, name, ...rest] = path;
  if (typeof group !== 'string' || typeof name !== 'string')
    return { error: 'a group and a name must follow: cfg_get.group.name' };
  const get: Get = (ctx) => setting(ctx, group, name);
  return tree(get, { nameaddr: nameAddrPlace(get), uri: uriPlace(get), params: paramsPlace(get) })(rest);
}

const selectedPlace: Place = (path) => {
  const [group, ...rest] = path;
  if (typeof group !== 'string') return { error: 'a group must follow: cfg_selected.group' };
  return leaf((ctx) => `${selectedInstance(ctx, group) ?? ''}`)(rest);
};

export const SERVER_SELECTS: Readonly<Record<string, SelectDefinition>> = {
  sys: select(
    'The server: `.pid`, `.server_id`, `.unique`, `.now`, `.now.local["format"]`, `.now.gmt["format"]`.',
    tree(undefined, {
      pid: leaf(({ host }) => `${host.pid}`),
      server_id: leaf(serverId),
      unique: leaf(unique),
      now: tree(seconds, { local: timePlace(localTime), gmt: timePlace(utcTime), utc: timePlace(utcTime) }),
    }),
  ),
  cfg_get: select('A setting, `cfg_get.group.name`: of the core, or a global of the script.', settingPlace),
  cfg_selected: select(
    'The instance of a group that cfg_select() chose, `cfg_selected.group`; empty: none.',
    selectedPlace,
  ),
};
