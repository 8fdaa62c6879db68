/**
 * What the threads of the nsq pool run. Each task holds its thread until it is told to stop: its promise resolves then, so
 * piscina never parks the thread in Atomics.wait, in which its sockets would go deaf.
 */
import { stepBack } from '../../runtime/thread-priority.js';
import { Consumer } from './consumer.js';
import type { BrokerTask, ConsumerTask, FromBroker, PublisherTask, ToBroker } from './protocol.js';
import { Publisher } from './publisher.js';

export function consume(task: ConsumerTask): Promise<void> {
  stepBack();
  return ended(task.port, new Consumer(task).done);
}

export const publish = (task: PublisherTask): Promise<void> => ended(task.port, new Publisher(task).done);

export async function broker({ port, tcpPort, httpPort }: BrokerTask): Promise<void> {
  const post = (message: FromBroker) => port.postMessage(message);
  try {
    const { startBroker } = await import('./broker.js');
    const running = await startBroker({ tcpPort, httpPort });
    const stopped = new Promise<void>((resolve) => {
      port.on('message', (message: ToBroker) => {
        if (message.kind === 'stop') resolve(running.stop());
      });
    });
    post({ kind: 'listening', tcpPort: running.tcpPort, httpPort: running.httpPort });
    await stopped;
  } catch (error) {
    post({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
  port.close();
}

async function ended(port: { close(): void }, done: Promise<void>): Promise<void> {
  await done;
  port.close();
}
