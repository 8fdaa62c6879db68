/** A client of the inspector protocol of a Node.js process: enough of a WebSocket for tests. */
import { randomBytes } from 'node:crypto';
import { get, request } from 'node:http';
import type { Socket } from 'node:net';

export interface Inspector {
  send(method: string, params?: object): Promise<Record<string, unknown>>;
  /** Events of that name so far; `next` waits for one that fits. */
  next(method: string, fits?: (params: never) => boolean): Promise<Record<string, unknown>>;
  close(): void;
}

export async function connectInspector(port: number): Promise<Inspector> {
  const list = JSON.parse(await text(`http://127.0.0.1:${port}/json/list`)) as { webSocketDebuggerUrl: string }[];
  const socket = await upgrade(list[0]!.webSocketDebuggerUrl);
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  const events: { method: string; params: Record<string, unknown> }[] = [];
  const watchers = new Set<() => void>();
  let count = 0;
  onText(socket, (message) => {
    const m = JSON.parse(message) as { id?: number; result?: Record<string, unknown>; method: string; params: never };
    if (m.id !== undefined) waiting.get(m.id)?.(m.result ?? {});
    else {
      events.push(m);
      for (const look of watchers) look();
    }
  });
  return {
    send: (method, params = {}) => {
      const id = ++count;
      socket.write(frame(JSON.stringify({ id, method, params })));
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    next: (method, fits = () => true) =>
      new Promise((resolve) => {
        const look = () => {
          const found = events.find((e) => e.method === method && fits(e.params as never));
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found.params);
        };
        watchers.add(look);
        look();
      }),
    close: () => socket.destroy(),
  };
}

function text(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (res) => {
      let all = '';
      res.on('data', (d: Buffer) => {
        all += d;
      });
      res.on('end', () => resolve(all));
    }).on('error', reject);
  });
}

function upgrade(url: string): Promise<Socket> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  return new Promise((resolve, reject) => {
    const asked = request(url.replace('ws:', 'http:'), { headers });
    asked.on('upgrade', (_res, socket: Socket) => resolve(socket));
    asked.on('error', reject);
    asked.end();
  });
}

/** A masked text frame (RFC 6455, 5.2); the mask is zero. */
function frame(message: string): Buffer {
  const body = Buffer.from(message);
  const head = Buffer.alloc(8);
  head[0] = 0x81;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function onText(socket: Socket, take: (message: string) => void): void {
  let data = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    data = Buffer.concat([data, chunk]);
    while (data.length >= 2) {
      const short = data[1]! & 127;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (data.length < start) return;
      const length = short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short;
      if (data.length < start + length) return;
      if ((data[0]! & 15) === 1) take(data.toString('utf8', start, start + length));
      data = data.subarray(start + length);
    }
  });
}
