/**
 * The dmq pool: `num_workers` piscina threads; jobs of one lane keep their order. A thread that dies is replaced, and what
 * it had not done is given to its successor; a job that took two threads down is answered as unusable.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { workerFile } from '../../runtime/worker-file.js';
import { plansOf } from './plans.js';
import type { Done, FromWorker, Job, Plan, ToWorker, Work } from './protocol.js';

/** Gets each part of what a job gave; `more`: another follows. */
export type Then = (plan: Plan, more: boolean) => void;

interface Open {
  readonly job: Job;
  readonly then: Then;
  /** Threads that died while they had it in hand. */
  deaths: number;
}

interface Thread {
  port: MessagePort;
  readonly waiting: Job[];
  /** What it was given and has not done, oldest first. */
  readonly given: Map<number, Open>;
  planned: boolean;
}

/** A job that was first in hand when so many threads died is not tried again. */
const POISON = 2;
/** ms between a death and the successor's start: a thread that dies at once must not keep the server busy. */
const PAUSE = 200;

/** What does the work of the bus that no message need wait for. */
export interface WorkPool {
  readonly pending: number;
  readonly threads: number;
  readonly restarts: number;
  run(lane: string, work: Work, then: Then): void;
  stop(): Promise<void>;
}

/** Works without threads, as part of the caller's turn: for script tests. */
export function inlinePool(): WorkPool {
  return {
    pending: 0,
    threads: 0,
    restarts: 0,
    run(_lane, work, then) {
      const plans = plansOf(work);
      plans.forEach((plan, i) => {
        then(plan, i < plans.length - 1);
      });
    },
    stop: () => Promise.resolve(),
  };
}

export class Pool implements WorkPool {
  readonly #piscina: Piscina;
  readonly #threads: Thread[] = [];
  readonly #tasks = new Set<Promise<void>>();
  readonly #onDeath: (why: string) => void;
  #stopping = false;
  #ids = 0;
  #pending = 0;
  #restarts = 0;

  private constructor(piscina: Piscina, onDeath: (why: string) => void) {
    this.#piscina = piscina;
    this.#onDeath = onDeath;
  }

  /** Resolves when the threads run; `onDeath` is told when one ends that was not told to. */
  static async start(
    count: number,
    onDeath: (why: string) => void,
    file = workerFile('modules/dmq/worker.js'),
  ): Promise<Pool> {
    const { Piscina } = await import('piscina');
    const piscina = new Piscina({
      filename: file,
      minThreads: count,
      maxThreads: count,
      // A thread parked in Atomics.wait would not see its port.
      atomics: 'disabled',
    });
    piscina.on('error', () => {});
    const pool = new Pool(piscina, onDeath);
    // Waited for: the first messages would lie in the queue of a thread that is still being made.
    await Promise.all(Array.from({ length: count }, () => pool.#addThread()));
    return pool;
  }

  /** Jobs not yet done. */
  get pending(): number {
    return this.#pending;
  }

  get threads(): number {
    return this.#threads.length;
  }

  /** Threads that died and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  #addThread(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const thread: Thread = { port: port1, waiting: [], given: new Map(), planned: false };
    this.#threads.push(thread);
    return this.#run(thread, port2);
  }

  /** Resolves when the thread has begun, or has died. */
  #run(thread: Thread, far: MessagePort): Promise<void> {
    const begun = new Promise<void>((resolve) => {
      thread.port.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve();
        else this.#done(thread, message.list);
      });
    });
    const task: Promise<void> = this.#piscina.run({ port: far }, { name: 'work', transferList: [far] }).then(
      () => undefined,
      (e: unknown) => this.#died(thread, String(e)),
    );
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
    return Promise.race([begun, task]);
  }

  #done(thread: Thread, list: readonly Done[]): void {
    for (const { id, plan, more } of list) {
      const open = thread.given.get(id);
      if (open === undefined) continue;
      if (!more) {
        thread.given.delete(id);
        this.#pending--;
      }
      open.then(plan, more);
    }
  }

  #died(thread: Thread, why: string): void {
    thread.port.close();
    if (this.#stopping) return;
    this.#restarts++;
    this.#onDeath(why);
    const first = thread.given.values().next().value;
    if (first !== undefined && ++first.deaths >= POISON) {
      thread.given.delete(first.job.id);
      this.#pending--;
      first.then({ kind: 'unusable', why: 'it ended two threads' }, false);
    }
    setTimeout(() => this.#replace(thread), PAUSE);
  }

  #replace(thread: Thread): void {
    if (this.#stopping) return;
    const { port1, port2 } = new MessageChannel();
    thread.port = port1;
    void this.#run(thread, port2);
    thread.waiting.length = 0;
    const list = [...thread.given.values()].map((o) => o.job);
    if (list.length > 0) port1.postMessage({ kind: 'jobs', list } satisfies ToWorker);
  }

  /** Has `work` done; jobs of one `lane` are done, and told of, in order. */
  run(lane: string, work: Work, then: Then): void {
    const job: Job = { ...work, id: ++this.#ids };
    const thread = this.#threads[hash(lane) % this.#threads.length]!;
    thread.given.set(job.id, { job, then, deaths: 0 });
    this.#pending++;
    thread.waiting.push(job);
    if (thread.planned) return;
    thread.planned = true;
    setImmediate(() => {
      thread.planned = false;
      const list = thread.waiting.splice(0);
      if (list.length > 0) thread.port.postMessage({ kind: 'jobs', list } satisfies ToWorker);
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
