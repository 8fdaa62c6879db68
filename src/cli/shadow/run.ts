/** Starts the shadow thread and waits for its report. */
import { Worker } from 'node:worker_threads';
import { workerFile } from '../../runtime/worker-file.js';
import type { ShadowReport } from './play.js';
import type { ShadowTask } from './worker.js';

/** Rejects when the thread fails. */
export function runShadow(task: ShadowTask): Promise<ShadowReport> {
  const worker = new Worker(workerFile('cli/shadow/worker.js'), { workerData: task, stdout: true });
  return new Promise((resolve, reject) => {
    worker.once('message', (report: ShadowReport) => {
      resolve(report);
      void worker.terminate();
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the shadow thread ended with ${code}`)));
  });
}
