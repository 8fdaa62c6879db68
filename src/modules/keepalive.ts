/** Kamailio's keepalive: destinations that are asked by OPTIONS whether they are there, each at its own interval. */

import type { TimerHandle } from '../runtime/host.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  listParam,
  RpcAnswers,
  RpcFault,
  type RpcValue,
  type StateKey,
  stateKey,
  str,
  strParam,
} from '../runtime/module.js';
import { anyText } from '../runtime/rpc.js';
import { ctime } from '../runtime/strftime.js';
import { parseUri } from '../sip/uri.js';
import { newRequest } from './tm/api.js';

interface Params {
  readonly ping_interval: number;
  readonly destination: readonly string[];
  readonly delete_counter: number;
  readonly ping_from: string;
}

const STATE = { UNKNOWN: 0, UP: 1, DOWN: 2 } as const;
type State = (typeof STATE)[keyof typeof STATE];

interface Destination {
  readonly uri: string;
  readonly owner: string;
  state: State;
  /** Probes that failed in a row. */
  failed: number;
  /** Milliseconds since the epoch; 0 never. */
  checked: number;
  lastUp: number;
  lastDown: number;
  timer: TimerHandle | undefined;
}

/** The one added last is first, as keepalive.list has them. */
interface Destinations {
  list: Destination[];
}

const KEEPALIVE: StateKey<Destinations> = stateKey<Destinations>('keepalive');
const OF_PARAMETERS = '_params';
const FIRST_PROBE_MS = 500;
const SECOND = 1000;
const ALREADY_THERE = -2;
const UP = 'keepalive:dst-up';
const DOWN = 'keepalive:dst-down';

const paramsOf = (host: Host) => host.program.params('keepalive') as unknown as Params;
const say = (host: Host, level: number, text: string): void => host.log.write(level, 'keepalive', `${text}\n`);
const withScheme = (uri: string): string => (/^sips?:/i.test(uri) ? uri : `sip:${uri}`);

function find(host: Host, uri: string, owner: string): Destination | undefined {
  return host.state(KEEPALIVE).list.find((d) => d.uri === uri && d.owner === owner);
}

function add(host: Host, uri: string, owner: string): number {
  const known = find(host, uri, owner);
  if (known !== undefined) {
    say(host, LEVEL.INFO, `uri [${uri}] already in stack --ignoring`);
    known.failed = 0;
    return ALREADY_THERE;
  }
  const whole = withScheme(uri);
  if (parseUri(whole) === undefined) {
    say(host, LEVEL.ERR, `invalid uri <${whole}>`);
    return -1;
  }
  const d: Destination = {
    uri: whole,
    owner,
    state: STATE.UNKNOWN,
    failed: 0,
    checked: 0,
    lastUp: 0,
    lastDown: 0,
    timer: undefined,
  };
  d.timer = host.clock.after(FIRST_PROBE_MS, () => probe(host, d));
  host.state(KEEPALIVE).list.unshift(d);
  return 1;
}

function remove(host: Host, uri: string, owner: string): number {
  const d = find(host, uri, owner);
  if (d === undefined) {
    say(host, LEVEL.ERR, "Couldn't find destination");
    return -1;
  }
  const state = host.state(KEEPALIVE);
  d.timer?.cancel();
  state.list = state.list.filter((other) => other !== d);
  return 1;
}

function flush(host: Host): void {
  const state = host.state(KEEPALIVE);
  for (const d of state.list) d.timer?.cancel();
  state.list = [];
}

/** Those of the parameter. One that cannot be read ends the list, as in Kamailio. */
function addGiven(host: Host, uris: readonly string[]): void {
  for (const uri of uris) if (add(host, uri, OF_PARAMETERS) <= 0) break;
}

/** After a reload: those that the parameter names no more go, new ones come, the others keep their state. */
function takeGiven(host: Host, uris: readonly string[]): void {
  const wanted = new Set(uris.map(withScheme));
  const own = host.state(KEEPALIVE).list.filter((d) => d.owner === OF_PARAMETERS);
  for (const d of own) if (!wanted.has(d.uri)) remove(host, d.uri, OF_PARAMETERS);
  addGiven(
    host,
    [...wanted].filter((uri) => !own.some((d) => d.uri === uri)),
  );
}

/** Asks, and asks again after the interval; a destination that failed too often is given up. */
function probe(host: Host, d: Destination): void {
  const p = paramsOf(host);
  if (p.delete_counter > 0 && d.failed > p.delete_counter) return;
  const sent = newRequest(host, { method: 'OPTIONS', uri: d.uri, to: d.uri, from: p.ping_from }, ({ code }) =>
    answered(host, d, code),
  );
  if (sent === undefined) say(host, LEVEL.ERR, `unable to ping [${d.uri}]`);
  d.checked = host.clock.now();
  d.timer = host.clock.after((p.ping_interval || 30) * SECOND, () => probe(host, d));
}

function answered(host: Host, d: Destination, code: number): void {
  if (!host.state(KEEPALIVE).list.includes(d)) return say(host, LEVEL.ERR, "Couldn't find destination");
  const up = code >= 200 && code <= 299;
  const now = host.clock.now();
  // the names are Kamailio's: `last down` is when it was last seen up, and the other way round
  if (up) d.lastDown = now;
  else d.lastUp = now;
  d.failed = up ? 0 : d.failed + 1;
  const state = up ? STATE.UP : STATE.DOWN;
  if (state === d.state) return;
  d.state = state;
  raise(host, up ? UP : DOWN, d.uri);
}

function raise(host: Host, name: string, uri: string): void {
  if (!host.program.routes.event.has(name)) return;
  const msg = host.fakeRequest();
  msg.newUri = uri;
  const run = host.runEvent(name, msg);
  if (run instanceof Promise) host.detach(run, `event_route[${name}]`);
}

/** As the functions of the script compare: without the scheme. */
function isAlive(host: Host, uri: string): number {
  const d = host.state(KEEPALIVE).list.find((one) => one.uri.slice(4) === uri);
  if (d === undefined) return -1;
  return d.state === STATE.UNKNOWN ? STATE.UP : d.state;
}

function twoTexts(host: Host, args: readonly RpcValue[]): readonly [string, string] {
  const [uri, owner] = [anyText(args, 0), anyText(args, 1)];
  if (uri === undefined || owner === undefined) throw new RpcFault(500, 'Not enough parameters or wrong format');
  if (uri !== '' && owner !== '') return [uri, owner];
  say(host, LEVEL.ERR, 'parameter is len less than 1');
  throw new RpcFault(500, 'parameter is len less than 1');
}

const at = (ms: number): string => `${ctime(ms)}\n`;

export const keepalive = defineModule({
  name: 'keepalive',
  doc: 'Asks destinations by OPTIONS whether they are there, each on its own timer.',
  needs: ['tm'],
  params: {
    ping_interval: intParam(30, 'Seconds between two probes of a destination.'),
    destination: listParam('A destination that is asked from the start: a URI, or what follows `sip:`.'),
    delete_counter: intParam(5, 'A destination that failed more often in a row is asked no more; 0 never given up.'),
    ping_from: strParam('sip:keepalive@kamailio.org', 'URI of From in the probes.'),
  },
  functions: {
    ka_is_alive: fn({
      doc: 'State of a destination, named without its scheme: 1 up or not yet known, 2 down, -1 no such destination.',
      args: [str('destination')],
      example: 'if (ka_is_alive("192.0.2.7:5060") == 2) xlog("down\\n");',
      run: ({ host }, _p: Params, uri) => isAlive(host, uri),
    }),
    ka_add_destination: fn({
      doc: 'Begins to ask a destination. -2: it is there already (its failures count from 0 again).',
      args: [str('uri'), str('owner')],
      routes: ['request', 'branch', 'reply'],
      example: 'ka_add_destination("sip:192.0.2.7", "config");',
      run: ({ host }, _p: Params, uri, owner) => add(host, uri, owner),
    }),
    ka_del_destination: fn({
      doc: 'Asks it no more. The URI as ka_add_destination() kept it: with its scheme.',
      args: [str('uri'), str('owner')],
      example: 'ka_del_destination("sip:192.0.2.7", "config");',
      run: ({ host }, _p: Params, uri, owner) => remove(host, uri, owner),
    }),
  },
  events: {
    [UP]: 'A destination answers with 2xx and did not before; `$ru` is its URI.',
    [DOWN]: 'A destination does not answer with 2xx and did before, or never did.',
  },
  rpc: {
    'keepalive.list': {
      doc: 'All destinations; `last up` is when it was last found down, and the other way round, as in Kamailio.',
      run: (host) =>
        new RpcAnswers(
          host.state(KEEPALIVE).list.map((d) => ({
            uri: d.uri,
            owner: d.owner,
            'last checked': at(d.checked),
            'last up': at(d.lastUp),
            'last down': at(d.lastDown),
            state: d.state,
          })),
        ),
    },
    'keepalive.add': {
      doc: 'Adds a destination: URI and owner.',
      run(host, args) {
        const [uri, owner] = twoTexts(host, args);
        if (add(host, uri, owner) < 0) throw new RpcFault(500, "couldn't add data to list");
        return 'Ok. Destination added.';
      },
    },
    'keepalive.del': {
      doc: 'Removes a destination: URI with its scheme, and owner.',
      run(host, args) {
        const [uri, owner] = twoTexts(host, args);
        if (remove(host, uri, owner) < 0) throw new RpcFault(500, "couldn't delete data from list");
        return 'Ok. Destination removed.';
      },
    },
    'keepalive.get': {
      doc: 'One destination: URI with its scheme, and owner.',
      run(host, args) {
        const [uri, owner] = twoTexts(host, args);
        const d = find(host, uri, owner);
        if (d === undefined) throw new RpcFault(500, "couldn't get data from list");
        return { uri: d.uri, owner: d.owner, state: d.state };
      },
    },
    'keepalive.flush': {
      doc: 'Removes all destinations.',
      run(host) {
        flush(host);
        return 'Ok. Destination list flushed.';
      },
    },
  },
  start: (): Destinations => ({ list: [] }),
  ready: (host) => addGiven(host, paramsOf(host).destination),
  reload: (host, _state, params) => takeGiven(host, (params as unknown as Params).destination),
  stop: (host) => flush(host),
});
