/** Calls RPC commands of a running server over the control socket of its module ctl, as kamcmd does. */
import { createConnection } from 'node:net';
import { parseCtlAddress } from '../modules/ctl/address.js';
import { PACKET, readPacket, requestPacket } from '../modules/ctl/binrpc.js';
import type { RpcValue } from '../runtime/module.js';

export const DEFAULT_SOCKET = 'unixs:/run/kamailio/kamailio_ctl';

/** The server said no, or cannot be reached; the text says which and what to do. */
export class RpcError extends Error {
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const COOKIE = 0x6b616d73;

/** First value of the answer. Rejects with an RpcError. */
export function callServer(socket: string, name: string, ...args: readonly RpcValue[]): Promise<RpcValue> {
  const address = parseCtlAddress(socket);
  if (address === undefined || address.kind === 'unix_dgram' || address.kind === 'udp')
    return Promise.reject(
      new RpcError('EADDRESS', `'${socket}' is no control socket such as ${DEFAULT_SOCKET} or tcp:127.0.0.1:2049`),
    );
  return new Promise((resolve, reject) => {
    const stream = createConnection(
      'path' in address ? { path: address.path } : { host: address.host, port: address.port },
    );
    let data = Buffer.alloc(0);
    const end = (done: () => void) => {
      stream.destroy();
      done();
    };
    stream.once('connect', () => stream.write(requestPacket(COOKIE, [name, ...args])));
    stream.on('error', (e) => end(() => reject(new RpcError('ECONNECT', unreachable(socket, e), e))));
    stream.on('close', () => reject(new RpcError('ECLOSED', `${socket}: the server closed the connection`)));
    stream.on('data', (chunk: Buffer) => {
      data = Buffer.concat([data, chunk]);
      const packet = readPacket(data, true);
      if (packet === 'more') return;
      end(() => {
        if (packet === 'bad' || packet.values === undefined) reject(new RpcError('EANSWER', `${socket}: no binrpc`));
        else if (packet.type === PACKET.FAULT) reject(new RpcError('EFAULT', `${name}: ${packet.values[1]}`));
        else resolve(packet.values[0] ?? null);
      });
    });
  });
}

function unreachable(socket: string, e: Error): string {
  return `${socket}: ${e.message}; the server's script needs loadmodule "ctl.so", and --socket its address`;
}
