/** The whole module but for the compiler: real threads, real sockets, event routes that are functions. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { NSQ_EVENT, type NsqEvent } from '../../../src/modules/nsq/event.js';
import { nsq } from '../../../src/modules/nsq/index.js';
import { type NsqParams, nsqSettings } from '../../../src/modules/nsq/settings.js';
import { NsqState } from '../../../src/modules/nsq/state.js';
import { Context, STOP } from '../../../src/runtime/context.js';
import type { Program } from '../../../src/runtime/program.js';
import { built } from '../../support/built.js';
import { fakeHost, fakeProgram } from '../../support/fake-host.js';
import { embedded, sleep, TestBroker, until } from './helpers.js';

beforeAll(() => built(), 120_000);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Body = (event: NsqEvent, ctx: Context) => void | Promise<void>;

function paramsOf(given: NsqParams): NsqParams {
  const defaults = Object.entries(nsq.params).flatMap(([name, p]) =>
    p.type === 'alias' ? [] : [[name, p.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...given };
}

/** A server whose event routes are `routes`. */
async function server(given: NsqParams, routes: Readonly<Record<string, Body>>) {
  const base = fakeProgram();
  const event = new Map(Object.keys(routes).map((name) => [name, { name } as never]));
  const program: Program = { ...base, routes: { ...base.routes, event } };
  const host = fakeHost({ program });
  const clock = {
    now: () => Date.now(),
    micros: () => Date.now() * 1000,
    after: (ms: number, fn: () => void) => {
      const timer = setTimeout(fn, ms);
      return { cancel: () => clearTimeout(timer) };
    },
    every: () => ({ cancel: () => {} }),
  };
  Object.assign(host, {
    clock,
    runEvent: (name: string, msg: never, init?: (ctx: Context) => void) => {
      const body = routes[name];
      if (body === undefined) return undefined;
      const ctx = new Context(host, program, msg, 1);
      init?.(ctx);
      const done = body(ctx.extra(NSQ_EVENT)!, ctx);
      return done instanceof Promise ? done.then(() => ctx) : ctx;
    },
  });
  const { settings, problems } = nsqSettings(paramsOf(given));
  expect(problems).toEqual([]);
  const state = new NsqState(host, settings);
  ends.push(() => state.stop());
  await state.start();
  await state.ready();
  return { state, host };
}

const brokerOf = (state: NsqState) => new TestBroker(state.broker!.tcpPort, state.broker!.httpPort, async () => {});
const EMBEDDED = { nsqd_address: 'embedded', listen_topic: 't', listen_channel: 'ch', consumer_workers: 1 };

test('an event runs the first of the five routes that exists', async () => {
  const ran: string[] = [];
  const log = (name: string) => (event: NsqEvent) =>
    void ran.push(`${name} ${event.text} ${event.attempts} ${event.topic} ${event.channel}`);
  const { state } = await server(EMBEDDED, { 'nsq:consumer-event-a-b': log('1'), 'nsq:consumer-event': log('5') });
  const broker = brokerOf(state);
  await broker.pub('t', { 'Event-Category': 'A', 'Event-Name': 'B' }, { n: 1 });
  await until(() => ran.length >= 2, 'no events');
  expect(ran).toEqual(['1 {"Event-Category":"A","Event-Name":"B"} 1 t ch', '5 {"n":1} 1 t ch']);
  await broker.idle('t', 'ch');
});

test('a thread that was idle for five seconds still hears its socket', { timeout: 20_000 }, async () => {
  const ran: string[] = [];
  const { state } = await server(EMBEDDED, { 'nsq:consumer-event': (event) => void ran.push(event.text) });
  await until(() => state.unready() === undefined, 'not connected');
  await sleep(5000);
  const at = Date.now();
  expect(await state.publish('t', '{"late":1}')).toBeUndefined();
  await until(() => ran.length > 0, 'deaf after five seconds', 2000);
  expect(Date.now() - at).toBeLessThan(1000);
});

test('a thread that dies is replaced, and every message still runs', { timeout: 30_000 }, async () => {
  const seen = new Set<string>();
  const broker = await embedded({ limits: { msgTimeout: 1500 } });
  ends.push(() => broker.stop());
  const { state, host } = await server(
    { ...EMBEDDED, nsqd_address: `127.0.0.1:${broker.tcp.port}`, consumer_workers: 2, max_in_flight: 10 },
    {
      'nsq:consumer-event': async (event) => {
        await sleep(1);
        seen.add(event.text);
      },
    },
  );
  await until(() => state.unready() === undefined, 'not connected');
  await broker.mpub(
    't',
    Array.from({ length: 1000 }, (_, n) => ({ n })),
  );
  await until(() => seen.size > 100, 'nothing runs');
  const [line] = state.lines as unknown as { group: { piscina: { threads: { terminate(): Promise<number> }[] } } }[];
  await line!.group.piscina.threads[0]!.terminate();
  await until(() => seen.size === 1000, 'messages are lost', 20_000);
  expect(host.lines.some((l) => l.text.includes('starting another'))).toBe(true);
  await broker.idle('t', 'ch');
});

test('one worker runs one event at a time, in order', async () => {
  const marks: string[] = [];
  const { state } = await server(EMBEDDED, {
    'nsq:consumer-event': async ({ text }) => {
      marks.push(`s${text}`);
      await sleep(5);
      marks.push(`e${text}`);
    },
  });
  await until(() => state.unready() === undefined, 'not connected');
  await brokerOf(state).mpub(
    't',
    Array.from({ length: 10 }, (_, n) => ({ n })),
  );
  await until(() => marks.length === 20, 'not all ran');
  expect(marks).toEqual(Array.from({ length: 10 }, (_, n) => [`s{"n":${n}}`, `e{"n":${n}}`]).flat());
});

test('drop under ack_mode after has the message delivered again', async () => {
  const attempts: number[] = [];
  const { state } = await server(
    { ...EMBEDDED, ack_mode: 'after' },
    {
      'nsq:consumer-event': (event, ctx) => {
        attempts.push(event.attempts);
        if (event.attempts < 3) ctx.stop = STOP.DROP;
      },
    },
  );
  await brokerOf(state).pub('t', { n: 1 });
  await until(() => attempts.length === 3, 'not redelivered');
  expect(attempts).toEqual([1, 2, 3]);
  await brokerOf(state).idle('t', 'ch');
  expect(state.metrics).toMatchObject({ consumed: 3, requeued: 2, finished: 1 });
});

test('a stop lets the running event end, gives the others back and leaves nothing in flight', async () => {
  const broker = await embedded();
  ends.push(() => broker.stop());
  const done: string[] = [];
  const started: string[] = [];
  const { state } = await server(
    { ...EMBEDDED, nsqd_address: `127.0.0.1:${broker.tcp.port}`, consumer_workers: 2 },
    {
      'nsq:consumer-event': async ({ text }) => {
        started.push(text);
        await sleep(300);
        done.push(text);
      },
    },
  );
  await until(() => state.unready() === undefined, 'not connected');
  await broker.mpub(
    't',
    Array.from({ length: 12 }, (_, n) => ({ n })),
  );
  await until(() => started.length > 0, 'nothing runs');
  await state.stop();
  expect(done.sort()).toEqual(started.sort());
  const channel = await broker.channel('t', 'ch');
  expect(channel).toMatchObject({ in_flight_count: 0 });
  expect(channel!.depth + channel!.deferred_count + done.length).toBe(12);
});

test('a query gets its answer, one without an answer fails in time', async () => {
  const { state } = await server(
    { ...EMBEDDED, query_timeout: 1 },
    {
      'nsq:consumer-event': async ({ text }) => {
        const request = JSON.parse(text) as Record<string, string>;
        if (request.Ask === 'no') return;
        await state.publish(
          request['Server-ID']!,
          JSON.stringify({ 'Msg-ID': request['Msg-ID'], Answer: `for ${request.Ask}` }),
        );
      },
    },
  );
  const one = await state.query('t', '{"Ask":"one"}');
  expect('reply' in one && JSON.parse(one.reply)).toMatchObject({ Answer: 'for one' });
  const many = await Promise.all(Array.from({ length: 20 }, (_, n) => state.query('t', `{"Ask":"m${n}"}`)));
  for (const [n, answer] of many.entries())
    expect('reply' in answer && JSON.parse(answer.reply).Answer).toBe(`for m${n}`);
  const own = await state.query('t', '{"Ask":"own","Msg-ID":"mine"}');
  expect('reply' in own && JSON.parse(own.reply)).toEqual({ 'Msg-ID': 'mine', Answer: 'for own' });
  const at = Date.now();
  expect(await state.query('t', '{"Ask":"no"}')).toEqual({ error: 'no answer in 1000 ms' });
  expect(Date.now() - at).toBeGreaterThan(900);
  expect(await state.query('t', 'no json')).toHaveProperty('error');
});

test('paused it takes nothing, resumed it goes on', async () => {
  const ran: string[] = [];
  const { state } = await server(EMBEDDED, { 'nsq:consumer-event': (event) => void ran.push(event.text) });
  await until(() => state.unready() === undefined, 'not connected');
  expect(state.pause(true)).toBe(1);
  await sleep(50);
  await brokerOf(state).pub('t', { n: 1 });
  await sleep(200);
  expect(ran).toEqual([]);
  expect(state.pause(false, 't')).toBe(1);
  await until(() => ran.length === 1, 'does not go on');
});

test("nsqd's HTTP address is as good as its TCP address", async () => {
  const broker = await embedded();
  ends.push(() => broker.stop());
  const ran: string[] = [];
  const { state, host } = await server(
    { ...EMBEDDED, nsqd_address: `127.0.0.1:${broker.http.port}` },
    {
      'nsq:consumer-event': (event) => void ran.push(event.text),
    },
  );
  await until(() => state.unready() === undefined, 'not connected');
  expect(await state.publish('t', '{"n":1}')).toBeUndefined();
  await until(() => ran.length === 1, 'no event');
  expect(host.lines.some((l) => l.text.includes(`its TCP port is ${broker.tcp.port}`))).toBe(true);
});

test('a port in use is said at the start', async () => {
  const broker = await embedded();
  ends.push(() => broker.stop());
  await expect(server({ ...EMBEDDED, embedded_port: broker.tcp.port }, {})).rejects.toThrow(
    /embedded broker cannot start.*EADDRINUSE/,
  );
});

test('new parameters start and stop what differs and leave the rest running', async () => {
  const ran: string[] = [];
  const { state } = await server(EMBEDDED, {
    'nsq:consumer-event': (event) => void ran.push(`${event.topic} ${event.text}`),
  });
  const kept = state.lines[0]!.seats[0];
  const { settings } = nsqSettings(paramsOf({ ...EMBEDDED, topic_channel: ['u:ch'] }));
  await state.reconfigure(settings);
  expect(state.lines.map((l) => l.subscription.topic)).toEqual(['t', 'u']);
  expect(state.lines[0]!.seats[0]).toBe(kept);
  await until(() => state.unready() === undefined, 'not connected');
  await brokerOf(state).pub('u', { n: 1 });
  await until(() => ran.length === 1, 'the new topic is not consumed');
  await state.reconfigure(nsqSettings(paramsOf({ ...EMBEDDED, listen_topic: 'u' })).settings);
  expect(state.lines.map((l) => l.subscription.topic)).toEqual(['u']);
});
