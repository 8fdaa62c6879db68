/** A script on a real host without sockets: what it logs, what RPC answers. */

import type { Clock, Log, Resolver } from '../../src/runtime/host.js';
import { LEVEL } from '../../src/runtime/host.js';
import type { RpcDefinition } from '../../src/runtime/module.js';
import { VarStore } from '../../src/runtime/var-store.js';
import { systemClock } from '../../src/server/clock.js';
import { ServerHost } from '../../src/server/host.js';
import { loadScript } from '../../src/server/load.js';
import { receiver } from '../../src/server/receive.js';
import { listenSocket } from '../../src/sip/transport.js';
import { kamcmd } from './kamcmd.js';

const SOCKET = listenSocket('udp', '127.0.0.1', 5060);

class Lines implements Log {
  level = LEVEL.DBG;
  readonly script: string[] = [];
  readonly other: string[] = [];
  write(_level: number, module: string, text: string): void {
    (module === '<script>' ? this.script : this.other).push(text.replace(/\n$/, ''));
  }
}

export interface RunningScript {
  readonly host: ServerHost;
  /** What xlog() wrote. */
  readonly lines: string[];
  /** What modules wrote, without level. */
  readonly others: string[];
  /** Messages sent. */
  readonly sent: string[];
  /** A lone LF counts as CRLF. */
  receive(text: string): void;
  receiveExactly(text: string): void;
  /** What kamcmd prints. */
  rpc(name: string, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Addresses are what they say, names are nobody's. */
const NO_NAMES = {
  resolve: (ip: string, port: number, proto = 'udp') => (/^[\d.]+$/.test(ip) ? [{ proto, ip, port }] : []),
  addresses: async () => [],
  srv: async () => [],
} as never;

export async function runScript(
  text: string,
  clock: Clock = systemClock(),
  resolver: Resolver = NO_NAMES,
): Promise<RunningScript> {
  const vars = new VarStore();
  const { program, problems } = loadScript('test.cfg', { env: {}, vars, text });
  const errors = problems.filter((p) => p.severity === 'error').map((p) => p.message);
  if (program === undefined || errors.length > 0) throw new Error(errors.join('\n'));
  const log = new Lines();
  const host = new ServerHost({
    program,
    log,
    clock,
    random: Math.random,
    pid: 1,
    resolver,
    vars,
    onShutdown: () => undefined,
  });
  host.sockets = [SOCKET];
  const sent: string[] = [];
  host.transports.set(SOCKET, {
    socket: SOCKET,
    start: async () => undefined,
    send: (data) => sent.push(data.toString('latin1')) > 0,
    stop: async () => undefined,
  });
  for (const m of program.modules) host.setState(m.name, await m.start?.(host, program.params(m.name)));
  for (const m of program.modules) await m.ready?.(host, host.state({ module: m.name }));
  const from = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 5061, socket: SOCKET, connection: 0 } as const;
  const receive = receiver(host);
  const commands: Record<string, RpcDefinition> = Object.assign({}, ...program.modules.map((m) => m.rpc));
  return {
    host,
    lines: log.script,
    others: log.other,
    sent,
    receiveExactly: (message) => receive(Buffer.from(message, 'latin1'), from),
    receive: (message) => receive(Buffer.from(message.replace(/\r?\n/g, '\r\n'), 'latin1'), from),
    rpc: (name, ...args) => kamcmd(host, commands, name, ...args),
    async stop() {
      for (const m of [...program.modules].reverse()) await m.stop?.(host, host.state({ module: m.name }));
    },
  };
}
