/** The ways to jsonrpcs beside HTTP: a FIFO, and datagrams over UDP or a unix socket. */
import { createSocket } from 'node:dgram';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Host, LEVEL } from '../../runtime/module.js';
import { openFifo, writeReply } from '../control-sockets/fifo.js';
import { ControlSocketError, cannotOpen, codeOf, inRuntimeDir, makeFolder } from '../control-sockets/files.js';
import { JsonCutter } from '../control-sockets/json-cutter.js';
import { openUnixDatagram } from '../control-sockets/unix-datagram.js';
import { type Answer, execute, type Request, readRequest } from './execute.js';
import type { JsonrpcsParams } from './params.js';

export interface Opened {
  close(): void;
}

/** The parameter was left as it is: then the place is of the server's choice. */
const DEFAULT_FIFO = 'kamailio_rpc.fifo';
const DEFAULT_DGRAM = 'kamailio_rpc.sock';

const log = (host: Host, text: string) => host.log.write(LEVEL.ERR, 'jsonrpcs', `${text}\n`);

const waitOn = (host: Host) => (ms: number) =>
  new Promise<void>((resolve) => {
    host.clock.after(ms, resolve);
  });

// ------------------------------------------------------------------------ FIFO

export async function startFifo(host: Host, params: JsonrpcsParams): Promise<Opened | undefined> {
  const file = inRuntimeDir(host, params.fifo_name ?? DEFAULT_FIFO);
  if (params.fifo_name === '' || file === undefined) return undefined;
  checkReplyFolder(params.fifo_reply_dir);
  if (params.fifo_name === null) makeFolder(file);
  const cutter = new JsonCutter((text) => host.detach(answerFifo(host, params, text), 'jsonrpcs FIFO'));
  const access = { mode: params.fifo_mode, user: params.fifo_user, group: params.fifo_group };
  return wanted(host, params.fifo_name, () => openFifo(file, access, (data) => cutter.push(data.toString('latin1'))));
}

/** Without a default socket, which nobody asked for, the server runs all the same; the log says so. */
async function wanted(host: Host, param: string | null, open: () => Promise<Opened>): Promise<Opened | undefined> {
  try {
    return await open();
  } catch (e) {
    if (param !== null || !(e instanceof ControlSocketError)) throw e;
    host.log.write(LEVEL.WARN, 'jsonrpcs', `${e.message}; the server runs without it\n`);
    return undefined;
  }
}

function checkReplyFolder(folder: string): void {
  if (folder === '' || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ControlSocketError(`fifo_reply_dir parameter is not a directory: "${folder}"`);
  }
}

async function answerFifo(host: Host, params: JsonrpcsParams, text: string): Promise<void> {
  const request = readRequest(text);
  if (request === undefined) return log(host, `invalid json doc [[${text}]]`);
  const name = request.member('reply_name');
  if (typeof name !== 'string') return log(host, 'missing reply_name field in request');
  const { body } = await run(host, request, params, 'fifo');
  const why = await writeReply(params.fifo_reply_dir, name, body, waitOn(host));
  if (why !== undefined) log(host, why);
}

function run(
  host: Host,
  request: Request,
  params: JsonrpcsParams,
  transport: 'fifo' | 'datagram',
): Answer | Promise<Answer> {
  return execute(host, request, { transport }, params.pretty_format !== 0);
}

// ------------------------------------------------------------------- datagrams

export async function startDatagram(host: Host, params: JsonrpcsParams): Promise<Opened | undefined> {
  const { dgram_socket: where } = params;
  if (where === '') return undefined;
  const udp = /^udp:(.+):(\d+)$/i.exec(where ?? '');
  if (udp) return openUdp(host, params, udp[1] ?? '', Number(udp[2]));
  const file = inRuntimeDir(host, (where ?? DEFAULT_DGRAM).replace(/^unix:/, ''));
  if (file === undefined) return undefined;
  const access = { mode: params.dgram_mode, user: params.dgram_user, group: params.dgram_group };
  return wanted(host, where, async () => {
    const socket = await openUnixDatagram(file, access, (data, from) => {
      host.detach(
        answerDatagram(host, params, data, (body) => socket.send(body, from)),
        'jsonrpcs datagram',
      );
    });
    return socket;
  });
}

async function answerDatagram(
  host: Host,
  params: JsonrpcsParams,
  data: Buffer,
  send: (body: string) => void,
): Promise<void> {
  const text = data.toString('latin1').trim();
  const request = readRequest(text);
  if (request === undefined) return log(host, `invalid json doc [[${text}]]`);
  send((await run(host, request, params, 'datagram')).body);
}

async function openUdp(host: Host, params: JsonrpcsParams, name: string, port: number): Promise<Opened> {
  const plain = name.replace(/^\[(.*)\]$/, '$1');
  const socket = createSocket(isIP(plain) === 6 ? 'udp6' : 'udp4');
  socket.on('message', (data, from) => {
    const send = (body: string) => socket.send(Buffer.from(body, 'latin1'), from.port, from.address, () => undefined);
    host.detach(answerDatagram(host, params, data, send), 'jsonrpcs datagram');
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (e) => reject(cannotOpen(`udp:${name}:${port}`, e)));
    socket.bind(port, plain, resolve);
  });
  socket.on('error', (e) => log(host, `datagram socket: ${codeOf(e)}`));
  return { close: () => socket.close() };
}
