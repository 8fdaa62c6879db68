/** The configured nsqds with their TCP ports: an address that turns out to be nsqd's HTTP port is asked for the other one. */
import { connect } from 'node:net';
import type { TimerHandle } from '../../runtime/host.js';
import { type Address, addressText } from './settings.js';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 2000;
const TIMEOUT = 3000;

export interface BookTools {
  after(ms: number, fn: () => void): TimerHandle;
  /** Where an address really leads; rejects when nobody is there. */
  find(at: Address): Promise<Address>;
  /** First failure of an address, and what it was found to be after one (`error` undefined). */
  onProblem(at: Address, error: string): void;
  onFound(at: Address, tcp: Address): void;
}

export class AddressBook {
  readonly #tools: BookTools;
  readonly #onList: (list: readonly Address[]) => void;
  readonly #found = new Map<string, Address>();
  readonly #timers = new Set<TimerHandle>();
  #stopped = false;

  /** `onList` is called with all found so far, whenever one more is found. */
  constructor(addresses: readonly Address[], tools: BookTools, onList: (list: readonly Address[]) => void) {
    this.#tools = tools;
    this.#onList = onList;
    for (const address of addresses) void this.#look(address, 0);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  async #look(address: Address, tries: number): Promise<void> {
    try {
      const tcp = await this.#tools.find(address);
      if (this.#stopped) return;
      this.#tools.onFound(address, tcp);
      this.#found.set(addressText(tcp), tcp);
      this.#onList([...this.#found.values()]);
    } catch (error) {
      if (this.#stopped) return;
      if (tries === 0) this.#tools.onProblem(address, error instanceof Error ? error.message : String(error));
      const timer = this.#tools.after(Math.min(FIRST_DELAY * 2 ** tries, LONGEST_DELAY), () => {
        this.#timers.delete(timer);
        void this.#look(address, tries + 1);
      });
      this.#timers.add(timer);
    }
  }
}

const IDENTIFY = JSON.stringify({
  client_id: 'kamscript',
  hostname: 'localhost',
  user_agent: 'kamscript',
  feature_negotiation: true,
});
/** A V2 greeting. An HTTP server takes its first line for a bad request and says so in HTTP. */
function greeting(): Buffer {
  const head = Buffer.from('  V2IDENTIFY\n\0\0\0\0', 'latin1');
  head.writeInt32BE(IDENTIFY.length, head.length - 4);
  return Buffer.concat([head, Buffer.from(IDENTIFY)]);
}

/** Greets whoever listens at `at`. `ask` gets the JSON of an HTTP path. */
export async function findNsqd(at: Address, ask: (at: Address, path: string) => Promise<unknown>): Promise<Address> {
  const first = await firstBytes(at);
  if (!first.startsWith('HTTP/')) return at;
  const info = await ask(at, '/info');
  const body = typeof info === 'object' && info !== null && 'data' in info ? info.data : info;
  const port = typeof body === 'object' && body !== null && 'tcp_port' in body ? body.tcp_port : undefined;
  if (typeof port !== 'number') throw new Error("it answers in HTTP but not as nsqd's /info does");
  return { host: at.host, port };
}

/** At least five bytes, latin1. */
function firstBytes({ host, port }: Address): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    const socket = connect({ host, port });
    const limit = setTimeout(() => end(new Error(`no answer in ${TIMEOUT} ms`)), TIMEOUT);
    const end = (error?: Error) => {
      clearTimeout(limit);
      socket.destroy();
      if (error === undefined) done(text);
      else fail(error);
    };
    socket.on('connect', () => socket.write(greeting()));
    socket.on('data', (data) => {
      text += data.toString('latin1', 0, 64);
      if (text.length >= 5) end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => end(new Error(error.message || (error.code ?? 'failed'))));
    socket.on('close', () => end(new Error('closed without an answer')));
  });
}
