/** `kamscript send URI`: one SIP request over UDP, and the answers to it. */

import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import type { Command } from 'commander';
import { parseUri } from '../../sip/uri.js';
import { deferred } from '../deferred.js';

interface Options {
  readonly method: string;
  readonly body?: string;
  readonly type: string;
  readonly header: readonly string[];
  readonly timeout: string;
  readonly from: string;
}

export function addSend(program: Command, setStatus: (status: number) => void): void {
  program
    .command('send')
    .description('send a SIP request over UDP and print the replies; status 0 when a final reply below 400 came')
    .argument('<uri>', 'request URI, for example sip:alice@127.0.0.1:5060')
    .option('-m, --method <method>', 'request method', 'OPTIONS')
    .option('-b, --body <text>', 'body')
    .option('-t, --type <type>', 'Content-Type of the body', 'text/plain')
    .option('-H, --header <line...>', 'further header lines', [])
    .option('--from <uri>', 'From URI', 'sip:kamscript@127.0.0.1')
    .option('--timeout <seconds>', 'how long to wait for a final reply', '5')
    .action(async (uri: string, options: Options) => setStatus(await send(uri, options)));
}

async function send(text: string, options: Options): Promise<number> {
  const uri = parseUri(text);
  if (uri === undefined || uri.host === '') {
    process.stderr.write(`send: '${text}' is no SIP URI; write sip:user@host:port\n`);
    return 2;
  }
  const host = uri.host.replace(/^\[|\]$/g, '');
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    return await exchange(socket, host, uri.port || 5060, text, options);
  } finally {
    socket.close();
  }
}

async function exchange(
  socket: dgram.Socket,
  host: string,
  port: number,
  uri: string,
  options: Options,
): Promise<number> {
  const { promise, resolve } = deferred<number>();
  await new Promise<void>((done) => socket.connect(port, host, done));
  const { address, port: own } = socket.address();
  const request = requestText(uri, `${address.includes(':') ? `[${address}]` : address}:${own}`, options);
  socket.on('error', (e) => {
    process.stderr.write(`send: ${e.message}\n`);
    resolve(1);
  });
  socket.on('message', (data) => {
    const reply = data.toString('latin1');
    process.stdout.write(`${reply.trimEnd()}\n\n`);
    const status = Number(/^SIP\/2\.0 (\d{3})/i.exec(reply)?.[1] ?? 0);
    if (status >= 200) resolve(status < 400 ? 0 : 1);
  });
  socket.send(Buffer.from(request, 'latin1'));
  const seconds = Number(options.timeout);
  const timer = setTimeout(() => {
    process.stderr.write(`send: no final reply within ${seconds} s\n`);
    resolve(1);
  }, seconds * 1000);
  const status = await promise;
  clearTimeout(timer);
  return status;
}

function requestText(uri: string, via: string, options: Options): string {
  const id = randomBytes(8).toString('hex');
  const body = options.body === undefined ? '' : Buffer.from(options.body, 'utf8').toString('latin1');
  return [
    `${options.method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${via};rport;branch=z9hG4bK${id}`,
    'Max-Forwards: 70',
    `From: <${options.from}>;tag=${id.slice(0, 8)}`,
    `To: <${uri}>`,
    `Call-ID: ${id}@kamscript`,
    `CSeq: 1 ${options.method}`,
    `Contact: <sip:kamscript@${via}>`,
    ...options.header,
    ...(body === '' ? [] : [`Content-Type: ${options.type}`]),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}
