/**
 * A UDP socket that reads and writes many datagrams a system call. dgram keeps the event loop: it tells of readiness with
 * the first datagram, and the rest of the burst is drained from the same descriptor. What is sent meanwhile goes out in
 * one call. Behaves as UdpTransport (one test suite plays both).
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { DatagramVector, ipNumber, ipText, SLOT_BYTES, SLOTS, socketAddress } from './datagram-vector.js';
import type { Kernel } from './kernel.js';
import { setMulticast, setPacketOptions } from './socket-options.js';
import type { Destination, ListenSocket, OnDatagram, Received, SendOptions, Transport } from './transport.js';
import type { UdpOptions } from './udp.js';

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const ERRORS: Readonly<Record<number, string>> = {
  13: 'EACCES',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  90: 'EMSGSIZE',
  101: 'ENETUNREACH',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
  105: 'ENOBUFS',
};
const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** Errors that say nothing of how the datagrams were handed over: EAGAIN, ENOBUFS, no route, refused. */
const PASSING: ReadonlySet<number> = new Set([EAGAIN, 105, 101, 111, 113]);
/** Bursts drained at a time before the event loop gets its turn. */
const BURSTS = 4;
const TEXTS_KEPT = 4096;

function failure(errno: number, what: string): NodeJS.ErrnoException {
  const code = ERRORS[errno] ?? `E${errno}`;
  return Object.assign(new Error(`${what} ${code}`), { code, errno: -errno, syscall: what });
}

export class BatchUdpTransport implements Transport {
  readonly socket: ListenSocket;
  readonly #kernel: Kernel;
  readonly #options: UdpOptions;
  #in: DatagramVector | null = null;
  #out: DatagramVector | null = null;
  #fd = -1;
  #dgram: Socket | null = null;
  #queued = 0;
  #failures: (((error: Error) => void) | undefined)[] = [];
  readonly #order = new Uint8Array(SLOTS);
  #planned = false;
  /** What is sent waits for the end of what runs. */
  #collecting = false;
  /** Does the kernel divide several datagrams that it is given as one? */
  #segment = true;
  /** Drains in a row that found nothing: bursts are rare then, and looking for them costs a call. */
  #empty = 0;
  readonly #texts = new Map<number, string>();
  readonly #numbers = new Map<string, number>();

  constructor(socket: ListenSocket, kernel: Kernel, options: UdpOptions = {}) {
    this.socket = socket;
    this.#kernel = kernel;
    this.#options = options;
  }

  start(onMessage: OnDatagram): Promise<void> {
    try {
      this.#fd = this.#open();
    } catch (e) {
      return Promise.reject(e);
    }
    this.#in = new DatagramVector(this.#kernel);
    this.#out = new DatagramVector(this.#kernel);
    const dgram = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
    this.#dgram = dgram;
    dgram.on('message', (data: Buffer, info: RemoteInfo) => {
      this.together(() => {
        onMessage(data, this.#from(info.address, info.port));
        this.#drain(onMessage);
      });
    });
    return new Promise((resolve, reject) => {
      dgram.once('error', reject);
      dgram.bind({ fd: this.#fd }, () => {
        dgram.off('error', reject);
        dgram.on('error', (e) => this.#options.onError?.(e));
        const { packets, multicast } = this.#options;
        setPacketOptions(this.#fd, 4, packets ?? {});
        try {
          if (multicast !== undefined) setMulticast(dgram, this.socket.ip, multicast);
        } catch (error) {
          dgram.close();
          return reject(error);
        }
        resolve();
      });
    });
  }

  /** Makes and binds the descriptor; throws an error with `code`. */
  #open(): number {
    const kernel = this.#kernel;
    const fd = kernel.socket(AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) throw failure(kernel.errno(), 'socket');
    this.#setOption(fd, SO_RCVBUF, this.#options.receiveBuffer ?? RECEIVE_BUFFER);
    if (this.#options.reuse) this.#setOption(fd, SO_REUSEADDR, 1);
    const address = socketAddress(this.socket.ip, this.socket.port);
    if (kernel.bind(fd, address, address.length) !== 0) {
      const e = failure(kernel.errno(), 'bind');
      kernel.close(fd);
      throw e;
    }
    return fd;
  }

  #setOption(fd: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    this.#kernel.setsockopt(fd, SOL_SOCKET, name, bytes, bytes.length);
  }

  #from(ip: string, port: number): Received {
    return { proto: 'udp', srcIp: ip, srcPort: port, socket: this.socket, connection: 0 };
  }

  /** Takes what else has arrived. */
  #drain(onMessage: OnDatagram): void {
    if (this.#empty > 3 && (this.#empty++ & 3) !== 0) return;
    const vector = this.#in!;
    for (let burst = 0; burst < BURSTS; burst++) {
      const n = this.#kernel.recvmmsg(this.#fd, vector.address, SLOTS, MSG_DONTWAIT, 0);
      if (n <= 0) {
        if (burst === 0) this.#empty++;
        return;
      }
      this.#empty = 0;
      for (let i = 0; i < n; i++) onMessage(vector.text(i), this.#from(this.#text(vector.ip(i)), vector.port(i)));
      this.#flush();
      if (n < SLOTS || this.#dgram === null) return;
    }
  }

  #text(ip: number): string {
    let text = this.#texts.get(ip);
    if (text === undefined) {
      text = ipText(ip);
      if (this.#texts.size >= TEXTS_KEPT) this.#texts.clear();
      this.#texts.set(ip, text);
    }
    return text;
  }

  #number(ip: string): number | undefined {
    let n = this.#numbers.get(ip);
    if (n !== undefined) return n;
    n = ipNumber(ip);
    if (n === undefined) return undefined;
    if (this.#numbers.size >= TEXTS_KEPT) this.#numbers.clear();
    this.#numbers.set(ip, n);
    return n;
  }

  send(data: string | Buffer, to: Destination, _options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    if (this.#dgram === null || to.port < 1 || to.port > 65535) return false;
    const ip = this.#number(to.ip);
    if (ip === undefined) return false;
    if (data.length > SLOT_BYTES) {
      onFailure?.(failure(90, 'send'));
      return true;
    }
    const slot = this.#queued;
    const out = this.#out!;
    out.put(slot, data);
    out.setTarget(slot, ip, to.port);
    this.#failures[slot] = onFailure;
    this.#queued = slot + 1;
    if (this.#queued === SLOTS) this.#flush();
    else if (!this.#planned && !this.#collecting) {
      this.#planned = true;
      setImmediate(this.#flushLater);
    }
    return true;
  }

  readonly #flushLater = (): void => {
    this.#planned = false;
    this.#flush();
  };

  together(work: () => void): void {
    this.#collecting = true;
    try {
      work();
    } finally {
      this.#collecting = false;
      this.#flush();
    }
  }

  /** Sends what is queued; a datagram that cannot go is told of, and the others go on. */
  #flush(): void {
    const n = this.#queued;
    if (n === 0 || this.#dgram === null) return;
    this.#queued = 0;
    if (n > 2 && this.#segment && this.#out!.group(n, this.#order)) this.#reorderFailures(n);
    for (let at = 0; at < n; ) at = this.#sendFrom(at, n, this.#segment);
  }

  #reorderFailures(count: number): void {
    const old = this.#failures.slice(0, count);
    for (let i = 0; i < count; i++) this.#failures[i] = old[this.#order[i]!];
  }

  /** Sends slots `from` to `to`; gives the first that is left after one was refused, or `to`. */
  #sendFrom(from: number, to: number, segment: boolean): number {
    const out = this.#out!;
    const runs = out.plan(from, to, segment);
    for (let run = 0; run < runs; ) {
      const sent = this.#kernel.sendmmsg(this.#fd, out.from(run), runs - run, MSG_DONTWAIT);
      if (sent > 0) {
        run += sent;
        continue;
      }
      const errno = this.#kernel.errno();
      const first = out.start(run);
      const next = out.start(run + 1);
      if (next - first === 1) {
        this.#refused(first, errno);
        return next;
      }
      // some networks cannot have it: one by one then
      if (!PASSING.has(errno)) this.#segment = false;
      for (let at = first; at < next; ) at = this.#sendFrom(at, next, false);
      return next;
    }
    return to;
  }

  #refused(slot: number, errno: number): void {
    const out = this.#out!;
    const onFailure = this.#failures[slot];
    if (errno === EAGAIN) {
      // The kernel's buffer is full: dgram waits for room.
      this.#dgram?.send(out.copy(slot), out.port(slot), this.#text(out.ip(slot)), (e) => {
        if (e) onFailure?.(e);
      });
      return;
    }
    onFailure?.(failure(errno, 'send'));
  }

  stop(): Promise<void> {
    const dgram = this.#dgram;
    if (dgram === null) return Promise.resolve();
    this.#flush();
    this.#dgram = null;
    return new Promise((resolve) => dgram.close(() => resolve()));
  }
}
