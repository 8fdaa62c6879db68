/**
 * A new version of the script on a running server. What has begun ends on the version it began with; what begins after
 * the swap runs the new one; a script with an error changes nothing.
 */
import type { Problem } from '../parser/problem.js';
import { diffPrograms, type ProgramDiff } from '../runtime/diff.js';
import type { ModuleDefinition } from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import type { ListenSocket } from '../sip/transport.js';
import type { LoadResult } from './load.js';
import type { Server } from './server.js';

export interface ReloadOptions {
  /** Work out what would change, and change nothing. */
  readonly dryRun?: boolean;
}

export interface ReloadReport {
  /** The new version runs (or would, with dryRun). */
  readonly ok: boolean;
  readonly dryRun: boolean;
  /** Version that runs now. */
  readonly version: string;
  readonly problems: readonly Problem[];
  /** Texts of the files that were read, for pictures of the problems. */
  readonly sources?: ReadonlyMap<string, string>;
  /** Why it cannot be done live; empty when it can. */
  readonly refused: readonly string[];
  readonly diff?: ProgramDiff;
  readonly socketsOpened: readonly string[];
  readonly socketsClosed: readonly string[];
  /** Milliseconds in all, and the longest time in which no message was taken: compiling in one go, or the swap. */
  readonly ms: number;
  readonly pauseMs: number;
}

/** What the server lends to a reload. */
export interface Reloadable {
  readonly server: Server;
  /** The sockets that a version asks for; throws a StartError for an address that is none. */
  plan(program: Program): Promise<readonly ListenSocket[]>;
  open(socket: ListenSocket): Promise<void>;
  close(socket: ListenSocket): Promise<void>;
  startModule(module: ModuleDefinition, program: Program): Promise<void>;
  /** The swap: everything that begins after it runs `program`. */
  swap(program: Program, sockets: readonly ListenSocket[]): void;
}

/** Core parameters that only a start can set. */
const AT_START_ONLY = new Set([
  ...[
    'fork',
    'user',
    'group',
    'chroot',
    'workdir',
    'server_id',
    'disable_tcp',
    'tcp_accept_haproxy',
    'tcp_accept_unique',
  ],
  ...['tcp_connection_match', 'tcp_source_ipv4', 'tcp_source_ipv6', 'tcp_reuse_port'],
  ...['tos', 'pmtu_discovery', 'mcast', 'mcast_ttl', 'mcast_loopback', 'ipv6_hex_style'],
]);

export async function reload(
  on: Reloadable,
  load: () => LoadResult | Promise<LoadResult>,
  options: ReloadOptions = {},
): Promise<ReloadReport> {
  const begin = performance.now();
  const { host } = on.server;
  const dryRun = options.dryRun ?? false;
  const report = (rest: Partial<ReloadReport>): ReloadReport => ({
    ok: false,
    dryRun,
    version: host.program.id,
    problems: [],
    refused: [],
    socketsOpened: [],
    socketsClosed: [],
    pauseMs: 0,
    ...rest,
    ms: Math.round((performance.now() - begin) * 10) / 10,
  });
  const loaded = await load();
  const { program, problems, script } = loaded;
  // The longest time for which the thread took no message: of compiling in slices, or of the swap.
  const longest = 'longest' in loaded && typeof loaded.longest === 'number' ? loaded.longest : 0;
  if (program === undefined) return report({ problems, sources: script.sources });
  const diff = diffPrograms(host.program, program);
  const wanted = await on.plan(program);
  const opened = wanted.filter((s) => !host.sockets.some((o) => same(o, s)));
  const closed = host.sockets.filter((o) => !wanted.some((s) => same(o, s)));
  const texts = { socketsOpened: opened.map((s) => s.text), socketsClosed: closed.map((s) => s.text) };
  const refused = refusals(diff, program);
  if (refused.length > 0 || dryRun) return report({ ok: refused.length === 0, problems, refused, diff, ...texts });

  const undo: (() => Promise<void>)[] = [];
  try {
    for (const socket of opened) {
      await on.open(socket);
      undo.push(() => on.close(socket));
    }
    for (const module of diff.modulesAdded) await on.startModule(module, program);
  } catch (e) {
    for (const step of undo.reverse()) await step();
    return report({ problems, refused: [e instanceof Error ? e.message : String(e)], diff, ...texts });
  }
  // A socket that stays keeps its value, so that transactions under way still find it.
  const kept = wanted.map((s) => host.sockets.find((o) => same(o, s)) ?? s);
  const swapped = performance.now();
  on.swap(program, kept);
  const pauseMs = Math.round(Math.max(longest, performance.now() - swapped) * 1000) / 1000;
  for (const module of program.modules) {
    const state = host.state({ module: module.name });
    if (diff.params.some((p) => p.module === module.name)) {
      await module.reload?.(host, state, program.params(module.name));
    } else if (diff.routes.added.length + diff.routes.changed.length + diff.routes.removed.length > 0) {
      await module.rerouted?.(host, state);
    }
  }
  for (const module of diff.modulesAdded) await module.ready?.(host, host.state({ module: module.name }));
  for (const socket of closed) await on.close(socket);
  return report({ ok: true, problems, diff, version: program.id, pauseMs, ...texts });
}

function same(a: ListenSocket, b: ListenSocket): boolean {
  return a.text === b.text && a.name === b.name && JSON.stringify(a.advertised) === JSON.stringify(b.advertised);
}

/** What cannot be changed while the server runs. */
function refusals(diff: ProgramDiff, to: Program): string[] {
  const params = diff.params.flatMap(({ module, param }) => {
    const def = to.modules.find((m) => m.name === module);
    return def?.start !== undefined && (def.reload === undefined || def.atStart?.includes(param))
      ? [`modparam ${module}.${param}: the module reads it once, at start: restart the server to change it`]
      : [];
  });
  const core = diff.core
    .filter(({ param }) => AT_START_ONLY.has(param))
    .map(({ param }) => `${param}: takes effect at start alone: restart the server to change it`);
  return [...params, ...core];
}

/** The report as lines for a log or a terminal. */
export function reloadText(r: ReloadReport): string {
  if (r.problems.some((p) => p.severity === 'error')) {
    const count = r.problems.filter((p) => p.severity === 'error').length;
    return `not reloaded, ${count} error${count === 1 ? '' : 's'}: version ${r.version} goes on`;
  }
  if (r.refused.length > 0) return `not reloaded, version ${r.version} goes on: ${r.refused.join('; ')}`;
  const parts = [
    list('routes added', r.diff?.routes.added),
    list('changed', r.diff?.routes.changed),
    list('removed', r.diff?.routes.removed),
    list(
      'modules added',
      r.diff?.modulesAdded.map((m) => m.name),
    ),
    list(
      'no longer loaded (their state stays until the server ends)',
      r.diff?.modulesRemoved.map((m) => m.name),
    ),
    list(
      'parameters changed',
      r.diff?.params.map((p) => `${p.module}.${p.param}`),
    ),
    list(
      'core parameters changed',
      r.diff?.core.map((p) => p.param),
    ),
    list('sockets opened', r.socketsOpened),
    list('sockets closed', r.socketsClosed),
  ].filter((p) => p !== '');
  const what = parts.length === 0 ? 'nothing differs' : parts.join('; ');
  return `${r.dryRun ? 'would reload' : 'reloaded'}: version ${r.version}, ${what}; ${r.ms} ms, pause ${r.pauseMs} ms`;
}

function list(title: string, names: readonly string[] | undefined): string {
  return names === undefined || names.length === 0 ? '' : `${title} ${names.join(', ')}`;
}
