/** The thread in which both versions are played: the server goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Recorded } from '../../server/recording.js';
import { shadow, type Version } from './play.js';

export interface ShadowTask {
  readonly before: Version;
  readonly after: Version;
  readonly entries: readonly Recorded[];
  readonly env: Readonly<Record<string, string>>;
}

const { before, after, entries, env } = workerData as ShadowTask;
void shadow(before, after, entries, env).then((report) => parentPort?.postMessage(report));
