/** Parameters of module dmq, checked and put into shape. */
import { intParam, listParam, strParam } from '../../runtime/module.js';
import { accessProblem } from './access.js';
import { type FailureRules, nodeKey } from './nodes.js';

export interface Settings {
  /** Own addresses; the first is the identity, the others serve other transports and address families. */
  readonly serverAddresses: readonly string[];
  readonly serverSocket: string | null;
  readonly notificationAddresses: readonly string[];
  readonly notificationChannel: string;
  readonly multiNotify: boolean;
  readonly numWorkers: number;
  /** Milliseconds between pings; Kamailio takes no less than five seconds. */
  readonly pingMs: number;
  readonly rules: FailureRules;
  /** Peers ask one node for their first synchronisation instead of all. */
  readonly initWithSingle: boolean;
  readonly acceptFrom: readonly string[];
}

const LEAST_PING_S = 5;

/** A socket as `proto:ip:port`. */
export interface SocketName {
  readonly proto: string;
  readonly host: string;
  readonly port: number;
}

const uriCheck = (v: string) => (nodeKey(v) === undefined ? 'not a SIP URI' : undefined);

export const params = {
  server_address: listParam(
    'SIP URI of this node: its identity on the bus. May be given again for another transport or address family.',
  ),
  server_socket: strParam(null, 'Listening socket to send from, proto:ip:port; by default that of server_address.'),
  notification_address: listParam('Node to ask for the list of nodes at start; may be given several times.', uriCheck),
  notification_channel: strParam('notification_peer', 'Peer name of the messages that carry the list of nodes.'),
  multi_notify: intParam(
    0,
    'Not 0: the name of the first notification_address is resolved to all its addresses (SRV, A, AAAA), each a node.',
  ),
  num_workers: intParam(2, 'Threads that read received messages; with 0 dmq_handle_message() fails.'),
  worker_usleep: intParam(0, 'Accepted for the sake of old scripts: a thread here wakes when work comes.'),
  ping_interval: intParam(60, 'Seconds between pings to the other nodes; at least 5.'),
  remove_inactive: intParam(1, '0: a node that does not answer stays in the list as not_active.'),
  fail_count_enabled: intParam(0, 'Not 0: timeouts in a row are counted before a node is given up.'),
  fail_count_threshold_not_active: intParam(0, 'More timeouts than this: the node is not active.'),
  fail_count_threshold_disabled: intParam(1, 'More timeouts than this: the node is disabled, then removed.'),
  init_with_single: intParam(0, 'Not 0: peers ask the first node alone for their first synchronisation.'),
  accept_from: listParam(
    'Who may send KDMQ here: an address, a network (10.0.0.0/8), `private`, `nodes` (addresses of listed nodes) or `any`. May be given several times. Without it: loopback, private networks and nodes.',
    accessProblem,
  ),
};

type Values = Readonly<Record<string, unknown>>;

const on = (v: unknown): boolean => typeof v === 'number' && v !== 0;

export function settingsOf(given: Values): Settings {
  const list = (name: string) => (given[name] as readonly string[] | undefined) ?? [];
  return {
    serverAddresses: list('server_address'),
    serverSocket: (given.server_socket as string | null) ?? null,
    notificationAddresses: list('notification_address'),
    notificationChannel: given.notification_channel as string,
    multiNotify: on(given.multi_notify),
    numWorkers: given.num_workers as number,
    pingMs: Math.max(LEAST_PING_S, given.ping_interval as number) * 1000,
    rules: {
      removeInactive: on(given.remove_inactive),
      countFailures: on(given.fail_count_enabled),
      notActiveAbove: given.fail_count_threshold_not_active as number,
      disabledAbove: given.fail_count_threshold_disabled as number,
    },
    initWithSingle: on(given.init_with_single),
    acceptFrom: list('accept_from'),
  };
}

export function checkSettings(given: Values): string[] {
  const s = settingsOf(given);
  const wrong: string[] = [];
  if (s.serverAddresses.length === 0 || s.serverAddresses.some((a) => nodeKey(a) === undefined)) {
    wrong.push(
      `server address invalid: write modparam("dmq", "server_address", "sip:IP:PORT") with the address of a listen line`,
    );
  }
  if (s.serverSocket !== null && socketName(s.serverSocket) === undefined)
    wrong.push(`server_socket is no proto:ip:port: ${s.serverSocket}`);
  return wrong;
}

/** Where an own address sends from: server_socket for the first, else what the address itself names. */
export function ownSocketName(s: Settings, index: number): SocketName | undefined {
  if (index === 0 && s.serverSocket !== null) return socketName(s.serverSocket);
  const key = nodeKey(s.serverAddresses[index] ?? '');
  if (key === undefined) return undefined;
  const proto = key.proto === '*' ? 'udp' : key.proto;
  return { proto, host: key.host, port: Number(key.port) || (proto === 'tls' ? 5061 : 5060) };
}

function socketName(text: string): SocketName | undefined {
  const m = /^(udp|tcp|tls|sctp):(\[[^\]]+\]|[^:]+)(?::(\d+))?$/i.exec(text);
  return m === null ? undefined : { proto: m[1]!.toLowerCase(), host: m[2]!, port: Number(m[3] ?? 5060) };
}
