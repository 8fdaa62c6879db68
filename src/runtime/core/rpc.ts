/**
 * The core's own RPC commands, there without any module. Shapes as kamcmd and jsonrpcs of 5.6.3 show them (seen).
 * system.* lists all commands and is the RPC server's.
 */

import path from 'node:path';
import v8 from 'node:v8';
import type { ListenAddress } from '../../parser/tree.js';
import type { ListenSocket } from '../../sip/transport.js';
import { unready } from '../health.js';
import type { Host } from '../host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../module.js';
import { intArg, leadingArgs, takesTextAsZero, textArg } from '../rpc-args.js';
import { VERSION } from './version.js';

/** ctime() without its line end: `Tue Nov 24 09:55:40 2026`. */
export function ctime(ms: number): string {
  const [weekday, month, day, year, time] = new Date(ms).toString().split(' ');
  return `${weekday} ${month} ${String(Number(day)).padStart(2, ' ')} ${time} ${year}`;
}

/** Figures of the JavaScript heap, bytes: what stands in the place of Kamailio's shared and private memory. */
export function memory(): Record<'total' | 'free' | 'used' | 'real_used' | 'max_used' | 'fragments', number> {
  const heap = v8.getHeapStatistics();
  const total = heap.heap_size_limit;
  const real = heap.total_physical_size;
  return {
    total,
    free: Math.max(0, total - real),
    used: heap.used_heap_size,
    real_used: real,
    max_used: heap.peak_malloced_memory + real,
    fragments: heap.number_of_native_contexts,
  };
}

const MEMORY_UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1048576, g: 1073741824 };

function sharedMemory(unit: RpcValue | undefined): RpcValue {
  const m = unit === undefined ? ['b', 'b'] : /^([bkmg])b?$/i.exec(String(unit));
  if (m === null) throw new RpcFault(500, 'bad param, (use b|k|m|g)');
  const divisor = MEMORY_UNITS[m[1]!.toLowerCase()]!;
  const { fragments, ...sizes } = memory();
  const scaled = Object.entries(sizes).map(([name, bytes]) => [name, Math.floor(bytes / divisor)] as const);
  return { ...Object.fromEntries(scaled), fragments };
}

/** One process of this server, or one thread: Kamailio's names where there is such a one. */
export interface ProcessEntry {
  readonly pid: number;
  readonly description: string;
}

export function processes(host: Host): readonly ProcessEntry[] {
  return host.processes?.() ?? [{ pid: host.pid, description: 'main process - attendant' }];
}

function socketEntry(s: ListenSocket): RpcValue {
  const socket = {
    proto: s.proto,
    address: s.ip,
    ipaddress: s.ip,
    port: String(s.port),
    mcast: 'no',
    mhomed: 'no',
    virtual: s.virtual ? 'yes' : 'no',
  };
  return { socket };
}

/** Aliases of the script as proto, name and port (0 any), last first, as Kamailio keeps them. */
export function aliases(host: Host): { proto: string; name: string; port: number }[] {
  const all = host.program.core.alias.flatMap((a: ListenAddress) =>
    a.hosts.map((name) => ({ proto: a.proto?.toLowerCase() ?? '*', name, port: a.port ?? 0 })),
  );
  return all.reverse();
}

function aliasEntry({ proto, name, port }: { proto: string; name: string; port: number }): RpcValue {
  return { alias: { proto, address: name, port: port === 0 ? '*' : port } };
}

const PREDEFINED = ['KAMAILIO_5', 'KAMAILIO_5_6', 'KAMAILIO_5_6_3'];

function definedNames(host: Host): string[] {
  const modules = host.program.modules.map((m) => `MOD_${m.name}`);
  return [...new Set([...PREDEFINED, ...modules, ...host.program.script.defines.keys()])];
}

function tcpInfo(host: Host): RpcValue {
  requireStreams(host);
  const values = host.program.core.values;
  return {
    readers: 1,
    max_connections: Number(values.get('tcp_max_connections') ?? 2048),
    max_tls_connections: Number(values.get('tls_max_connections') ?? 2048),
    ...(host.streamConnections?.() ?? { opened_connections: 0, opened_tls_connections: 0, write_queued_bytes: 0 }),
  };
}

/** Values in force of the settings for streams, with the defaults of 5.6.3, in the order in which it shows them. */
const TCP_OPTIONS: readonly (readonly [shown: string, value: number, setting?: string])[] = [
  ['connect_timeout', 10, 'tcp_connect_timeout'],
  ['send_timeout', 10, 'tcp_send_timeout'],
  ['connection_lifetime', 120, 'tcp_connection_lifetime'],
  ['max_connections(soft)', 2048, 'tcp_max_connections'],
  ['max_tls_connections(soft)', 2048, 'tls_max_connections'],
  ['no_connect', 0, 'tcp_no_connect'],
  ['fd_cache', 1, 'tcp_fd_cache'],
  ['async', 1, 'tcp_async'],
  ['connect_wait', 1],
  ['conn_wq_max', 32768, 'tcp_conn_wq_max'],
  ['wq_max', 10485760, 'tcp_wq_max'],
  ['defer_accept', 0, 'tcp_defer_accept'],
  ['delayed_ack', 1, 'tcp_delayed_ack'],
  ['syncnt', 0, 'tcp_syncnt'],
  ['linger2', 0, 'tcp_linger2'],
  ['keepalive', 1, 'tcp_keepalive'],
  ['keepidle', 0, 'tcp_keepidle'],
  ['keepintvl', 0, 'tcp_keepintvl'],
  ['keepcnt', 0, 'tcp_keepcnt'],
  ['crlf_ping', 1, 'tcp_crlf_ping'],
  ['accept_aliases', 0, 'tcp_accept_aliases'],
  ['alias_flags', 1],
  ['new_conn_alias_flags', 2],
];

function tcpOptions(host: Host): RpcValue {
  requireStreams(host);
  const { values } = host.program.core;
  return Object.fromEntries(
    TCP_OPTIONS.map(([shown, value, setting]) => [shown, Number((setting && values.get(setting)) ?? value)]),
  );
}

/** Word of `core.tcp_list` for a transport. */
const STREAM_TYPES: Readonly<Record<string, string>> = { tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' };

function tcpList(host: Host): RpcValue[] {
  requireStreams(host);
  return (host.streams?.() ?? []).map((c) => ({
    id: c.id,
    type: STREAM_TYPES[c.proto] ?? 'UNKNOWN',
    state: c.connected ? 'CONN_OK' : 'CONN_CONNECT',
    timeout: c.timeout,
    lifetime: c.lifetime,
    ref_count: 1,
    src_ip: c.remote.ip,
    src_port: c.remote.port,
    dst_ip: c.local.ip,
    dst_port: c.local.port,
  }));
}

function requireStreams(host: Host): void {
  if (!host.sockets.some((s) => s.proto !== 'udp' && s.proto !== 'sctp'))
    throw new RpcFault(500, 'tcp support disabled');
}

/** `0d 0h 0m 1s`. */
function days(seconds: number): string {
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return `${d}d ${h}h ${m}m ${seconds % 60}s`;
}

function runInfo(host: Host): RpcValue {
  const now = host.clock.now();
  const seconds = uptime(host);
  return {
    name: 'kamailio',
    version: VERSION,
    sourceid: 'unknown ',
    compiler: 'node',
    compiled: '',
    time_now: ctime(now),
    time_started: ctime(host.startTime),
    uptime_secs: seconds,
    utime_days: days(seconds),
  };
}

function uptime(host: Host): number {
  return Math.floor(host.clock.now() / 1000) - Math.floor(host.startTime / 1000);
}

async function reloadScript(host: Host, args: readonly RpcValue[]): Promise<RpcValue> {
  if (host.reload === undefined) throw new RpcFault(500, 'This server does not know where its script comes from');
  return host.reload({ dryRun: args[0] === 'dryrun' || args[0] === 1 || args[0] === '1' });
}

/** Arguments up to the first of another kind, which ends the reading of arguments in Kamailio. */
function leading(args: readonly RpcValue[], fits: (arg: RpcValue) => boolean): readonly RpcValue[] {
  const end = args.findIndex((a) => !fits(a));
  return end < 0 ? args : args.slice(0, end);
}

const echoed = (arg: RpcValue): string => (typeof arg === 'number' ? String(Math.trunc(arg)) : String(arg));

export const CORE_RPC: Readonly<Record<string, RpcDefinition>> = {
  'kamscript.reload': {
    doc: 'Loads the script again and runs it for what begins from now on; with "dryrun" it only says what would change.',
    run: reloadScript,
  },
  'kamscript.ready': {
    doc: 'Is every module ready to do its work? With the reason where one is not.',
    run(host) {
      const reasons = unready(host);
      return { ready: Object.keys(reasons).length === 0 ? 'yes' : 'no', reasons };
    },
  },
  'kamscript.version': { doc: 'Version id of the script that runs.', run: (host) => ({ version: host.program.id }) },
  'core.version': {
    doc: 'Returns the version string of the server.',
    run: () => `kamailio ${VERSION} (x86_64/linux) `,
  },
  'core.echo': {
    doc: 'Returns back its parameters.',
    returnsArray: true,
    run: (_host, args) => leading(args, (a) => typeof a === 'string' || typeof a === 'number').map(echoed),
  },
  'core.prints': {
    doc: 'Returns the strings given as parameters.',
    returnsArray: true,
    run: (_host, args) => leadingArgs(args, textArg),
  },
  'core.printi': {
    doc: 'Returns the integers given as parameters.',
    returnsArray: true,
    run: (_host, args, call) =>
      leadingArgs(args, (all, at) => (typeof all[at] !== 'number' && takesTextAsZero(call) ? 0 : intArg(all, at))),
  },
  'core.uptime': {
    doc: 'Returns how long the server has been running.',
    run: (host) => ({ now: ctime(host.clock.now()), up_since: ctime(host.startTime), uptime: uptime(host) }),
  },
  'core.info': {
    doc: 'Returns what is known of this build.',
    run: () => ({ version: `kamailio ${VERSION}`, id: 'kamscript', compiler: 'node', compiled: '', flags: '' }),
  },
  'core.flags': { doc: 'Returns the flags of the build: none here.', run: () => '' },
  'core.ps': {
    doc: 'Lists the processes: number and description in turn.',
    returnsArray: true,
    run: (host) => processes(host).flatMap((p) => [p.pid, p.description]),
  },
  'core.psx': {
    doc: 'Lists the processes as records.',
    returnsArray: true,
    run: (host) => processes(host).map((p, i) => ({ IDX: i, PID: p.pid, DSC: p.description })),
  },
  'core.psa': {
    doc: 'Lists the processes with state and rank.',
    returnsArray: true,
    run: (host) =>
      processes(host).map((p, index) => ({
        index,
        pid: p.pid,
        status: 1,
        rank: index === 0 ? 0 : -1,
        description: p.description,
      })),
  },
  'core.runinfo': { doc: 'Returns version and running time.', run: runInfo },
  'core.tcp_options': { doc: 'Returns the settings for streams.', run: tcpOptions },
  'core.pwd': { doc: 'Returns the working directory.', returnsArray: true, run: () => [path.resolve('.')] },
  'core.arg': { doc: 'Returns the command line.', returnsArray: true, run: (host) => [...(host.commandLine ?? [])] },
  'core.kill': {
    doc: 'Stops the server.',
    run(host) {
      host.clock.after(10, () => host.shutdown('core.kill'));
      return undefined;
    },
  },
  'core.shmmem': {
    doc: 'Returns how the memory is used, in bytes or in the unit given (b, k, m, g).',
    run: (_host, args) => sharedMemory(args[0]),
  },
  'core.tcp_info': { doc: 'Returns the number of stream connections.', run: (host) => tcpInfo(host) },
  'core.tcp_list': { doc: 'Lists the stream connections.', returnsArray: true, run: tcpList },
  'core.udp4_raw_info': {
    doc: 'Returns the settings of raw UDP sockets, which this server has none of.',
    run: () => ({ udp4_raw: 0, udp4_raw_mtu: 1500, udp4_raw_ttl: 64 }),
  },
  'core.sockets_list': {
    doc: 'Lists the listening sockets.',
    run: (host) => inOrder(host.sockets).map(socketEntry),
  },
  'core.aliases_list': {
    doc: 'Lists the host names that are this server.',
    run: (host) => ({
      myself_callbacks: (host.myselfCallbacks?.length ?? 0) > 0 ? 'yes' : 'no',
      aliases: aliases(host).map(aliasEntry),
    }),
  },
  'core.modules': {
    doc: 'Lists the loaded modules, last first.',
    returnsArray: true,
    run: (host) => host.program.modules.map((m) => m.name).reverse(),
  },
  'core.ppdefines': { doc: 'Lists the names of #!define.', returnsArray: true, run: (host) => definedNames(host) },
  'core.ppdefines_full': {
    doc: 'Lists the names of #!define with their values.',
    returnsArray: true,
    run: (host) =>
      definedNames(host).map((name) => {
        const value = host.program.script.defines.get(name);
        return { name, type: 0, value: value === undefined || value === '' ? 'none' : value };
      }),
  },
};

const PROTO_ORDER = ['udp', 'tcp', 'tls', 'sctp', 'ws', 'wss'];

/** Sockets as Kamailio walks them: all of UDP, then TCP … */
export function inOrder(sockets: readonly ListenSocket[]): ListenSocket[] {
  return sockets.slice().sort((a, b) => PROTO_ORDER.indexOf(a.proto) - PROTO_ORDER.indexOf(b.proto));
}
