/** RPC commands dispatcher.*. */
import {
  type Host,
  type RpcCall,
  type RpcDefinition,
  RpcFault,
  type RpcResult,
  type RpcValue,
} from '../../runtime/module.js';
import { anyText, intArg, takesTextAsZero, textArg } from '../../runtime/rpc.js';
import { bracketed } from '../../sip/transport.js';
import { type Destination, makeDestination, STATE } from './destination.js';
import { hashOf } from './hash.js';
import type { DestinationSet } from './set.js';
import { DISPATCHER, type Dispatcher } from './state.js';
import { forceState } from './status.js';

const FAULT = 500;
const SECOND = 1000;

function fault(message: string): RpcFault {
  return new RpcFault(FAULT, message);
}

/** Reads arguments; one that is missing or of another kind is a fault. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    throw e instanceof RpcFault ? fault('Invalid Parameters') : e;
  }
}

/** A number; JSON-RPC takes any text for 0, as Kamailio does. */
function number(args: readonly RpcValue[], at: number, call?: RpcCall): number {
  return typeof args[at] === 'string' && takesTextAsZero(call) ? 0 : intArg(args, at);
}

// ---------------------------------------------------------------------- list

const LETTERS: readonly (readonly [bit: number, letter: string])[] = [
  [STATE.INACTIVE, 'I'],
  [STATE.DISABLED, 'D'],
  [STATE.TRYING, 'T'],
];

function flagText({ flags }: Destination): string {
  const state = LETTERS.find(([bit]) => (flags & bit) !== 0)?.[1] ?? 'A';
  return state + ((flags & STATE.PROBING) !== 0 ? 'P' : 'X');
}

type Detail = 'short' | 'normal' | 'full';

function place(d: Destination): Record<string, RpcValue> {
  const seconds = Math.floor(d.dnsTime / SECOND);
  return {
    HOST: d.host,
    IPADDR: bracketed(d.ip),
    PORT: d.port,
    PROTOID: d.proto,
    DNSTIME_SEC: seconds,
    DNSTIME_USEC: (d.dnsTime - seconds * SECOND) * SECOND,
  };
}

function attributes({ attrs }: Destination): Record<string, RpcValue> {
  if (attrs.body === null) return {};
  return {
    ATTRS: {
      BODY: attrs.body,
      DUID: attrs.duid,
      MAXLOAD: attrs.maxload,
      WEIGHT: attrs.weight,
      RWEIGHT: attrs.rweight,
      SOCKET: attrs.socket,
      SOCKNAME: attrs.sockname,
      OBPROXY: attrs.obproxy,
    },
  };
}

function latency({ latency: l }: Destination): Record<string, RpcValue> {
  return { LATENCY: { AVG: l.average, STD: l.deviation, EST: l.estimate, MAX: l.max, TIMEOUT: l.timeouts } };
}

function shownDestination({ params: p }: Dispatcher, d: Destination, detail: Detail): RpcValue {
  return {
    DEST: {
      URI: d.uri,
      FLAGS: flagText(d),
      PRIORITY: d.priority,
      ...(detail === 'full' ? place(d) : {}),
      ...(detail === 'short' ? {} : attributes(d)),
      ...(p.ds_ping_latency_stats === 0 ? {} : latency(d)),
      ...(p.ds_hash_size > 0 ? { RUNTIME: { DLGLOAD: d.load } } : {}),
    },
  };
}

function list(host: Host, args: readonly RpcValue[]): RpcValue {
  const state = host.state(DISPATCHER);
  if (state.sets.size === 0) throw fault('No Destination Sets');
  const asked = (anyText(args, 0) ?? '').toLowerCase();
  const detail: Detail = asked === 'short' || asked === 'full' ? asked : 'normal';
  const shown = ({ id, destinations }: DestinationSet): RpcValue => ({
    SET: { ID: id, TARGETS: destinations.map((d) => shownDestination(state, d, detail)) },
  });
  return { NRSETS: state.sets.size, RECORDS: state.sets.values().map(shown) };
}

// --------------------------------------------------------------------- state

const STATES: Readonly<Record<string, number>> = {
  '0': STATE.INACTIVE,
  i: STATE.INACTIVE,
  '1': 0,
  a: 0,
  '2': STATE.DISABLED,
  d: STATE.DISABLED,
  '3': STATE.TRYING,
  t: STATE.TRYING,
};

function stateOf(text: string): number {
  const letters = text.toLowerCase();
  const first = letters[0] ?? '';
  const flags = Object.hasOwn(STATES, first) ? STATES[first] : undefined;
  if (flags === undefined) throw fault(text === '' ? 'Invalid State Parameter' : 'Unknown State Value');
  return letters[1] === 'p' && flags !== STATE.DISABLED ? flags | STATE.PROBING : flags;
}

function settingState(find: (set: DestinationSet, text: string) => Destination | undefined): RpcDefinition['run'] {
  return (host, args, call) => {
    const [letters, group, text] = reading(
      () => [anyText(args, 0) ?? textArg(args, 0), number(args, 1, call), textArg(args, 2)] as const,
    );
    const flags = stateOf(letters);
    const state = host.state(DISPATCHER);
    const set = state.sets.get(group);
    if (text === 'all') for (const d of set?.destinations ?? []) forceState(state, set!, d, flags);
    else {
      const d = set === undefined ? undefined : find(set, text);
      if (set === undefined || d === undefined) throw fault('State Update Failed');
      forceState(state, set, d, flags);
    }
    return 'Ok. Dispatcher state updated.';
  };
}

function pingActive(host: Host, args: readonly RpcValue[]): RpcValue {
  const state = host.state(DISPATCHER);
  const old = state.pingActive;
  const wanted = typeof args[0] === 'number' ? Math.trunc(args[0]) : -1;
  if (wanted === -1) return { OldPingState: old };
  state.pingActive = wanted;
  return { NewPingState: wanted, OldPingState: old };
}

// --------------------------------------------------------------------- lists

/** Commands that make the list anew: not too soon after each other. */
function rebuilding(
  run: (state: Dispatcher, args: readonly RpcValue[], call?: RpcCall) => Promise<RpcResult>,
): (host: Host, args: readonly RpcValue[], call?: RpcCall) => Promise<RpcResult> {
  return async (host, args, call) => {
    const state = host.state(DISPATCHER);
    if (!state.beginReload()) throw fault('Ongoing reload');
    return await run(state, args, call);
  };
}

const optionalInt = (args: readonly RpcValue[], at: number): number =>
  typeof args[at] === 'number' ? intArg(args, at) : 0;

async function add(state: Dispatcher, args: readonly RpcValue[], call?: RpcCall): Promise<RpcResult> {
  const [set, uri] = reading(() => [number(args, 0, call), textArg(args, 1)] as const);
  const spec = {
    set,
    uri,
    flags: optionalInt(args, 2),
    priority: optionalInt(args, 3),
    attrs: anyText(args, 4) ?? '',
  };
  if ((await state.replace([...state.specs(), spec])) === undefined) throw fault('Adding dispatcher dst failed');
  return 'Ok. Dispatcher destination added.';
}

async function remove(state: Dispatcher, args: readonly RpcValue[], call?: RpcCall): Promise<RpcResult> {
  const [set, uri] = reading(() => [number(args, 0, call), textArg(args, 1)] as const);
  const given = await makeDestination(state.host, state.params, { set, uri, flags: 0, priority: 0, attrs: '' });
  if (given === undefined) throw fault('Removing dispatcher dst failed');
  await state.replace(state.specs().filter((spec) => spec.set !== set || spec.uri !== given.uri));
  return 'Ok. Dispatcher destination removed.';
}

function hash(_host: Host, args: readonly RpcValue[], call?: RpcCall): RpcValue {
  const [slots, first] = reading(() => [number(args, 0, call), textArg(args, 1)] as const);
  const hashid = hashOf(first, anyText(args, 2) ?? '');
  return { hashid, slot: slots > 0 ? hashid % slots : 0 };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'dispatcher.reload': {
    doc: 'Reads the destinations again.',
    run: rebuilding(async (state) => {
      if ((await state.load()) !== 'all') throw fault('Reload Failed');
      return 'Ok. Dispatcher successfully reloaded.';
    }),
  },
  'dispatcher.list': {
    doc: 'The sets with their destinations. short: without attributes; full: with addresses.',
    run: list,
  },
  'dispatcher.set_state': {
    doc: 'Sets the state of a destination: state (a, i, d, t, with p behind it for probing), set, URI or all.',
    run: settingState((set, text) => set.find(text)),
  },
  'dispatcher.set_duid_state': {
    doc: 'As dispatcher.set_state, by the duid of the destination.',
    run: settingState((set, text) => set.findByDuid(text)),
  },
  'dispatcher.ping_active': {
    doc: 'Turns probes on (1) or off (0); without an argument says how it is.',
    run: pingActive,
  },
  'dispatcher.add': {
    doc: 'Adds a destination until the next reload: set, URI, flags, priority, attributes.',
    run: rebuilding(add),
  },
  'dispatcher.remove': { doc: 'Takes a destination out until the next reload: set, URI.', run: rebuilding(remove) },
  'dispatcher.hash': { doc: 'The hash of one or two texts, and its slot: number of slots, text, text.', run: hash },
};
