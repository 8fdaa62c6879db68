/** RPC commands of module rtpengine, in the shapes of 5.6.3. */
import { DbError } from '../../runtime/database.js';
import { type Host, LEVEL, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { RTPENGINE } from './call.js';
import type { RtpEngine } from './node.js';
import type { EngineSets } from './sets.js';
import { readTable, type TableParams } from './table.js';

type Found = readonly (readonly [set: number, node: RtpEngine])[];

/** Those with that URL, or `all`. */
function named(host: Host, url: RpcValue | undefined): Found {
  if (url === undefined) throw new RpcFault(500, 'Not enough parameters');
  const all = [...host.state(RTPENGINE).nodes()];
  if (all.length === 0) throw new RpcFault(404, 'Instance not found (no sets loaded)');
  const found = `${url}`.startsWith('all') ? all : all.filter(([, node]) => node.url === `${url}`);
  if (found.length === 0) throw new RpcFault(404, 'Instance not found');
  return found;
}

const PERMANENT = Number.POSITIVE_INFINITY;

function show(host: Host, [url]: readonly RpcValue[]): RpcValue {
  const now = host.clock.now();
  return named(host, url).map(([set, { url: own, index, weight, disabled, recheck }]) => ({
    url: own,
    set,
    index,
    weight,
    disabled: disabled && recheck === PERMANENT ? '1(permanent)' : disabled ? 1 : 0,
    recheck_ticks: recheck === PERMANENT ? 'N/A' : Math.max(0, Math.ceil((recheck - now) / 1000)),
  }));
}

async function ping(host: Host, [url]: readonly RpcValue[]): Promise<RpcValue> {
  let failed = false;
  for (const [, node] of named(host, url)) {
    if (await node.ping()) continue;
    failed = true;
    if (node.recheck !== PERMANENT) node.putAside();
  }
  return { url: `${url}`, status: failed ? 'fail' : 'success' };
}

async function enable(host: Host, [url, on]: readonly RpcValue[]): Promise<RpcValue> {
  if (typeof on !== 'number') throw new RpcFault(500, 'Not enough parameters');
  let status = on === 0 ? 'disable' : 'enable';
  for (const [, node] of named(host, url)) {
    if (on === 0) {
      node.disabled = true;
      node.recheck = PERMANENT;
    } else if (await node.ping()) {
      node.disabled = false;
      node.recheck = 0;
    } else {
      node.putAside();
      status = 'fail';
    }
  }
  return { url: `${url}`, status };
}

/** Seconds between two reloads. */
const RELOAD_DELAY = 10;
const LOADED = new WeakMap<EngineSets, number>();

async function reload(host: Host): Promise<RpcValue> {
  const params = host.program.params('rtpengine') as unknown as TableParams;
  if (params.db_url === null) throw new RpcFault(500, 'No Database URL');
  const sets = host.state(RTPENGINE);
  const now = host.clock.now();
  if (now - (LOADED.get(sets) ?? 0) < RELOAD_DELAY * 1000)
    throw new RpcFault(500, 'Too short reload interval - try later');
  LOADED.set(sets, now);
  try {
    const added = sets.replace(await readTable(host, params.db_url, params));
    for (const node of added) host.detach(node.test(true), 'rtpengine: looking for it');
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'rtpengine', `${e.message}\n`);
    throw new RpcFault(500, 'Failed reloading db');
  }
  return 'Ok. Reload successful.';
}

export const rtpengineRpc: Readonly<Record<string, RpcDefinition>> = {
  'rtpengine.show': { doc: 'Get details about an rtpengine instance', returnsArray: true, run: show },
  'rtpengine.reload': { doc: 'Reload rtpengine proxies from database', run: reload },
  'rtpengine.ping': { doc: 'Ping an rtpengine instance', run: ping },
  'rtpengine.enable': { doc: 'Enable or disable an rtpengine instance', run: enable },
  'rtpengine.get_hash_total': {
    doc: 'Get total number of entries in hash table',
    run: (host) => host.state(RTPENGINE).calls,
  },
};
