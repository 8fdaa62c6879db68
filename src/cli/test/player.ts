/**
 * Plays datagrams at a real server: `unshare -rn node player.js`. In a network of its own every address is free to take, and
 * nothing leaves it. Orders come as lines of JSON on standard input, what happens goes out the same way.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export type Order =
  | { readonly do: 'bind'; readonly address: string }
  | { readonly do: 'start'; readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> }
  | { readonly do: 'send'; readonly from: string; readonly to: string; readonly data: string };

export type Report =
  | { readonly is: 'bound'; readonly address: string; readonly error?: string }
  | { readonly is: 'got'; readonly at: string; readonly data: string }
  | { readonly is: 'ready' }
  | { readonly is: 'line'; readonly text: string }
  | { readonly is: 'ended'; readonly status: number | null };

/** Milliseconds that workers and start-up routes get once the sockets are there. */
const SETTLE = 400;

const sockets = new Map<string, Socket>();
const addresses = new Set(['127.0.0.1']);
let server: ChildProcess | undefined;

function tell(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** `ip:port`, IPv6 in brackets. */
function parts(address: string): { readonly ip: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { ip: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

function bind(address: string): void {
  if (sockets.has(address)) return tell({ is: 'bound', address });
  const { ip, port } = parts(address);
  if (!addresses.has(ip) && !ip.startsWith('127.') && ip !== '::1') {
    addresses.add(ip);
    spawnSync('ip', ['addr', 'add', `${ip}/${ip.includes(':') ? 128 : 32}`, 'dev', 'lo']);
  }
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  sockets.set(address, socket);
  socket.on('message', (data) => tell({ is: 'got', at: address, data: data.toString('base64') }));
  socket.once('error', (e) => tell({ is: 'bound', address, error: e.message }));
  socket.bind(port, ip, () => tell({ is: 'bound', address }));
}

function start(command: readonly string[], env: Readonly<Record<string, string>>): void {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, ...env } });
  server = child;
  createInterface({ input: child.stderr, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (text) =>
    tell({ is: 'line', text }),
  );
  awaitSockets(child);
  child.on('error', (e) => tell({ is: 'line', text: `CRITICAL: ${e.message}` }));
  child.on('close', (status) => tell({ is: 'ended', status }));
}

/** Its sockets are those of this network that are not our own: what is sent from then on waits for it. */
function awaitSockets(child: ChildProcess): void {
  const timer = setInterval(() => {
    if (child.exitCode !== null) return clearInterval(timer);
    const open = ['/proc/net/udp', '/proc/net/udp6'].flatMap((f) =>
      readFileSync(f, 'latin1').trim().split('\n').slice(1),
    );
    if (open.length <= sockets.size) return;
    clearInterval(timer);
    setTimeout(() => tell({ is: 'ready' }), SETTLE);
  }, 20);
}

spawnSync('ip', ['link', 'set', 'lo', 'up']);
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const order = JSON.parse(line) as Order;
  if (order.do === 'bind') bind(order.address);
  else if (order.do === 'start') start(order.command, order.env);
  else {
    const { ip, port } = parts(order.to);
    sockets.get(order.from)?.send(Buffer.from(order.data, 'base64'), port, ip);
  }
});
input.on('close', () => {
  server?.kill('SIGTERM');
  const end = () => process.exit(0);
  if (server === undefined || server.exitCode !== null) end();
  else server.once('close', end);
  setTimeout(() => {
    server?.kill('SIGKILL');
    end();
  }, 5000).unref();
});
