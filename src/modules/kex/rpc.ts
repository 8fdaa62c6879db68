/** Memory of processes and modules (`pkg.*`, `mod.*`), as far as a JavaScript heap has such figures. */
import { memory, processes } from '../../runtime/core/rpc.js';
import type { Host } from '../../runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { STATISTICS_RPC } from './statistics.js';

/** Kamailio's rank of the main process; the others here are threads beside it. */
const RANK_MAIN = 0;
const RANK_OTHER = -1;

function processRecords(host: Host) {
  const heap = memory();
  return processes(host).map((p, entry) => ({
    entry,
    pid: p.pid,
    rank: entry === 0 ? RANK_MAIN : RANK_OTHER,
    used: heap.used,
    free: heap.free,
    real_used: heap.real_used,
    total_size: heap.total,
    total_frags: heap.fragments,
    desc: p.description,
  }));
}

type ProcessFilter = (record: { entry: number; pid: number; rank: number }, value: number) => boolean;
const FILTERS: Readonly<Record<string, ProcessFilter>> = {
  pid: (r, value) => r.pid === value,
  rank: (r, value) => r.rank === value,
  index: (r, value) => r.entry === value,
};

function processMemory(host: Host, args: readonly RpcValue[]): RpcValue {
  const records = processRecords(host);
  if (args.length === 0) return records;
  const filter = FILTERS[String(args[0])];
  if (filter === undefined) throw new RpcFault(500, 'Invalid filter type');
  if (args.length < 2) throw new RpcFault(500, 'One more parameter expected');
  const found = records.filter((r) => filter(r, Number(args[1])));
  if (found.length === 0 && args[0] === 'pid') throw new RpcFault(500, 'No such pid');
  return found;
}

/** Modules share one heap: no figure can be given for one of them, so the totals are 0. */
function moduleMemory(host: Host, args: readonly RpcValue[]): RpcValue {
  if (args.length < 1) throw new RpcFault(500, 'Module name or "all" needed');
  if (args.length < 2) throw new RpcFault(500, '"pkg" or "shm" or "all" needed');
  const [name, kind] = args.map(String);
  const names = name === 'all' ? host.program.modules.map((m) => m.name) : [name!];
  const kinds = kind === 'all' ? 2 : kind === 'pkg' || kind === 'shm' ? 1 : 0;
  return names.flatMap((n) => [`Module: ${n}`, ...Array.from({ length: kinds }, () => ({ Total: 0 })), '']);
}

const MODULE_MEMORY: RpcDefinition = {
  doc: 'Memory of each module; always 0, since modules share one heap here.',
  returnsArray: true,
  run: moduleMemory,
};

export const RPC: Readonly<Record<string, RpcDefinition>> = {
  ...STATISTICS_RPC,
  'pkg.stats': {
    doc: 'Memory of the processes, all or by pid, rank or index.',
    returnsArray: true,
    run: processMemory,
  },
  'pkg.info': { doc: 'Name and size of the memory manager.', run: () => ({ name: 'v8', size: memory().total }) },
  'mod.stats': MODULE_MEMORY,
  'mod.mem_stats': MODULE_MEMORY,
  'mod.mem_statsx': MODULE_MEMORY,
};
