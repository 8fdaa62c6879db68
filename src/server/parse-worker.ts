/** The thread of ParseThread. */
import { parentPort } from 'node:worker_threads';
import { stepBack } from '../runtime/thread-priority.js';
import { parseFile } from './load.js';
import type { ParseAnswer, ParseTask } from './parse-thread.js';

// a reload under load must not take the processor from SIP
stepBack();

parentPort?.on('message', ({ file, options }: ParseTask) => parentPort?.postMessage(answer(file, options)));

function answer(file: string, options: ParseTask['options']): ParseAnswer {
  try {
    return { script: parseFile(file, options) };
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    return { error: { code, message } };
  }
}
