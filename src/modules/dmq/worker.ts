/** Runs in the threads of the dmq pool: reads bodies into plans, in batches, and yields between them. */
import { plansOf } from './plans.js';
import type { Done, FromWorker, Job, ToWorker, WorkerTask } from './protocol.js';

/** Jobs done in one go before the thread looks at its port again. */
const BATCH = 64;

/** The task of one thread; ends with `stop`, after what was given before it. */
export function work({ port }: WorkerTask): Promise<void> {
  let open: Job[] = [];
  let at = 0;
  return new Promise((resolve) => {
    let stopping = false;
    let planned = false;
    const next = () => {
      planned = false;
      const list = open.slice(at, at + BATCH).flatMap(doneOf);
      at += BATCH;
      if (at >= open.length) {
        open = [];
        at = 0;
      }
      if (list.length > 0) port.postMessage({ kind: 'done', list } satisfies FromWorker);
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
      else for (const job of message.list) open.push(job);
      plan();
    });
  });
}

function doneOf(job: Job): Done[] {
  const plans = plansOf(job);
  return plans.map((plan, i) => ({ id: job.id, plan, more: i < plans.length - 1 }));
}
