/** The dmq pool: `num_workers` piscina threads; messages of one node and peer keep their order. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { workerFile } from '../../runtime/worker-file.js';
import type { BodyKind, FromWorker, Job, Plan, ToWorker } from './protocol.js';

interface Thread {
  readonly port: MessagePort;
  readonly waiting: Job[];
  planned: boolean;
}

export class Pool {
  readonly #piscina: Piscina;
  readonly #threads: Thread[] = [];
  readonly #tasks: Promise<void>[] = [];
  #stopping = false;
  readonly #open = new Map<number, (plan: Plan) => void>();
  #ids = 0;

  private constructor(piscina: Piscina) {
    this.#piscina = piscina;
  }

  /** Threads start at once; `onDeath` is told when one ends that was not told to. */
  static async start(count: number, onDeath: (why: string) => void): Promise<Pool> {
    const { Piscina } = await import('piscina');
    const piscina = new Piscina({
      filename: workerFile('./worker.js', import.meta.url),
      minThreads: count,
      maxThreads: count,
      // A thread parked in Atomics.wait would not see its port.
      atomics: 'disabled',
    });
    piscina.on('error', () => {});
    const pool = new Pool(piscina);
    for (let i = 0; i < count; i++) pool.#addThread(onDeath);
    return pool;
  }

  #addThread(onDeath: (why: string) => void): void {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: FromWorker) => {
      for (const { id, plan } of message.list) {
        const then = this.#open.get(id);
        this.#open.delete(id);
        then?.(plan);
      }
    });
    this.#threads.push({ port: port1, waiting: [], planned: false });
    const task: Promise<void> = this.#piscina.run({ port: port2 }, { name: 'work', transferList: [port2] });
    this.#tasks.push(
      task.catch((e: unknown) => {
        if (!this.#stopping) onDeath(String(e));
      }),
    );
  }

  /** Jobs not yet done. */
  get pending(): number {
    return this.#open.size;
  }

  /** Has `body` read as `kind`; jobs of one `lane` are done in order. */
  read(lane: string, kind: BodyKind, body: string, then: (plan: Plan) => void): void {
    const id = ++this.#ids;
    this.#open.set(id, then);
    const thread = this.#threads[hash(lane) % this.#threads.length]!;
    thread.waiting.push({ id, kind, body });
    if (thread.planned) return;
    thread.planned = true;
    setImmediate(() => {
      thread.planned = false;
      thread.port.postMessage({ kind: 'jobs', list: thread.waiting.splice(0) } satisfies ToWorker);
    });
  }

  /** Ends the threads after what they were given. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { port } of this.#threads) port.postMessage({ kind: 'stop' } satisfies ToWorker);
    await Promise.all(this.#tasks);
    await this.#piscina.destroy();
    for (const { port } of this.#threads) port.close();
  }
}

function hash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) >>> 0;
  return h;
}
