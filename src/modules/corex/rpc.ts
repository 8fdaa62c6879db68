/** `corex.*` and `shm.*`. */
import { aliases, inOrder, memory } from '../../runtime/core/rpc.js';
import type { Host } from '../../runtime/host.js';
import { LEVEL, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import type { ListenSocket } from '../../sip/transport.js';

function socketRecord(s: ListenSocket): RpcValue {
  return {
    PROTO: s.proto,
    NAME: s.ip,
    ADDRLIST: { ADDR: s.ip },
    PORT: String(s.port),
    MCAST: s.multicast ? 'yes' : 'no',
    MHOMED: 'no',
    VIRTUAL: s.virtual ? 'yes' : 'no',
    SOCKNAME: s.name ?? '-',
    ADVERTISE: s.advertised?.host ?? '-',
  };
}

function debug(host: Host, args: readonly RpcValue[]): RpcValue {
  const old = host.log.level;
  if (typeof args[0] !== 'number') return { debug: old };
  host.log.level = args[0];
  return { old, new: args[0] };
}

const logMemory: RpcDefinition = {
  doc: 'Writes how the memory is used to the log.',
  run(host) {
    const { total, free, used } = memory();
    host.log.write(LEVEL.DBG, 'corex', `memory: total ${total} free ${free} used ${used}\n`);
    return undefined;
  },
};

function logProcessMemory(host: Host, args: readonly RpcValue[]): undefined {
  const [selector, value] = args;
  if (args.length < 2 || typeof value !== 'number') throw new RpcFault(400, 'Selector and value not provided');
  const kind = String(selector).toLowerCase();
  if (kind.length !== 3) throw new RpcFault(500, 'Unsupported selector');
  if (kind !== 'idx' && kind !== 'pid') throw new RpcFault(500, 'Unsupported selector type');
  if (kind === 'idx' && (value < 0 || value >= (host.processes?.().length ?? 1))) {
    throw new RpcFault(500, 'Index value out of range');
  }
  logMemory.run(host, []);
}

/** Fragments have no size, file, function, module and line here. */
function report(): RpcValue {
  const { total, free, used, real_used, max_used, fragments } = memory();
  const extremes = ['max_free', 'max_used', 'min_free', 'min_used'].flatMap((which) => [
    [`${which}_frag_size`, 0],
    ...['file', 'func', 'mname'].map((of) => [`${which}_frag_${of}`, '']),
    [`${which}_frag_line`, 0],
  ]);
  return {
    total_size: total,
    free_size_s: free,
    used_size_s: used,
    real_used_s: real_used,
    max_used_s: max_used,
    free_frags: 0,
    used_frags: fragments,
    total_frags: fragments,
    ...Object.fromEntries(extremes),
  };
}

export const RPC: Readonly<Record<string, RpcDefinition>> = {
  'corex.list_sockets': {
    doc: 'Lists the listening sockets.',
    returnsArray: true,
    run: (host) => inOrder(host.sockets).map(socketRecord),
  },
  'corex.list_aliases': {
    doc: 'Lists the host names that are this server.',
    returnsArray: true,
    run: (host) => aliases(host).map(({ proto, name, port }) => ({ PROTO: proto, ADDR: name, PORT: port })),
  },
  'corex.debug': { doc: 'Returns the log level, or sets it.', run: debug },
  'corex.shm_status': logMemory,
  'corex.shm_summary': logMemory,
  'corex.pkg_summary': { doc: 'Writes how a process uses its memory to the log.', run: logProcessMemory },
  'shm.info': { doc: 'Name and size of the memory manager.', run: () => ({ name: 'v8', size: memory().total }) },
  'shm.report': { doc: 'How the memory is used, in detail: bytes.', run: report },
  'shm.stats': { doc: 'How the memory is used, bytes.', run: () => memory() },
};
