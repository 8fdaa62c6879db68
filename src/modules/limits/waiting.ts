/** Bytes that wait in the receive queues of the server's sockets, for the algorithm NETWORK: Linux tells them. */
import { readFileSync } from 'node:fs';
import type { Host } from '../../runtime/host.js';

const TABLES = ['udp', 'udp6', 'tcp', 'tcp6'].map((name) => `/proc/net/${name}`);

/** Sum of the receive queues of sockets with those local ports in one of the kernel's tables. */
export function queuedIn(table: string, ports: ReadonlySet<number>): number {
  let sum = 0;
  for (const line of table.split('\n').slice(1)) {
    // sl, local address:port, remote, state, transmit:receive queue; all in hexadecimal
    const [, local = '', , , queues = ''] = line.trim().split(/\s+/);
    if (!ports.has(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16))) continue;
    sum += Number.parseInt(queues.slice(queues.indexOf(':') + 1), 16) || 0;
  }
  return sum;
}

/** 0 where the system does not tell. */
export function bytesWaiting(host: Host): number {
  const ports = new Set(host.sockets.map((s) => s.port));
  let sum = 0;
  for (const file of TABLES) {
    try {
      sum += queuedIn(readFileSync(file, 'latin1'), ports);
    } catch {
      // no such table: another system, or no IPv6
    }
  }
  return sum;
}
