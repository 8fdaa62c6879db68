/** Runs in the threads of the dmq pool: reads bodies into plans, in batches, and yields between them. */
import { plansOf } from './plans.js';
import type { Done, FromWorker, Job, ToWorker, WorkerTask } from './protocol.js';

/** Jobs done in one go before the thread tells of them and looks at its port again. */
const BATCH = 64;
/** Characters of bodies in one go: the script thread takes in long ones while the next are read. */
const LENGTH = 30_000;

/** The task of one thread; ends with `stop`, after what was given before it. */
export function work({ port }: WorkerTask): Promise<void> {
  let open: Job[] = [];
  let at = 0;
  return new Promise((resolve) => {
    let stopping = false;
    let planned = false;
    const next = () => {
      planned = false;
      const list: Done[] = [];
      for (let n = 0, length = 0; n < BATCH && length < LENGTH && at < open.length; n++) {
        const job = open[at++]!;
        length += job.body.length;
        addDone(job, list);
      }
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
    port.postMessage({ kind: 'ready' } satisfies FromWorker);
  });
}

function addDone(job: Job, list: Done[]): void {
  const plans = plansOf(job);
  for (let i = 0; i < plans.length; i++) list.push({ id: job.id, plan: plans[i]!, more: i < plans.length - 1 });
}
