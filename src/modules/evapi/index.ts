/** Kamailio's evapi: events for the clients of a TCP port, and their messages for event routes. */

import { ROUTE } from '../../runtime/context.js';
import {
  defineModule,
  extraKey,
  fn,
  forms,
  type Host,
  intParam,
  kemiParam,
  LEVEL,
  pvTable,
  type RouteContext,
  raw,
  type StateKey,
  stateKey,
  str,
  strParam,
} from '../../runtime/module.js';
import { ensureTransaction, hasTm, suspendRun } from '../tm/api.js';
import { Clients, type EvapiParams, type Event, parseBind } from './clients.js';

const EVAPI: StateKey<Clients> = stateKey<Clients>('evapi');
const EVENT = extraKey<Event>('evapi event');
const FAILED = -1;
const NOT_SENT = -2;
const NOT_CONNECTED = -2;

function refuse({ host }: RouteContext, why: string, code = FAILED): number {
  host.log.write(LEVEL.ERR, 'evapi', `${why}\n`);
  return code;
}

/** Runs an event route that sees the client; undefined where the script has none. */
function raise(host: Host, name: string, event: Event): void | Promise<void> {
  const run = host.runEvent(name, undefined, (ctx) => {
    ctx.routeType = ROUTE.EVENT;
    ctx.setExtra(EVENT, event);
  });
  return run instanceof Promise ? run.then(() => undefined) : undefined;
}

interface Sending {
  readonly data: string;
  readonly tag?: string;
  readonly first?: boolean;
}

/** A route of SIP hands the message to Kamailio's dispatcher process and is done; an event route learns that nobody is there. */
function send(ctx: RouteContext, { data, tag, first }: Sending): boolean {
  const clients = ctx.host.state(EVAPI);
  const inEvent = ctx.extra(EVENT) !== undefined;
  if (clients.send(data, tag, first) > 0 || !inEvent) return true;
  ctx.host.log.write(LEVEL.WARN, 'evapi', 'message not delivered - no client connected\n');
  return false;
}

function problemOf({ data, tag }: Sending): string | undefined {
  if (data === '') return 'invalid data parameter';
  return tag === '' ? 'invalid tag parameter' : undefined;
}

const notSent = ({ data, tag }: Sending): string =>
  tag === undefined ? `failed to relay event: ${data}` : `failed to relay event: [[${data}]] to [${tag}] `;

function relay(ctx: RouteContext, what: Sending): number {
  const problem = problemOf(what);
  if (problem !== undefined) return refuse(ctx, problem);
  return send(ctx, what) ? 1 : refuse(ctx, notSent(what));
}

/** The transaction waits from here on for t_continue(), whatever becomes of the message, as in Kamailio. */
function asyncRelay(ctx: RouteContext, what: Sending): number {
  if (!hasTm(ctx.host)) return refuse(ctx, 'evapi async relay is disabled - tm module not loaded');
  if (ensureTransaction(ctx) === null) return refuse(ctx, 'cannot create the transaction');
  if (suspendRun(ctx) === undefined) return refuse(ctx, 'failed to suspend request processing');
  const problem = problemOf(what);
  if (problem !== undefined) return refuse(ctx, problem);
  return send(ctx, what) ? 1 : refuse(ctx, notSent(what), NOT_SENT);
}

function close(ctx: RouteContext): number {
  const event = ctx.extra(EVENT);
  if (event === undefined) return FAILED;
  return ctx.host.state(EVAPI).disconnect(event.client) ? 1 : NOT_CONNECTED;
}

const toAll = { args: [str('data')] as const };
const toTag = { args: [str('data'), str('tag')] as const };
const SUSPENDING = ['request'] as const;

/** `$evapi(…)` is null outside the event routes, and once the client is gone. */
const seen =
  (get: (event: Event) => string | number | null) =>
  (ctx: RouteContext): string | number | null => {
    const event = ctx.extra(EVENT);
    return event?.client.connected ? get(event) : null;
  };

export const evapi = defineModule({
  name: 'evapi',
  doc: 'Events for applications: TCP clients get what the script sends, and their messages run event routes.',
  params: {
    workers: intParam(1, 'Without effect: event routes run on the script thread.'),
    bind_addr: strParam(null, 'Address and port to listen on; unset 127.0.0.1:8448.', (text) => {
      const at = parseBind(text);
      return typeof at === 'string' ? at : undefined;
    }),
    netstring_format: intParam(1, 'Messages are netstrings (`5:hello,`); 0: as they come.'),
    max_clients: intParam(8, 'Clients at one time.'),
    event_callback: kemiParam(),
  },
  atStart: ['bind_addr'],
  functions: {
    evapi_relay: fn({
      doc: 'Sends the text to all clients. In its own event routes false where there is none.',
      ...toAll,
      example: 'evapi_relay("{ \\"event\\": \\"call\\", \\"from\\": \\"$fu\\" }");',
      run: (ctx, _p: EvapiParams, data) => relay(ctx, { data }),
    }),
    evapi_multicast: fn({
      doc: 'Sends the text to the clients with a tag.',
      ...toTag,
      run: (ctx, _p: EvapiParams, data, tag) => relay(ctx, { data, tag }),
    }),
    evapi_unicast: fn({
      doc: 'Sends the text to the first client with a tag.',
      ...toTag,
      run: (ctx, _p: EvapiParams, data, tag) => relay(ctx, { data, tag, first: true }),
    }),
    evapi_async_relay: fn({
      doc: 'As evapi_relay(), and suspends the transaction: t_continue() in an event route goes on with it. -2: not sent.',
      ...toAll,
      routes: SUSPENDING,
      run: (ctx, _p: EvapiParams, data) => asyncRelay(ctx, { data }),
    }),
    evapi_async_multicast: fn({
      doc: 'As evapi_multicast(), and suspends the transaction.',
      ...toTag,
      routes: SUSPENDING,
      run: (ctx, _p: EvapiParams, data, tag) => asyncRelay(ctx, { data, tag }),
    }),
    evapi_async_unicast: fn({
      doc: 'As evapi_unicast(), and suspends the transaction.',
      ...toTag,
      routes: SUSPENDING,
      run: (ctx, _p: EvapiParams, data, tag) => asyncRelay(ctx, { data, tag, first: true }),
    }),
    evapi_close: forms(
      fn({
        doc: 'Closes the connection of the client whose event route runs. -1 elsewhere, -2 closed already.',
        args: [],
        run: (ctx) => close(ctx),
      }),
      fn({ doc: 'As above; the argument means nothing.', args: [raw('unused')], run: (ctx) => close(ctx) }),
    ),
    evapi_set_tag: fn({
      doc: 'Gives the client whose event route runs a tag, of at most 63 bytes.',
      args: [str('tag')],
      run(ctx, _p: EvapiParams, tag) {
        const event = ctx.extra(EVENT);
        return event !== undefined && ctx.host.state(EVAPI).setTag(event.client, tag) ? 1 : FAILED;
      },
    }),
  },
  pvs: {
    evapi: pvTable('The client and its message, in event routes of evapi.', {
      conidx: seen(({ client }) => client.index),
      msg: seen(({ message }) => message),
      srcaddr: seen(({ client }) => client.address),
      srcport: seen(({ client }) => client.port),
    }),
  },
  events: {
    'evapi:connection-new': 'A client has connected; `$evapi(…)` tells of it.',
    'evapi:connection-closed': 'A client has gone.',
    'evapi:message-received': 'A message of a client, `$evapi(msg)`.',
  },
  start: (host) => new Clients(host, (name, event) => raise(host, name, event)),
  async ready(host, state) {
    const { bind_addr } = host.program.params('evapi') as unknown as EvapiParams;
    const at = parseBind(bind_addr);
    if (host.sandbox === undefined && typeof at !== 'string') await (state as Clients).listen(at);
  },
  stop: (_host, state) => (state as Clients).close(),
});
