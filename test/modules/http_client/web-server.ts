/** An HTTP server that keeps every request byte for byte and answers by path; https with the certificates of the tls tests. */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

const CERTS = path.join(import.meta.dirname, '../tls/certs');

/** Whole answers; `PORT` is the server's own. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/ok':
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Test: yes\r\nContent-Length: 24\r\n\r\nfirst line\nsecond line\r\n',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '/none': 'HTTP/1.1 204 No Content\r\n\r\n',
  '/missing': 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n',
  '/broken': 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops',
  '/moved': 'HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 5\r\n\r\nmoved',
  '/see': 'HTTP/1.1 303 See Other\r\nLocation: http://127.0.0.1:PORT/ok\r\nContent-Length: 0\r\n\r\n',
  '/kept': 'HTTP/1.1 307 Temporary Redirect\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n',
  '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n',
  '/close': 'HTTP/1.0 200 OK\r\n\r\nuntil the end',
  '/utf8': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncaf\xc3\xa9',
  '/garbage': 'this is no HTTP\r\n\r\n',
  '/short': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut',
  '/basic': 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 2\r\n\r\nno',
  '/digest':
    'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="abc", qop="auth", algorithm=MD5\r\nContent-Length: 2\r\n\r\nno',
};

/** Paths whose answer ends the connection. */
const ENDING = new Set(['/close', '/short', '/garbage', '/gone']);

export interface WebServer {
  readonly port: number;
  readonly tlsPort: number;
  /** What came, one text a request. */
  readonly requests: string[];
  close(): Promise<void>;
}

function answerOf(request: string, port: number): string | undefined {
  const [, target = ''] = request.split(' ', 2);
  // a fuzz test asks for texts that are no URL
  const at = URL.canParse(target, 'http://x') ? new URL(target, 'http://x').pathname : target;
  if (at === '/silent' || at === '/gone') return undefined;
  if (/^Authorization: /im.test(request) && (at === '/basic' || at === '/digest')) return ANSWERS['/ok'];
  if (at === '/echo') {
    const body = request.slice(request.indexOf('\r\n\r\n') + 4);
    return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
  return (ANSWERS[at] ?? ANSWERS['/missing']!).replace('PORT', `${port}`);
}

function serve(stream: net.Socket, requests: string[], port: () => number): void {
  let data = '';
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    data += chunk.toString('latin1');
    for (;;) {
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/^content-length: *(\d+)/im.exec(data.slice(0, end + 2))?.[1] ?? 0);
      const whole = end + 4 + length;
      if (data.length < whole) return;
      const request = data.slice(0, whole);
      data = data.slice(whole);
      requests.push(request);
      const answer = answerOf(request, port());
      if (answer !== undefined) stream.write(Buffer.from(answer, 'latin1'));
      if (ENDING.has(request.split(' ', 2)[1] ?? '')) stream.end();
    }
  });
}

export async function webServer(): Promise<WebServer> {
  const requests: string[] = [];
  const streams = new Set<net.Socket>();
  const take = (stream: net.Socket) => {
    streams.add(stream);
    stream.on('close', () => streams.delete(stream));
    serve(stream, requests, () => port);
  };
  const plain = net.createServer(take);
  const secure = createTlsServer(
    { cert: readFileSync(path.join(CERTS, 'server.pem')), key: readFileSync(path.join(CERTS, 'server.key')) },
    take,
  );
  const listen = (server: net.Server) =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
    });
  const port = await listen(plain);
  const tlsPort = await listen(secure);
  return {
    port,
    tlsPort,
    requests,
    async close() {
      for (const stream of streams) stream.destroy();
      for (const server of [plain, secure]) await new Promise((resolve) => server.close(resolve));
    },
  };
}
