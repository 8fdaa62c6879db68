/** Reads and parses scripts in a thread of its own, so that a reload does not hold up messages. */
import { Worker } from 'node:worker_threads';
import type { Script } from '../parser/tree.js';
import { workerFile } from '../runtime/worker-file.js';
import type { ParseFileOptions } from './load.js';

export interface ParseTask {
  readonly file: string;
  readonly options: ParseFileOptions;
}

export type ParseAnswer =
  | { readonly script: Script }
  | { readonly error: { readonly code: string | undefined; readonly message: string } };

/** Milliseconds without work after which the thread ends. */
const IDLE = 30_000;

export class ParseThread {
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** One at a time. Rejects with the system's error when a file cannot be read. */
  parse(task: ParseTask): Promise<Script> {
    clearTimeout(this.#timer);
    const worker = this.#worker ?? this.#start();
    return new Promise<Script>((resolve, reject) => {
      const done = (settle: () => void) => {
        worker.off('message', onMessage);
        worker.off('error', onError);
        this.#timer = setTimeout(() => this.stop(), IDLE).unref();
        settle();
      };
      const onMessage = (answer: ParseAnswer) =>
        done(() => {
          if ('script' in answer) resolve(answer.script);
          else reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
        });
      const onError = (e: Error) =>
        done(() => {
          this.#worker = undefined;
          reject(e);
        });
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(task);
    });
  }

  #start(): Worker {
    const worker = new Worker(workerFile('server/parse-worker.js'));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  stop(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
