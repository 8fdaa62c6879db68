/** Runs in the threads of the dmq pool: reads bodies into plans, in batches, and yields between them. */
import { parseList } from './nodes.js';
import type { Done, FromWorker, Job, Plan, ToWorker, WorkerTask } from './protocol.js';

/** Jobs done in one go before the thread looks at its port again. */
const BATCH = 64;

/** The task of one thread; ends with `stop`, after what was given before it. */
export function work({ port }: WorkerTask): Promise<void> {
  const open: Job[] = [];
  return new Promise((resolve) => {
    let stopping = false;
    let planned = false;
    const next = () => {
      planned = false;
      const done: Done[] = open.splice(0, BATCH).map((job) => ({ id: job.id, plan: planOf(job) }));
      if (done.length > 0) port.postMessage({ kind: 'done', list: done } satisfies FromWorker);
      if (open.length > 0) plan();
      else if (stopping) {
        port.close();
        resolve();
      }
    };
    const plan = () => {
      if (planned) return;
      planned = true;
      setImmediate(next);
    };
    port.on('message', (message: ToWorker) => {
      if (message.kind === 'stop') stopping = true;
      else open.push(...message.list);
      plan();
    });
  });
}

/** What a body says; never throws. */
export function planOf(job: Job): Plan {
  switch (job.kind) {
    case 'list':
      return { kind: 'list', ...parseList(job.body) };
    case 'opaque':
      return { kind: 'opaque' };
  }
}
