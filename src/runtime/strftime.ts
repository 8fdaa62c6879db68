/** strftime(3) and ctime(3) in the C locale, for `$timef`, `{s.ftime}` and log lines. */

/** Broken-down time, as `struct tm` but counting months from 1, with the offset of its zone in minutes east. */
export interface BrokenTime {
  readonly sec: number;
  readonly min: number;
  readonly hour: number;
  readonly mday: number;
  /** 1…12. */
  readonly mon: number;
  readonly year: number;
  /** 0 Sunday … 6. */
  readonly wday: number;
  /** 0…365. */
  readonly yday: number;
  readonly isDst: boolean;
  readonly offset: number;
  readonly zone: string;
  /** Seconds since the epoch. */
  readonly epoch: number;
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_MS = 86_400_000;

export function utcTime(ms: number): BrokenTime {
  const d = new Date(ms);
  const year = d.getUTCFullYear();
  return {
    sec: d.getUTCSeconds(),
    min: d.getUTCMinutes(),
    hour: d.getUTCHours(),
    mday: d.getUTCDate(),
    mon: d.getUTCMonth() + 1,
    year,
    wday: d.getUTCDay(),
    yday: Math.floor((Date.UTC(year, d.getUTCMonth(), d.getUTCDate()) - Date.UTC(year, 0, 1)) / DAY_MS),
    isDst: false,
    offset: 0,
    zone: 'GMT',
    epoch: Math.floor(ms / 1000),
  };
}

export function localTime(ms: number): BrokenTime {
  const d = new Date(ms);
  const year = d.getFullYear();
  const offset = -d.getTimezoneOffset();
  const winter = -Math.max(new Date(year, 0, 1).getTimezoneOffset(), new Date(year, 6, 1).getTimezoneOffset());
  return {
    sec: d.getSeconds(),
    min: d.getMinutes(),
    hour: d.getHours(),
    mday: d.getDate(),
    mon: d.getMonth() + 1,
    year,
    wday: d.getDay(),
    yday: Math.round((Date.UTC(year, d.getMonth(), d.getDate()) - Date.UTC(year, 0, 1)) / DAY_MS),
    isDst: offset > winter,
    offset,
    zone: zoneName(d),
    epoch: Math.floor(ms / 1000),
  };
}

function zoneName(d: Date): string {
  return /\(([^)]+)\)$/.exec(d.toTimeString())?.[1] === 'Coordinated Universal Time' ? 'UTC' : shortZone(d);
}

function shortZone(d: Date): string {
  const part = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(d)
    .find((p) => p.type === 'timeZoneName');
  return part?.value ?? 'UTC';
}

const two = (n: number): string => `${n}`.padStart(2, '0');
const blank2 = (n: number): string => `${n}`.padStart(2, ' ');

/** `Tue Jan  2 03:04:05 2024`, 24 characters. */
export function ctime(ms: number): string {
  return strftime('%a %b %e %H:%M:%S %Y', localTime(ms));
}

const hour12 = (t: BrokenTime): number => t.hour % 12 || 12;

/** Year and week of ISO 8601. */
function isoWeek(t: BrokenTime): [year: number, week: number] {
  const weekday = (t.wday + 6) % 7;
  const week = Math.floor((t.yday - weekday + 10) / 7);
  if (week < 1) return [t.year - 1, weeksOf(t.year - 1)];
  return week > weeksOf(t.year) ? [t.year + 1, 1] : [t.year, week];
}

function weeksOf(year: number): number {
  const p = (y: number) => (y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400)) % 7;
  return p(year) === 4 || p(year - 1) === 3 ? 53 : 52;
}

function zoneOffset({ offset }: BrokenTime): string {
  const n = Math.abs(offset);
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(n / 60))}${two(n % 60)}`;
}

const CONVERSIONS: Readonly<Record<string, (t: BrokenTime) => string>> = {
  a: (t) => DAYS[t.wday]!.slice(0, 3),
  A: (t) => DAYS[t.wday]!,
  b: (t) => MONTHS[t.mon - 1]!.slice(0, 3),
  B: (t) => MONTHS[t.mon - 1]!,
  c: (t) => strftime('%a %b %e %H:%M:%S %Y', t),
  C: (t) => two(Math.floor(t.year / 100)),
  d: (t) => two(t.mday),
  D: (t) => strftime('%m/%d/%y', t),
  e: (t) => blank2(t.mday),
  F: (t) => strftime('%Y-%m-%d', t),
  g: (t) => two(isoWeek(t)[0] % 100),
  G: (t) => `${isoWeek(t)[0]}`,
  h: (t) => MONTHS[t.mon - 1]!.slice(0, 3),
  H: (t) => two(t.hour),
  I: (t) => two(hour12(t)),
  j: (t) => `${t.yday + 1}`.padStart(3, '0'),
  k: (t) => blank2(t.hour),
  l: (t) => blank2(hour12(t)),
  m: (t) => two(t.mon),
  M: (t) => two(t.min),
  n: () => '\n',
  p: (t) => (t.hour < 12 ? 'AM' : 'PM'),
  P: (t) => (t.hour < 12 ? 'am' : 'pm'),
  r: (t) => strftime('%I:%M:%S %p', t),
  R: (t) => strftime('%H:%M', t),
  s: (t) => `${t.epoch}`,
  S: (t) => two(t.sec),
  t: () => '\t',
  T: (t) => strftime('%H:%M:%S', t),
  u: (t) => `${t.wday || 7}`,
  U: (t) => two(Math.floor((t.yday + 7 - t.wday) / 7)),
  V: (t) => two(isoWeek(t)[1]),
  w: (t) => `${t.wday}`,
  W: (t) => two(Math.floor((t.yday + 7 - ((t.wday + 6) % 7)) / 7)),
  x: (t) => strftime('%m/%d/%y', t),
  X: (t) => strftime('%H:%M:%S', t),
  y: (t) => two(t.year % 100),
  Y: (t) => `${t.year}`,
  z: zoneOffset,
  Z: (t) => t.zone,
  '%': () => '%',
};

/** Flags of glibc: `_` pads with blanks, `-` does not pad, `0` pads with zeros, `^` upper case. */
const DIRECTIVE = /%([_\-0^#]*)(\d*)([EO]?)([A-Za-z%])/g;

/** Formats; what is no conversion stays as it is. */
export function strftime(format: string, time: BrokenTime): string {
  return format.replace(DIRECTIVE, (whole, flags: string, width: string, _modifier, letter: string) => {
    const convert = Object.hasOwn(CONVERSIONS, letter) ? CONVERSIONS[letter] : undefined;
    return convert === undefined ? whole : padded(convert(time), flags, width);
  });
}

function padded(text: string, flags: string, width: string): string {
  let out = text;
  if (flags.includes('-')) out = out.replace(/^[0 ]+(?=.)/, '');
  else if (flags.includes('_')) out = out.replace(/^0+(?=.)/, (zeros) => ' '.repeat(zeros.length));
  else if (flags.includes('0')) out = out.replace(/^ +/, (blanks) => '0'.repeat(blanks.length));
  if (flags.includes('^')) out = out.toUpperCase();
  const n = Math.min(Number(width || 0), 255);
  return out.padStart(n, flags.includes('_') || /^[A-Za-z]/.test(out) ? ' ' : '0');
}
