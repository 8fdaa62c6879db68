/** Counters of the core and their RPC commands (`stats.*`). */
import type { Context } from '../../runtime/context.js';
import { memory } from '../../runtime/core/rpc.js';
import { type Host, needsNoRun } from '../../runtime/host.js';
import { type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../runtime/module.js';
import { methodOf } from '../../sip/header.js';

/** Counted by method: names as in `rcv_requests_invite`. */
const METHODS = [
  'INVITE',
  'CANCEL',
  'ACK',
  'BYE',
  'INFO',
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'MESSAGE',
  'OPTIONS',
  'PRACK',
  'UPDATE',
  'REFER',
  'PUBLISH',
];
/** Methods whose replies are counted by class, with the name that the counters use. */
const REPLY_METHODS: Readonly<Record<string, string>> = {
  INVITE: 'invite',
  CANCEL: 'cancel',
  BYE: 'bye',
  REGISTER: 'reg',
  MESSAGE: 'message',
  PRACK: 'prack',
  UPDATE: 'update',
  REFER: 'refer',
};
const CODES = [401, 404, 407, 480, 486];
const CLASSES = [1, 2, 3, 4, 5, 6];
const OTHERS = [
  'rcv_requests',
  'rcv_replies',
  'rcv_replies_18x',
  'fwd_requests',
  'fwd_replies',
  'drop_requests',
  'drop_replies',
  'err_requests',
  'err_replies',
  'bad_URIs_rcvd',
  'unsupported_methods',
  'bad_msg_hdr',
];

const REQUEST_COUNTERS = new Map(METHODS.map((m) => [m, `core.rcv_requests_${m.toLowerCase()}`]));
const REPLY_COUNTERS = new Map(
  Object.entries(REPLY_METHODS).map(([m, name]) => [m, CLASSES.map((c) => `core.rcv_replies_${c}xx_${name}`)]),
);

/** Puts all counters of the core at 0 and counts from now on. */
export function countMessages(host: Host): void {
  const names = [
    ...OTHERS.map((n) => `core.${n}`),
    ...REQUEST_COUNTERS.values(),
    ...CLASSES.map((c) => `core.rcv_replies_${c}xx`),
    ...CODES.map((c) => `core.rcv_replies_${c}`),
    ...[...REPLY_COUNTERS.values()].flat(),
  ];
  for (const name of names) if (!host.statistics.has(name)) host.statistics.set(name, 0);
  const shared = {
    total_size: 'total',
    used_size: 'used',
    real_used_size: 'real_used',
    max_used_size: 'max_used',
    free_size: 'free',
    fragments: 'fragments',
  } as const;
  for (const [name, key] of Object.entries(shared)) host.statistics.set(`shmem.${name}`, () => memory()[key]);
  host.hooks.beforeRequest.unshift(needsNoRun(countRequest));
  host.hooks.beforeReply.unshift(countReply);
}

function countRequest(ctx: Context): boolean {
  const host = ctx.host;
  host.count('core.rcv_requests');
  host.count(REQUEST_COUNTERS.get(ctx.msg.method) ?? 'core.unsupported_methods');
  return true;
}

function countReply(ctx: Context): boolean {
  const { host, msg } = ctx;
  const status = msg.status;
  const group = Math.trunc(status / 100);
  host.count('core.rcv_replies');
  if (group < 1 || group > 6) return true;
  host.count(`core.rcv_replies_${group}xx`);
  if (status >= 180 && status < 190) host.count('core.rcv_replies_18x');
  if (CODES.includes(status)) host.count(`core.rcv_replies_${status}`);
  const byMethod = REPLY_COUNTERS.get(methodOf(msg))?.[group - 1];
  if (byMethod !== undefined) host.count(byMethod);
  return true;
}

// ------------------------------------------------------------------------ RPC

interface Statistic {
  /** `group.name`, the key in Host.statistics. */
  readonly key: string;
  readonly group: string;
  readonly name: string;
}

function statistic(key: string): Statistic {
  const dot = key.indexOf('.');
  return { key, group: key.slice(0, dot), name: key.slice(dot + 1) };
}

/** All, by group and name in order of their bytes. */
function all(host: Host): Statistic[] {
  return [...host.statistics.keys()].sort(byBytes).map(statistic);
}

const byBytes = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function current(host: Host, key: string): number {
  const v = host.statistics.get(key);
  return typeof v === 'function' ? v() : (v ?? 0);
}

/** `all`, `group:`, or a name alone. */
function named(host: Host, wanted: string): Statistic[] {
  if (wanted === 'all') return all(host);
  if (wanted.endsWith(':')) return all(host).filter((s) => `${s.group}:` === wanted);
  return all(host)
    .filter((s) => s.name === wanted)
    .slice(0, 1);
}

/** As `named`, and `group.name` or `group:name`. */
function fetched(host: Host, wanted: string): Statistic[] {
  const found = named(host, wanted);
  if (found.length > 0) return found;
  const key = wanted.replace(/[.:]/, '.');
  return host.statistics.has(key) ? [statistic(key)] : [];
}

function wantedNames(args: readonly RpcValue[], missing: string): string[] {
  if (args.length === 0) throw new RpcFault(400, missing);
  return args.map(String);
}

const WHICH = 'Please provide which stats to retrieve';

function fetch(doc: string, show: (value: number) => RpcValue): RpcDefinition {
  return {
    doc,
    run(host, args) {
      const found = wantedNames(args, WHICH).flatMap((name) => fetched(host, name));
      return new RpcRecord(found.map((s) => [s.key, show(current(host, s.key))]));
    },
  };
}

/** Values that are counted elsewhere stay. */
function reset(host: Host, { key }: Statistic): void {
  if (typeof host.statistics.get(key) === 'number') host.statistics.set(key, 0);
}

function resetAndTell(host: Host, s: Statistic): string {
  const before = current(host, s.key);
  reset(host, s);
  const after = current(host, s.key);
  const line = `${s.group}:${s.name} = ${after}`;
  return before === after ? line : `${line} (${before})`;
}

/** A command that is no array command gives one line as it is, several as an array. */
function lines(list: readonly string[]): RpcValue | undefined {
  return list.length < 2 ? list[0] : list;
}

export const STATISTICS_RPC: Readonly<Record<string, RpcDefinition>> = {
  'stats.get_statistics': {
    doc: 'Gets statistics as lines: names, `group:` or `all`.',
    returnsArray: true,
    run: (host, args) =>
      wantedNames(args, WHICH)
        .flatMap((name) => named(host, name))
        .map((s) => `${s.group}:${s.name} = ${current(host, s.key)}`),
  },
  'stats.fetch': fetch('Gets statistics as a record of texts.', String),
  'stats.fetchn': fetch('Gets statistics as a record of numbers.', (value) => value),
  'stats.reset_statistics': {
    doc: 'Puts statistics back to 0.',
    run(host, args) {
      for (const name of wantedNames(args, 'Please provide stats name'))
        for (const s of named(host, name)) reset(host, s);
      return undefined;
    },
  },
  'stats.clear_statistics': {
    doc: 'Puts statistics back to 0 and tells them, with the old value where it differs.',
    run: (host, args) =>
      lines(
        wantedNames(args, 'Please provide stats name')
          .flatMap((name) => named(host, name))
          .map((s) => resetAndTell(host, s)),
      ),
  },
};
