/** nsqd's HTTP calls on the embedded broker: those that clients and tools use (nsq.md, section 8). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { entry } from '../entry.js';
import { validName } from '../names.js';
import { splitMany } from './command-words.js';
import { statistics, statisticsText } from './stats.js';
import type { Topic, Topics } from './topics.js';
import { type Client, VERSION } from './v2.js';

/** What the calls work on. */
export interface Served {
  readonly topics: Topics;
  readonly clients: ReadonlySet<Client>;
  readonly tcpPort: number;
  readonly httpPort: number;
  /** Seconds since the epoch. */
  readonly startTime: number;
}

type Answer = string | Readonly<Record<string, unknown>>;

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Call {
  readonly served: Served;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

interface Route {
  readonly method: 'GET' | 'POST';
  /** Bytes of a body; more is refused with this code. */
  readonly limit?: (served: Served) => readonly [number, string];
  run(call: Call): Answer;
}

const post = (run: (call: Call) => void, limit?: Route['limit']): Route => ({
  method: 'POST',
  ...(limit ? { limit } : {}),
  run(call) {
    run(call);
    return '';
  },
});

const ROUTES: Readonly<Record<string, Route>> = {
  '/ping': { method: 'GET', run: () => 'OK' },
  '/info': {
    method: 'GET',
    run: ({ served }) => ({
      version: VERSION,
      broadcast_address: '127.0.0.1',
      hostname: 'localhost',
      http_port: served.httpPort,
      tcp_port: served.tcpPort,
      start_time: served.startTime,
    }),
  },
  '/stats': { method: 'GET', run: stats },
  '/pub': { method: 'POST', limit: ({ topics }) => [topics.limits.maxMsgSize, 'MSG_TOO_BIG'], run: publish },
  '/mpub': { method: 'POST', limit: ({ topics }) => [topics.limits.maxBodySize, 'BODY_TOO_BIG'], run: publishMany },
  '/topic/create': post(({ served, query }) => served.topics.topic(topicName(query))),
  '/topic/delete': post((call) => call.served.topics.deleteTopic(topic(call).name)),
  '/topic/empty': post((call) => topic(call).backlog.clear()),
  '/topic/pause': post((call) => topic(call).pause(true)),
  '/topic/unpause': post((call) => topic(call).pause(false)),
  '/channel/create': post((call) => topic(call).channel(channelName(call.query))),
  '/channel/delete': post((call) => topic(call).deleteChannel(channel(call).name)),
  '/channel/empty': post((call) => channel(call).empty()),
  '/channel/pause': post((call) => {
    channel(call).paused = true;
  }),
  '/channel/unpause': post((call) => {
    const found = channel(call);
    found.paused = false;
    found.pump();
  }),
};

/** Answers one request; never rejects. */
export async function serve(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://broker');
    const route = entry(ROUTES, url.pathname);
    if (route === undefined) throw new HttpError(404, 'NOT_FOUND');
    if (request.method !== route.method) throw new HttpError(405, 'METHOD_NOT_ALLOWED');
    const [limit, code] = route.limit?.(served) ?? [served.topics.limits.maxBodySize, 'BODY_TOO_BIG'];
    const body = await readBody(request, limit, code);
    send(response, 200, route.run({ served, query: url.searchParams, body }));
  } catch (error) {
    if (error instanceof HttpError) send(response, error.status, { message: error.message });
    else send(response, 400, { message: 'INVALID_REQUEST' });
  }
}

function send(response: ServerResponse, status: number, answer: Answer): void {
  const json = typeof answer !== 'string';
  response.writeHead(status, {
    'Content-Type': json ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
    'X-NSQ-Content-Type': 'nsq; version=1.0',
  });
  response.end(json ? JSON.stringify(answer) : answer);
}

/** Reads on to the end of a body that is too big, so that the client hears the answer. */
async function readBody(request: IncomingMessage, limit: number, code: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size <= limit) parts.push(part);
  }
  if (size > limit) throw new HttpError(413, code);
  return Buffer.concat(parts);
}

function topicName(query: URLSearchParams): string {
  const name = query.get('topic');
  if (name === null) throw new HttpError(400, 'MISSING_ARG_TOPIC');
  if (!validName(name)) throw new HttpError(400, 'INVALID_TOPIC');
  return name;
}

function channelName(query: URLSearchParams): string {
  const name = query.get('channel');
  if (name === null) throw new HttpError(400, 'MISSING_ARG_CHANNEL');
  if (!validName(name)) throw new HttpError(400, 'INVALID_CHANNEL');
  return name;
}

function topic({ served, query }: Call): Topic {
  const found = served.topics.byName.get(topicName(query));
  if (found === undefined) throw new HttpError(404, 'TOPIC_NOT_FOUND');
  return found;
}

function channel(call: Call) {
  const name = channelName(call.query);
  const found = topic(call).channels.get(name);
  if (found === undefined) throw new HttpError(404, 'CHANNEL_NOT_FOUND');
  return found;
}

function publish({ served, query, body }: Call): Answer {
  if (body.length === 0) throw new HttpError(400, 'MSG_EMPTY');
  const name = topicName(query);
  const text = query.get('defer');
  const defer = text === null ? 0 : /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (defer < 0 || defer > served.topics.limits.maxDefer) throw new HttpError(400, 'INVALID_DEFER');
  served.topics.topic(name).put(body, defer);
  return 'OK';
}

function publishMany({ served, query, body }: Call): Answer {
  const name = topicName(query);
  const list = isTrue(query.get('binary'))
    ? splitMany(body, served.topics.limits)
    : lines(body, served.topics.limits.maxMsgSize);
  // nsqd answers a malformed body with the error's code, less its E_.
  if (typeof list === 'string') throw new HttpError(413, list.split(' ')[0]!.slice(2));
  const found = served.topics.topic(name);
  for (const message of list) found.put(message);
  return 'OK';
}

const isTrue = (text: string | null): boolean => text !== null && !['', '0', 'false'].includes(text);

function lines(body: Buffer, max: number): Buffer[] {
  const out: Buffer[] = [];
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(10, from);
    const line = body.subarray(from, end < 0 ? body.length : end);
    from = end < 0 ? body.length : end + 1;
    if (line.length > max) throw new HttpError(413, 'MSG_TOO_BIG');
    if (line.length > 0) out.push(Buffer.from(line));
  }
  return out;
}

function stats({ served, query }: Call): Answer {
  const wanted = {
    topic: query.get('topic'),
    channel: query.get('channel'),
    clients: query.get('include_clients') !== 'false',
  };
  return query.get('format') === 'json' ? statistics(served, wanted) : statisticsText(served, wanted);
}
