/** `$Ts`, `$TV`, `$time`, `$timef` and their kin (variables.md, section 5). */
import type { Context } from '../context.js';
import { extraKey } from '../context.js';
import { type BindResult, type PvAccessor, type PvDefinition, type PvUse, pv, pvTable, pvWith } from '../module.js';
import { type BrokenTime, ctime, localTime, strftime, utcTime } from '../strftime.js';
import { Dual, type Value } from '../values.js';
import { type Get, unsigned } from './support.js';

const MILLION = 1_000_000;
const seconds = (ms: number): number => Math.floor(ms / 1000);

/** `$TV(un)`: the microseconds of the last `$TV(sn)`. */
const LAST_NOW = extraKey<number>('TV now');

function nowSeconds(ctx: Context): Value {
  const micros = ctx.host.clock.micros();
  ctx.setExtra(LAST_NOW, micros % MILLION);
  return unsigned(Math.floor(micros / MILLION));
}

function fraction(micros: number): string {
  return `${micros % MILLION}`.padStart(6, '0');
}

const TV: Readonly<Record<string, Get>> = {
  s: ({ msg }) => unsigned(seconds(msg.time)),
  u: ({ msg }) => Math.floor((msg.time % 1000) * 1000),
  sn: nowSeconds,
  un: (ctx) => ctx.extra(LAST_NOW) ?? 0,
  Sn({ host }) {
    const micros = host.clock.micros();
    return `${Math.floor(micros / MILLION)}.${fraction(micros)}`;
  },
  Fn({ host }) {
    const micros = host.clock.micros();
    return `${strftime('%Y-%m-%d %H:%M:%S', localTime(micros / 1000))}.${fraction(micros)}`;
  },
};

const PARTS: Readonly<Record<string, (t: BrokenTime) => number>> = {
  sec: (t) => t.sec,
  min: (t) => t.min,
  hour: (t) => t.hour,
  mday: (t) => t.mday,
  mon: (t) => t.mon,
  year: (t) => t.year,
  wday: (t) => t.wday + 1,
  yday: (t) => t.yday + 1,
  isdst: (t) => (t.isDst ? 1 : 0),
};

function timeTable(doc: string, broken: (ms: number) => BrokenTime): PvDefinition {
  const table: Record<string, Get> = {};
  for (const [name, read] of Object.entries(PARTS)) table[name] = ({ msg }) => read(broken(msg.time));
  return pvTable(doc, table);
}

/** Longer results are null. */
const FORMAT_LIMIT = 63;

function formatted(broken: (ms: number) => BrokenTime) {
  return (use: PvUse): BindResult<PvAccessor> => {
    const format = use.key?.text ?? '';
    return {
      ok: {
        get({ msg }) {
          const text = strftime(format, broken(msg.time));
          return text === '' || text.length > FORMAT_LIMIT ? null : text;
        },
      },
    };
  };
}

export const TIME: Readonly<Record<string, PvDefinition>> = {
  Ts: pv('Unix time of the message.', ({ msg }) => unsigned(seconds(msg.time))),
  TS: pv('Unix time now.', ({ host }) => unsigned(seconds(host.clock.now()))),
  Tb: pv('Unix time of the start of the server.', ({ host }) => unsigned(seconds(host.startTime))),
  Tf: pv('Time of the message as text.', ({ msg }) => new Dual(ctime(msg.time), seconds(msg.time) | 0)),
  TF: pv('Time now as text.', ({ host }) => new Dual(ctime(host.clock.now()), seconds(host.clock.now()) | 0)),
  TV: pvTable('Time with microseconds: s, u of the message; sn, un, Sn, Fn of now.', TV),
  time: timeTable('Local time of the message in parts.', localTime),
  utime: timeTable('UTC time of the message in parts.', utcTime),
  timef: pvWith({
    doc: 'Local time of the message by a strftime format.',
    example: 'xlog("$timef(%Y-%m-%d)\\n");',
    bind: formatted(localTime),
  }),
  utimef: pvWith({ doc: 'UTC time of the message by a strftime format.', bind: formatted(utcTime) }),
};
