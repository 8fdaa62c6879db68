/** `/stats` of the embedded broker, in nsqd's fields. */
import type { Served } from './http.js';
import type { Channel, Topic } from './topics.js';
import { Client, VERSION } from './v2.js';

export interface Wanted {
  /** Null: all. */
  readonly topic: string | null;
  readonly channel: string | null;
  readonly clients: boolean;
}

export function statistics(served: Served, wanted: Wanted) {
  const topics = [...served.topics.byName.values()].filter(
    (topic) => wanted.topic === null || topic.name === wanted.topic,
  );
  return {
    version: VERSION,
    health: 'OK',
    start_time: served.startTime,
    topics: topics.map((topic) => ofTopic(topic, wanted)),
    producers: [...served.clients].filter((client) => client.isProducer).map((client) => client.statistics()),
  };
}

function ofTopic(topic: Topic, wanted: Wanted) {
  const channels = [...topic.channels.values()].filter(
    (channel) => wanted.channel === null || channel.name === wanted.channel,
  );
  return {
    topic_name: topic.name,
    channels: channels.map((channel) => ofChannel(channel, wanted.clients)),
    depth: topic.backlog.length,
    backend_depth: 0,
    message_count: topic.messageCount,
    message_bytes: topic.messageBytes,
    paused: topic.paused,
  };
}

function ofChannel(channel: Channel, clients: boolean) {
  const subscribers = [...channel.subscribers].filter((one) => one instanceof Client);
  return {
    channel_name: channel.name,
    depth: channel.queue.length,
    backend_depth: 0,
    in_flight_count: channel.inFlight.size,
    deferred_count: channel.deferred.size,
    message_count: channel.messageCount,
    requeue_count: channel.requeueCount,
    timeout_count: channel.timeoutCount,
    client_count: subscribers.length,
    clients: clients ? subscribers.map((client) => client.statistics()) : null,
    paused: channel.paused,
  };
}

/** The same for people, a line each. */
export function statisticsText(served: Served, wanted: Wanted): string {
  const { topics } = statistics(served, wanted);
  const out = [
    `nsqd v${VERSION} (embedded in kamscript, memory only)`,
    `start_time ${new Date(served.startTime * 1000).toISOString()}`,
    '',
    'Health: OK',
    '',
  ];
  for (const topic of topics) {
    out.push(
      `[${topic.topic_name}] depth: ${topic.depth} msgs: ${topic.message_count}${topic.paused ? ' paused' : ''}`,
    );
    for (const c of topic.channels)
      out.push(
        `  [${c.channel_name}] depth: ${c.depth} inflt: ${c.in_flight_count} def: ${c.deferred_count} re-q: ${c.requeue_count} timeout: ${c.timeout_count} msgs: ${c.message_count} clients: ${c.client_count}${c.paused ? ' paused' : ''}`,
      );
  }
  return `${out.join('\n')}\n`;
}
