/** The page for probes and Prometheus: GET /healthz, /readyz and /metrics, on an address of its own (`--admin`). */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metricsText, unready } from '../runtime/health.js';
import type { Host } from '../runtime/host.js';

export interface AdminAddress {
  readonly ip: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface Admin {
  readonly url: string;
  stop(): Promise<void>;
}

/** `[ADDRESS:]PORT`, loopback without an address; a text says why it is none. */
export function adminAddress(text: string): AdminAddress | string {
  const [, bracketed, plain, port] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) return `'${text}' is no [ADDRESS:]PORT`;
  return { ip: bracketed ?? plain ?? '127.0.0.1', port: Number(port) };
}

/** Rejects when the address cannot be had. */
export async function startAdmin(host: Host, { ip, port }: AdminAddress): Promise<Admin> {
  const server = createServer((request, response) => answer(host, request, response));
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(port, ip, done);
  });
  const at = server.address() as AddressInfo;
  return { url: `http://${ip.includes(':') ? `[${ip}]` : ip}:${at.port}`, stop: () => ended(server) };
}

function ended(server: HttpServer): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

type Page = (host: Host) => readonly [status: number, type: string, body: string];

const PAGES: Readonly<Record<string, Page>> = {
  '/healthz': () => [200, 'text/plain', 'ok\n'],
  '/readyz': (host) => {
    const reasons = unready(host);
    const ready = Object.keys(reasons).length === 0;
    return [ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, reasons })}\n`];
  },
  '/metrics': (host) => [200, 'text/plain; version=0.0.4', metricsText(host)],
};

function answer(host: Host, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0]!;
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  const [status, type, body] =
    request.method !== 'GET' && request.method !== 'HEAD'
      ? [405, 'text/plain', 'only GET\n']
      : (page?.(host) ?? [404, 'text/plain', `there are ${Object.keys(PAGES).join(', ')}\n`]);
  response.writeHead(status, { 'content-type': type });
  response.end(request.method === 'HEAD' ? undefined : body);
}
