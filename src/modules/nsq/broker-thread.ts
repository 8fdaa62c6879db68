/** The script thread's end of the embedded broker, which runs in a thread of the nsq pool. */
import { setTimeout } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { type Host, LEVEL } from '../../runtime/host.js';
import type { Pool } from './pool.js';
import type { BrokerTask, FromBroker } from './protocol.js';

/** Milliseconds for a message of a thread that has ended to come in. */
const WORD_TIMEOUT = 1000;

export interface BrokerThread {
  readonly tcpPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** Resolves once it listens; rejects when a port is taken. */
export async function startBrokerThread(
  host: Host,
  pool: Pool,
  { port, httpPort }: { readonly port: number; readonly httpPort: number },
): Promise<BrokerThread> {
  const group = await pool.threads(1);
  const { port1, port2 } = new MessageChannel();
  const first = new Promise<FromBroker>((done) => port1.once('message', done));
  const task: BrokerTask = { port: port2, tcpPort: port, httpPort };
  const ended = group.run('broker', task);
  const answer = await Promise.race([
    first,
    // What the thread said before its end may still be on the way.
    ended.then(() => lastWord(first), toFailure),
  ]);
  if (answer.kind === 'failed') {
    port1.close();
    await group.end();
    throw new Error(
      `the embedded broker cannot start: ${answer.reason} (embedded_port, embedded_http_port; 0 takes a free one)`,
    );
  }
  host.log.write(
    LEVEL.NOTICE,
    'nsq',
    `embedded broker on 127.0.0.1:${answer.tcpPort} (TCP) and http://127.0.0.1:${answer.httpPort}; it keeps messages in memory only`,
  );
  let stopping = false;
  ended.catch((error: unknown) => {
    if (!stopping)
      host.log.write(LEVEL.CRIT, 'nsq', `the embedded broker ended: ${String(error)}; its messages are lost`);
  });
  return {
    tcpPort: answer.tcpPort,
    httpPort: answer.httpPort,
    stop: async () => {
      stopping = true;
      port1.postMessage({ kind: 'stop' });
      await ended.catch(() => {});
      port1.close();
      await group.end();
    },
  };
}

/** The thread's answer if it gave one, as its messages come by another way than its end; else that it ended. */
async function lastWord(first: Promise<FromBroker>): Promise<FromBroker> {
  const late = setTimeout(WORD_TIMEOUT, { kind: 'failed', reason: 'its thread ended' } as const, { ref: false });
  return await Promise.race([first, late]);
}

const toFailure = (error: unknown): FromBroker => ({
  kind: 'failed',
  reason: error instanceof Error ? error.message : String(error),
});
