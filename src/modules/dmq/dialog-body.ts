/** Bodies of peer `dialog`, read and written (dmq.md, 6.3). Pure: runs in the threads of the pool. */
import { quoted } from './htable-body.js';
import { isObject, parseJson } from './json.js';

export const DIALOG_ACTION = { NONE: 0, UPDATE: 1, STATE: 2, REMOVE: 3, SYNC: 4 } as const;

export const DIALOG_SYNC_REQUEST = '{"action":4}';

/** One side of a call as it travels. */
export interface WireLeg {
  readonly tag: string;
  readonly cseq: string;
  readonly routeSet: string;
  readonly contact: string;
}

/** What a change of state says. Times are seconds since the epoch. */
export interface WireState {
  readonly entry: number;
  readonly id: number;
  readonly state: number;
  readonly startTs: number;
  readonly lifetime: number;
  readonly caller: WireLeg;
  readonly callee: WireLeg;
}

export interface WireDialog extends WireState {
  readonly initTs: number;
  readonly callId: string;
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
  readonly vars: readonly (readonly [name: string, value: string])[];
  /** JSON, '' none. */
  readonly profiles: string;
}

export type DialogPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'update'; readonly dialog: WireDialog }
  | { readonly kind: 'state'; readonly change: WireState }
  | { readonly kind: 'remove'; readonly entry: number; readonly id: number };

type Fields = Readonly<Record<string, unknown>>;

const NUMBERS = ['h_entry', 'h_id', 'init_ts', 'start_ts', 'lifetime', 'state'] as const;
const TEXTS = [
  'callid',
  'from_uri',
  'to_uri',
  'req_uri',
  'tag1',
  'tag2',
  'cseq1',
  'cseq2',
  'route_set1',
  'route_set2',
  'contact1',
  'contact2',
  'profiles',
] as const;

const LAST_STATE = 5;

type NumberName = (typeof NUMBERS)[number];
type TextName = (typeof TEXTS)[number];

/** What a body asks for; undefined when it cannot be used (400). */
export function readDialog(body: string): DialogPlan | undefined {
  const root = parseJson(body);
  if (!isObject(root)) return undefined;
  switch (root.action) {
    case DIALOG_ACTION.SYNC:
      return { kind: 'sync' };
    case DIALOG_ACTION.UPDATE:
      return update(root);
    case DIALOG_ACTION.STATE: {
      const change = stateOf(root);
      return change && { kind: 'state', change };
    }
    case DIALOG_ACTION.REMOVE: {
      const change = stateOf(root);
      return change && { kind: 'remove', entry: change.entry, id: change.id };
    }
    default:
      return root.action === undefined || typeof root.action === 'number' ? { kind: 'none' } : undefined;
  }
}

/** Absent members are empty or 0 (state: 1); undefined when one is of the wrong kind. */
function fieldsOf(root: Fields): { numbers: Record<NumberName, number>; texts: Record<TextName, string> } | undefined {
  const numbers = {} as Record<NumberName, number>;
  for (const name of NUMBERS) {
    const v = root[name] ?? (name === 'state' ? 1 : 0);
    if (typeof v !== 'number' || !(v >= 0 && v <= 0xffffffff)) return undefined;
    numbers[name] = Math.trunc(v);
  }
  if (numbers.state < 1 || numbers.state > LAST_STATE) return undefined;
  const texts = {} as Record<TextName, string>;
  for (const name of TEXTS) {
    const v = root[name] ?? '';
    if (typeof v !== 'string') return undefined;
    texts[name] = v;
  }
  return { numbers, texts };
}

function stateOf(root: Fields): WireState | undefined {
  const fields = fieldsOf(root);
  if (fields === undefined) return undefined;
  const { numbers: n, texts: t } = fields;
  return {
    entry: n.h_entry,
    id: n.h_id,
    state: n.state,
    startTs: n.start_ts,
    lifetime: n.lifetime,
    caller: { tag: t.tag1, cseq: t.cseq1, routeSet: t.route_set1, contact: t.contact1 },
    callee: { tag: t.tag2, cseq: t.cseq2, routeSet: t.route_set2, contact: t.contact2 },
  };
}

function update(root: Fields): DialogPlan | undefined {
  const fields = fieldsOf(root);
  const change = stateOf(root);
  const vars = varsOf(root.vars);
  if (fields === undefined || change === undefined || vars === undefined) return undefined;
  const { numbers: n, texts: t } = fields;
  if (t.callid === '' || t.tag1 === '' || n.h_id === 0) return undefined;
  const dialog: WireDialog = {
    ...change,
    initTs: n.init_ts,
    callId: t.callid,
    fromUri: t.from_uri,
    toUri: t.to_uri,
    requestUri: t.req_uri,
    vars,
    profiles: t.profiles,
  };
  return { kind: 'update', dialog };
}

function varsOf(value: unknown): WireDialog['vars'] | undefined {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return undefined;
  const out = Object.entries(value);
  return out.every((pair): pair is [string, string] => typeof pair[1] === 'string') ? out : undefined;
}

// ------------------------------------------------------------------- writing

const EARLY = 2;
const CONFIRMED = 4;

/** All of it. A Kamailio node takes no state 3 (answered, not acknowledged): that travels as 2. */
export function dialogText(d: WireDialog): string {
  const vars = d.vars.map(([name, value]) => `${quoted(name)}:${quoted(value)}`);
  return (
    `{"action":${DIALOG_ACTION.UPDATE},"h_entry":${d.entry},"h_id":${d.id},"init_ts":${d.initTs},` +
    `"callid":${quoted(d.callId)},"from_uri":${quoted(d.fromUri)},"to_uri":${quoted(d.toUri)},` +
    `"req_uri":${quoted(d.requestUri)},${legText(d.caller, 1)}` +
    `${vars.length === 0 ? '' : `,"vars":{${vars.join(',')}}`}` +
    `${d.profiles === '' ? '' : `,"profiles":${quoted(d.profiles)}`},"state":${d.state}${timesText(d)}` +
    `${d.state === CONFIRMED ? `,${legText(d.callee, 2)}` : ''}}`
  );
}

/** The state, and what came with it. */
export function stateText(d: WireState): string {
  const head = `{"action":${DIALOG_ACTION.STATE},"h_entry":${d.entry},"h_id":${d.id},"state":${d.state}${timesText(d)}`;
  if (d.state === EARLY) return `${head},${legText(d.caller, 1)}}`;
  if (d.state !== CONFIRMED) return `${head}}`;
  const [a, b] = [d.caller, d.callee];
  return (
    `${head},"tag1":${quoted(a.tag)},"tag2":${quoted(b.tag)},"cseq1":${quoted(a.cseq)},"cseq2":${quoted(b.cseq)},` +
    `"route_set1":${quoted(a.routeSet)},"route_set2":${quoted(b.routeSet)},` +
    `"contact1":${quoted(a.contact)},"contact2":${quoted(b.contact)}}`
  );
}

export function removalText({ entry, id, state }: Pick<WireState, 'entry' | 'id' | 'state'>): string {
  return `{"action":${DIALOG_ACTION.REMOVE},"h_entry":${entry},"h_id":${id},"state":${state}}`;
}

function timesText({ state, startTs, lifetime }: WireState): string {
  return state === EARLY || state === CONFIRMED ? `,"start_ts":${startTs},"lifetime":${lifetime}` : '';
}

function legText({ tag, cseq, routeSet, contact }: WireLeg, n: number): string {
  return (
    `"tag${n}":${quoted(tag)},"cseq${n}":${quoted(cseq)},` +
    `"route_set${n}":${quoted(routeSet)},"contact${n}":${quoted(contact)}`
  );
}
