/** Control sockets: what comes as binrpc is run and answered, request by request on each connection. */
import { createSocket } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type Host, LEVEL, RpcFault, type RpcValue } from '../../runtime/module.js';
import { addedValues, findRpc, runRpc } from '../../runtime/rpc.js';
import { type Access, cannotOpen, clearPath, grant } from '../control-sockets/files.js';
import { openUnixDatagram } from '../control-sockets/unix-datagram.js';
import type { CtlAddress } from './address.js';
import { faultPacket, PACKET, type Packet, readPacket, replyPacket } from './binrpc.js';

/** What ctl.who shows of a connection. */
export interface CtlConnection {
  readonly address: CtlAddress;
  readonly remote: { readonly ip: string; readonly port: number } | undefined;
}

export interface CtlState {
  readonly listening: CtlAddress[];
  readonly connections: Set<CtlConnection>;
  readonly open: { close(): void }[];
}

const BAD_REQUEST = 400;
const SERVER_ERROR = 500;

/** The packet that answers a request; never rejects. */
async function answer(host: Host, request: Packet): Promise<Buffer> {
  const fault = (code: number, text: string) => faultPacket(request.cookie, code, text);
  if (request.type !== PACKET.REQUEST) return fault(BAD_REQUEST, 'bad request: corrupted packet');
  if (request.values === undefined) return fault(BAD_REQUEST, `bad request: ${request.error}`);
  const [name, ...args] = request.values;
  if (typeof name !== 'string') return fault(BAD_REQUEST, `bad request method: ${methodProblem(name)}`);
  const command = findRpc(host, name);
  if (command === undefined) return fault(SERVER_ERROR, `command ${name} not found`);
  try {
    const result = await runRpc(host, command, args, { transport: 'binrpc' });
    return replyPacket(request.cookie, addedValues(command, result));
  } catch (e) {
    return e instanceof RpcFault ? fault(e.code, e.message) : fault(SERVER_ERROR, 'internal server error');
  }
}

const methodProblem = (name: RpcValue | undefined) =>
  name === undefined ? 'end of packet encountered' : "record doesn't match type";

// --------------------------------------------------------------------- streams

const IDLE_MS = 120_000;
const MAX_CONNECTIONS = 128;

function serveStream(host: Host, state: CtlState, address: CtlAddress, stream: Socket): void {
  if (state.connections.size >= MAX_CONNECTIONS) {
    host.log.write(LEVEL.ERR, 'ctl', `maximum number of connections exceeded: ${MAX_CONNECTIONS}\n`);
    stream.destroy();
    return;
  }
  const { remoteAddress: ip, remotePort: port } = stream;
  const connection: CtlConnection = { address, remote: ip && port ? { ip, port } : undefined };
  state.connections.add(connection);
  stream.setTimeout(IDLE_MS, () => stream.destroy());
  stream.on('error', () => undefined);
  stream.once('close', () => state.connections.delete(connection));
  let pending: Buffer = Buffer.alloc(0);
  let busy = false;
  const next = () => {
    if (busy || stream.destroyed || pending.length === 0) return;
    const request = readPacket(pending);
    if (request === 'more') return;
    if (request === 'bad') {
      stream.end(faultPacket(0, BAD_REQUEST, 'bad request: corrupted packet'));
      return;
    }
    pending = pending.subarray(request.size);
    busy = true;
    host.detach(
      answer(host, request).then((reply) => {
        stream.write(reply);
        busy = false;
        next();
      }),
      'ctl',
    );
  };
  stream.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    next();
  });
}

// ---------------------------------------------------------------------- opening

/** Opens the socket; throws a ControlSocketError. */
export async function openCtl(host: Host, state: CtlState, address: CtlAddress, access: Access): Promise<void> {
  state.open.push(await opener(host, state, address, access));
  state.listening.push(address);
}

function opener(host: Host, state: CtlState, address: CtlAddress, access: Access): Promise<{ close(): void }> {
  switch (address.kind) {
    case 'unix_stream':
    case 'tcp':
      return listen(host, state, address, access);
    case 'udp':
      return openUdp(host, address.host, address.port);
    case 'unix_dgram':
      return openDatagram(host, address.path, access);
  }
}

async function listen(host: Host, state: CtlState, address: CtlAddress, access: Access): Promise<{ close(): void }> {
  const streams = new Set<Socket>();
  const server: Server = createServer((stream) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    serveStream(host, state, address, stream);
  });
  const path = 'path' in address ? address.path : undefined;
  if (path !== undefined) clearPath(path, 'socket');
  const where = 'path' in address ? { path: address.path } : inet(address.host, address.port);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (e) => reject(cannotOpen(textOf(address), e)));
    server.listen(where, resolve);
  });
  if (path !== undefined) grant(path, access);
  server.on('error', (e) => host.log.write(LEVEL.ERR, 'ctl', `${e.message}\n`));
  return {
    close() {
      server.close();
      for (const stream of streams) stream.destroy();
    },
  };
}

function inet(host: string, port: number): { port: number; host?: string } {
  return host === '*' ? { port } : { port, host };
}

export function textOf(address: CtlAddress): string {
  return 'path' in address ? address.path : `${address.kind}:${address.host}:${address.port}`;
}

function datagram(host: Host, send: (reply: Buffer) => void): (data: Buffer) => void {
  return (data) => {
    const request = readPacket(data);
    if (request === 'more' || request === 'bad') return;
    host.detach(answer(host, request).then(send), 'ctl');
  };
}

async function openUdp(host: Host, name: string, port: number): Promise<{ close(): void }> {
  const socket = createSocket(isIPv6(name) ? 'udp6' : 'udp4');
  socket.on('message', (data, from) => {
    datagram(host, (reply) => socket.send(reply, from.port, from.address, () => undefined))(data);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (e) => reject(cannotOpen(`udp:${name}:${port}`, e)));
    socket.bind(port, name === '*' ? undefined : name, resolve);
  });
  socket.on('error', (e) => host.log.write(LEVEL.ERR, 'ctl', `${e.message}\n`));
  return { close: () => socket.close() };
}

async function openDatagram(host: Host, path: string, access: Access): Promise<{ close(): void }> {
  const socket = await openUnixDatagram(path, access, (data, from) => {
    datagram(host, (reply) => socket.send(reply.toString('latin1'), from))(data);
  });
  return socket;
}
