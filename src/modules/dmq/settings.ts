/** Parameters of module dmq, checked and put into shape. */
import { nodeKey } from './nodes.js';

export interface Settings {
  readonly serverAddress: string;
  readonly serverSocket: string | null;
  readonly notificationAddresses: readonly string[];
  readonly notificationChannel: string;
  readonly numWorkers: number;
  /** Milliseconds between pings; Kamailio takes no less than five seconds. */
  readonly pingMs: number;
}

const LEAST_PING_S = 5;

/** A socket as `proto:ip:port`. */
export interface SocketName {
  readonly proto: string;
  readonly host: string;
  readonly port: number;
}

export function settingsOf(params: Readonly<Record<string, unknown>>): Settings {
  return {
    serverAddress: `${params.server_address ?? ''}`,
    serverSocket: (params.server_socket as string | null) ?? null,
    notificationAddresses: params.notification_address as readonly string[],
    notificationChannel: params.notification_channel as string,
    numWorkers: params.num_workers as number,
    pingMs: Math.max(LEAST_PING_S, params.ping_interval as number) * 1000,
  };
}

export function checkSettings(params: Readonly<Record<string, unknown>>): string[] {
  const s = settingsOf(params);
  const wrong: string[] = [];
  if (nodeKey(s.serverAddress) === undefined) {
    wrong.push(
      `server address invalid: write modparam("dmq", "server_address", "sip:IP:PORT") with the address of a listen line`,
    );
  }
  if (s.serverSocket !== null && socketName(s.serverSocket) === undefined)
    wrong.push(`server_socket is no proto:ip:port: ${s.serverSocket}`);
  return wrong;
}

/** Where the bus sends from: server_socket, else what server_address names. */
export function ownSocketName(s: Settings): SocketName | undefined {
  if (s.serverSocket !== null) return socketName(s.serverSocket);
  const key = nodeKey(s.serverAddress);
  if (key === undefined) return undefined;
  return { proto: key.proto === '*' ? 'udp' : key.proto, host: key.host, port: Number(key.port) || 5060 };
}

function socketName(text: string): SocketName | undefined {
  const m = /^(udp|tcp|tls|sctp):(\[[^\]]+\]|[^:]+)(?::(\d+))?$/i.exec(text);
  return m === null ? undefined : { proto: m[1]!.toLowerCase(), host: m[2]!, port: Number(m[3] ?? 5060) };
}
