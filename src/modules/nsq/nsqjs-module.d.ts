/** The part of nsqjs 0.13.0 (which has no types) that nsqjs.ts uses. */
declare module 'nsqjs/lib/nsqdconnection.js' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';
  import type { Writable } from 'node:stream';

  export interface NsqjsOptions {
    authSecret?: string | null;
    clientId?: string | null;
    heartbeatInterval?: number;
    idleTimeout?: number;
    messageTimeout?: number | null;
    outputBufferSize?: number | null;
    outputBufferTimeout?: number | null;
    requeueDelay?: number;
    tls?: boolean;
    tlsVerification?: boolean;
    ca?: Buffer | null;
    cert?: Buffer | null;
    key?: Buffer | null;
  }

  export class NSQDConnection extends EventEmitter {
    constructor(host: string, port: number, topic: string | null, channel: string | null, options: NsqjsOptions);
    /** Null before connect() took effect. */
    conn: Socket | null;
    outWriter: Writable | null;
    readonly msgTimeout: number;
    readonly maxMsgTimeout: number;
    readonly maxRdyCount: number;
    readonly nsqdVersion: string | null;
    connect(): void;
    /** Takes bytes of the socket; throws on what is no frame or no JSON. */
    receiveData(data: Buffer): void;
    /** Writes a command; a string is UTF-8. */
    write(data: string | Buffer): void;
    /** Makes what `message` events carry: 8 bytes timestamp, 2 bytes attempts, 16 bytes id, body. */
    createMessage(payload: Buffer): unknown;
    setRdy(count: number): void;
    destroy(): void;
    clearIdentifyTimeout(): void;
    startTLS(): void;
    registerStreamListeners(socket: Socket): void;
  }

  export class WriterNSQDConnection extends NSQDConnection {
    constructor(host: string, port: number, options: NsqjsOptions);
    produceMessages(
      topic: string,
      messages: Buffer[],
      deferMs: undefined,
      callback: (error: Error | null) => void,
    ): void;
  }
}
