/**
 * The embedded broker: nsqd's V2 protocol and HTTP calls in this process, on loopback, in memory. For trying and testing:
 * what it holds is gone when it stops.
 */
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type Server as TcpServer } from 'node:net';
import { type Served, serve } from './broker/http.js';
import { DEFAULT_LIMITS, type Limits, Topics } from './broker/topics.js';
import { Client } from './broker/v2.js';

const LOOPBACK = '127.0.0.1';

export interface BrokerOptions {
  /** 0: a free one. */
  readonly tcpPort?: number;
  readonly httpPort?: number;
  readonly limits?: Partial<Limits>;
}

export interface RunningBroker {
  readonly tcpPort: number;
  readonly httpPort: number;
  readonly topics: Topics;
  stop(): Promise<void>;
}

/** Listens; rejects when a port is taken. */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const topics = new Topics({ ...DEFAULT_LIMITS, ...options.limits });
  const clients = new Set<Client>();
  const tcp = createServer((socket) => {
    clients.add(new Client(topics, socket, (gone) => clients.delete(gone)));
  });
  const served = {
    topics,
    clients,
    tcpPort: 0,
    httpPort: 0,
    startTime: Math.floor(Date.now() / 1000),
  } satisfies Served;
  const http = createHttpServer((request, response) => void serve(served, request, response));
  try {
    served.tcpPort = await listen(tcp, options.tcpPort ?? 0);
    served.httpPort = await listen(http, options.httpPort ?? 0);
  } catch (error) {
    topics.stop();
    tcp.close();
    throw error;
  }
  return {
    topics,
    tcpPort: served.tcpPort,
    httpPort: served.httpPort,
    async stop() {
      topics.stop();
      const closed = [tcp, http].map((server) => new Promise<void>((done) => server.close(() => done())));
      for (const client of clients) client.close();
      http.closeAllConnections();
      await Promise.all(closed);
    },
  };
}

function listen(server: TcpServer | HttpServer, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, LOOPBACK, () => {
      server.off('error', fail);
      const address = server.address();
      done(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
