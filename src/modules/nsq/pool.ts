/**
 * The nsq pool: piscina threads, each held by one task from start to stop (worker.ts). piscina is loaded with the first
 * thread, so a server that never loads nsq pays nothing for it.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { workerFile } from '../../runtime/worker-file.js';

/** Names of the functions of worker.ts. */
export type TaskName = 'consume' | 'publish' | 'broker';

export class Pool {
  readonly #groups = new Set<Piscina>();

  /** Makes `count` threads. Their tasks are given by `run`. */
  async threads(count: number): Promise<ThreadGroup> {
    const { Piscina } = await import('piscina');
    const piscina = new Piscina({
      filename: workerFile('modules/nsq/worker.js'),
      minThreads: count,
      maxThreads: count,
      // A thread parked in Atomics.wait would not see its sockets. Ours are never without a task, and must not be if one ends.
      atomics: 'disabled',
    });
    // A thread that dies without a task has no promise to reject.
    piscina.on('error', () => {});
    this.#groups.add(piscina);
    return {
      run: (name, task) => piscina.run(task, { name, transferList: [task.port] }),
      end: async () => {
        if (this.#groups.delete(piscina)) await piscina.destroy();
      },
      piscina,
    };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#groups].map((piscina) => piscina.destroy()));
    this.#groups.clear();
  }
}

export interface ThreadGroup {
  /** Resolves when the task has stopped as told; rejects when its thread died. */
  run(name: TaskName, task: { readonly port: MessagePort }): Promise<void>;
  end(): Promise<void>;
  readonly piscina: Piscina;
}
