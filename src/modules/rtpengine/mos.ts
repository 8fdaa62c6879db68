/** Quality of a call as the RTPengine measured it (MOS), in variables that parameters name. */
import type { Context } from '../../runtime/context.js';
import { bindFormat, bindVariable } from '../../runtime/format.js';
import { type BindEnv, type Setter, strParam } from '../../runtime/module.js';
import { type Bencode, entry, numberEntry, textEntry } from './bencode.js';

/** Whose: the whole call, or the party whose label a parameter gives. */
const SIDES = ['', 'A', 'B'] as const;
type Side = (typeof SIDES)[number];
const KINDS = ['max', 'min', 'average'] as const;
type Kind = (typeof KINDS)[number];

/** What the RTPengine tells of one measurement. */
interface Measurement {
  readonly mos: number;
  readonly at: number;
  readonly packetloss: number;
  readonly jitter: number;
  readonly roundtrip: number;
  readonly roundtrip_leg: number;
  readonly samples: number;
  /** How many were added up here. */
  readonly count: number;
}
type Field = Exclude<keyof Measurement, 'count'>;

const COMMON: readonly Field[] = ['mos', 'packetloss', 'jitter', 'roundtrip', 'roundtrip_leg'];
const FIELDS: Readonly<Record<Kind, readonly Field[]>> = {
  max: [...COMMON, 'at'],
  min: [...COMMON, 'at'],
  average: [...COMMON, 'samples'],
};

const SAID: Readonly<Record<Field, string>> = {
  mos: 'the MOS, as 4.3',
  at: 'when that was, in minutes and seconds of the call',
  packetloss: 'the packet loss',
  jitter: 'the jitter',
  roundtrip: 'the round-trip time, end to end',
  roundtrip_leg: 'the round-trip time, to the RTPengine',
  samples: 'how many samples there were',
};
const OF: Readonly<Record<Kind, string>> = { max: 'best', min: 'worst', average: 'average' };

function nameOf(kind: Kind, field: Field, side: Side): string {
  return `mos_${[kind, ...(field === 'mos' ? [] : [field]), ...(side === '' ? [] : [side])].join('_')}_pv`;
}

const labelOf = (side: Side): string => `mos_${side}_label_pv`;

function* allParams(): IterableIterator<[name: string, doc: string]> {
  for (const side of SIDES) {
    if (side !== '') yield [labelOf(side), `Label of the party ${side}, as the words label=… of its offer or answer.`];
    const whose = side === '' ? 'the call' : `party ${side}`;
    for (const kind of KINDS)
      for (const field of FIELDS[kind])
        yield [
          nameOf(kind, field, side),
          `Variable that gets, of the ${OF[kind]} quality of ${whose}, ${SAID[field]}.`,
        ];
  }
}

/** The parameters `mos_…`: set by rtpengine_delete(), rtpengine_query() and rtpengine_manage(). */
export const mosParams = Object.fromEntries([...allParams()].map(([name, doc]) => [name, strParam(null, doc)]));

// ------------------------------------------------------------------- binding

interface BoundSide {
  /** The party's label; undefined: the whole call. */
  readonly label: ((ctx: Context) => string) | undefined;
  readonly targets: ReadonlyMap<string, Setter>;
}

const BOUND = new WeakMap<object, readonly BoundSide[]>();

/** The text says what is wrong with one of them. */
export function bindMos(env: BindEnv): string | undefined {
  const params = env.params('rtpengine');
  if (BOUND.has(params)) return undefined;
  const sides: BoundSide[] = [];
  for (const side of SIDES) {
    const bound = bindSide(side, params, env);
    if (typeof bound === 'string') return bound;
    if (bound.targets.size > 0) sides.push(bound);
  }
  BOUND.set(params, sides);
  return undefined;
}

function bindSide(side: Side, params: Readonly<Record<string, unknown>>, env: BindEnv): BoundSide | string {
  const targets = new Map<string, Setter>();
  for (const kind of KINDS) {
    for (const field of FIELDS[kind]) {
      const name = nameOf(kind, field, side);
      const text = params[name];
      if (typeof text !== 'string' || text === '') continue;
      const found = bindVariable(text, env);
      if ('error' in found) return `${name}: ${found.error}`;
      if (found.ok.set === undefined) return `${name}: ${text} cannot be written`;
      targets.set(`${kind} ${field}`, found.ok.set);
    }
  }
  const text = side === '' ? undefined : params[labelOf(side)];
  if (typeof text !== 'string' || text === '') return { label: undefined, targets };
  const label = bindFormat(text, env);
  return 'error' in label ? `${labelOf(side)}: ${label.error}` : { label: label.ok.get, targets };
}

// -------------------------------------------------------------------- reading

/** Writes the variables of the parameters; undefined: no parameter asks for it. */
export function mosWriter(ctx: Context): ((answer: Bencode) => void) | undefined {
  const sides = BOUND.get(ctx.program.params('rtpengine')) ?? [];
  if (sides.length === 0) return undefined;
  return (answer) => {
    for (const side of sides) tell(ctx, side, answer);
  };
}

const items = (of: Bencode | undefined): readonly Bencode[] => (Array.isArray(of) ? of : []);
const pairs = (of: Bencode | undefined): readonly (readonly [string, Bencode])[] =>
  of instanceof Map ? [...(of as ReadonlyMap<string, Bencode>)] : [];

/** Streams of a party are told apart by their first SSRC; of more than these 5.6.3 takes no note. */
const MOST_STREAMS = 4;

/** SSRCs of the party with that label. */
function ssrcsOf(answer: Bencode, label: string): readonly string[] {
  const parties = pairs(entry(answer, 'tags')).filter(([, party]) => textEntry(party, 'label') === label);
  const medias = parties.flatMap(([, party]) => items(entry(party, 'medias')));
  const ssrcs = medias.flatMap((media) => numberEntry(items(entry(media, 'streams'))[0], 'SSRC') ?? []);
  return ssrcs
    .filter((n) => n !== -1)
    .map((n) => `${n}`)
    .slice(0, MOST_STREAMS);
}

function measured(of: Bencode, key: string): Measurement | undefined {
  const dictionary = entry(of, key);
  if (!(dictionary instanceof Map)) return undefined;
  const value = (name: string) => numberEntry(dictionary, name) ?? -1;
  return {
    mos: value('MOS'),
    at: value('reported at'),
    packetloss: value('packet loss'),
    jitter: value('jitter'),
    roundtrip: value('round-trip time'),
    roundtrip_leg: value('round-trip time leg'),
    samples: value('samples'),
    count: 1,
  };
}

function sum(all: readonly Measurement[]): Measurement | undefined {
  if (all.length === 0) return undefined;
  const total = (field: Field) => all.reduce((n, m) => n + m[field], 0);
  return {
    mos: total('mos'),
    at: 0,
    packetloss: total('packetloss'),
    jitter: total('jitter'),
    roundtrip: total('roundtrip'),
    roundtrip_leg: total('roundtrip_leg'),
    samples: total('samples'),
    count: all.length,
  };
}

const best = (a: Measurement, b: Measurement): Measurement => (b.mos > a.mos ? b : a);
const worst = (a: Measurement, b: Measurement): Measurement => (b.mos < a.mos ? b : a);
/** Values that 5.6.3 begins its search for the worst with. */
const FULL_MARK = 100;

/** The measurement of each kind, over the streams in question. */
function kindsOf(streams: readonly Bencode[]): Readonly<Record<Kind, Measurement | undefined>> {
  const of = (key: string, fits: (m: Measurement) => boolean) =>
    streams.flatMap((stream) => measured(stream, key) ?? []).filter(fits);
  const max = of('highest MOS', ({ mos }) => mos > -1);
  const min = of('lowest MOS', ({ mos }) => mos > 0 && mos < FULL_MARK);
  return {
    max: max.length === 0 ? undefined : max.reduce(best),
    min: min.length === 0 ? undefined : min.reduce(worst),
    average: sum(of('average MOS', ({ mos }) => mos > 0)),
  };
}

function tell(ctx: Context, { label, targets }: BoundSide, answer: Bencode): void {
  const wanted = label === undefined ? undefined : ssrcsOf(answer, label(ctx));
  if (wanted?.length === 0) return;
  const streams = pairs(entry(answer, 'SSRC')).filter(([ssrc]) => wanted === undefined || wanted.includes(ssrc));
  const created = numberEntry(answer, 'created') ?? 0;
  const kinds = kindsOf(streams.map(([, stream]) => stream));
  for (const kind of KINDS) {
    const found = kinds[kind];
    if (found === undefined) continue;
    for (const field of FIELDS[kind]) targets.get(`${kind} ${field}`)?.(ctx, printed(field, found, created));
  }
}

function printed(field: Field, m: Measurement, created: number): string {
  if (field === 'at') {
    const seconds = m.at - created;
    return `${Math.trunc(seconds / 60)}:${`${Math.abs(seconds % 60)}`.padStart(2, '0')}`;
  }
  const value = Math.trunc(m[field] / m.count);
  return field === 'mos' ? `${Math.trunc(value / 10)}.${Math.abs(value % 10)}` : `${value}`;
}
