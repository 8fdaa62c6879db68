/** `$hdr`, `$hdrc`, `$hfl`, `$hflc` and the headers with a name of their own: variables.md, section 3. */
import { contactsOf, routesOf, viasOf } from '../../sip/header.js';
import { HDR, headerId } from '../../sip/header-names.js';
import { type Header, headerMatcher, type SipMessage } from '../../sip/message.js';
import type { Context } from '../context.js';
import {
  type BindEnv,
  type BindResult,
  type PvAccessor,
  type PvDefinition,
  type PvKey,
  type PvUse,
  pv,
  pvTable,
  pvWith,
} from '../module.js';
import { Dual, toText, type Value } from '../values.js';
import { type Get, indexReader, logError, place, unsigned } from './support.js';

type Match = (h: Header) => boolean;

const any: Match = () => true;

// ---------------------------------------------------------------- the name

/** A name as it is: constant, or asked for each time; null then means that there is no usable name. */
type NameReader = { readonly constant: string } | { readonly get: (ctx: Context) => string | null };

function nameReader(key: PvKey | undefined, env: BindEnv): BindResult<NameReader> {
  if (key?.kind === 'dynamic') return { ok: { get: dynamicName(key.get) } };
  const text = key?.text ?? '';
  if (text === '*') return { ok: { constant: text } };
  const name = namePattern(env).exec(text)?.[1];
  if (name === undefined) return { error: `error parsing header name [${text}]` };
  // as in 5.6.3: of a name that it knows, a colon and what follows do not count
  return { ok: { constant: headerId(name) === HDR.OTHER ? text : name } };
}

function dynamicName(get: Get): (ctx: Context) => string | null {
  return (ctx) => {
    const v = get(ctx);
    const name = toText(v);
    if (name !== '') return name;
    logError(ctx, 'invalid name');
    return null;
  };
}

/** Characters that 5.6.3 takes in a name, and those of hdr_name_extra_chars. */
function namePattern({ core }: BindEnv): RegExp {
  const more = String(core?.values.get('hdr_name_extra_chars') ?? '').replace(/[\\\]^-]/g, '\\$&');
  return new RegExp(`^([\\w+.~${more}-]+)[ \\t]*(?::.*)?$`, 's');
}

function matcher(name: string): Match {
  return name === '*' ? any : headerMatcher(name);
}

// ------------------------------------------------------------------- $hdr

/** Kamailio reads all headers before it gives one: a line that is none hides them all. */
const isHidden = (msg: SipMessage): boolean => msg.malformedAt >= 0;

function valueAt(msg: SipMessage, match: Match, index: number | '*' | undefined): Value {
  if (index === 0) return first(msg, match);
  if (index === undefined) return undefined;
  if (isHidden(msg)) return null;
  const found = msg.headers.filter(match);
  if (index === '*') return found.length === 0 ? null : found.map((h) => msg.value(h)).join(',');
  const h = found[place(index, found.length)];
  return h === undefined ? null : msg.value(h);
}

function first(msg: SipMessage, match: Match): Value {
  if (isHidden(msg)) return null;
  const all = msg.headers;
  for (let i = 0; i < all.length; i++) if (match(all[i]!)) return msg.value(all[i]!);
  return null;
}

function count(msg: SipMessage, match: Match): number {
  if (isHidden(msg)) return 0;
  const all = msg.headers;
  let n = 0;
  for (let i = 0; i < all.length; i++) if (match(all[i]!)) n++;
  return n;
}

function bindHdr(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const name = nameReader(use.key, env);
  if ('error' in name) return name;
  const index = indexReader(use.index);
  if ('get' in name.ok) {
    const get = name.ok.get;
    return {
      ok: {
        get: (ctx) => {
          const text = get(ctx);
          return text === null ? undefined : valueAt(ctx.msg, matcher(text), index(ctx));
        },
      },
    };
  }
  return { ok: { get: constantHdr(name.ok.constant, use, index) } };
}

function constantHdr(name: string, use: PvUse, index: (ctx: Context) => number | '*' | undefined): Get {
  const match = matcher(name);
  if (use.index !== undefined && use.index !== 0) return (ctx) => valueAt(ctx.msg, match, index(ctx));
  const id = headerId(name);
  if (id !== HDR.OTHER) return ({ msg }) => (isHidden(msg) ? null : (msg.firstValue(id) ?? null));
  return ({ msg }) => first(msg, match);
}

function bindHdrc(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const name = nameReader(use.key, env);
  if ('error' in name) return name;
  if ('constant' in name.ok) {
    // `*` is no name here: it counts headers called `*`, that is none
    const match = headerMatcher(name.ok.constant);
    return { ok: { get: ({ msg }) => count(msg, match), type: 'int' } };
  }
  const get = name.ok.get;
  return {
    ok: {
      get: (ctx) => {
        const text = get(ctx);
        return text === null ? 0 : count(ctx.msg, headerMatcher(text));
      },
      type: 'int',
    },
  };
}

// -------------------------------------------------------------- $hfl, $hflc

/** One value of a list header with its place in the text. */
interface Item {
  readonly start: number;
  readonly end: number;
}

/**
 * Addresses of the list headers; undefined for all others, of which `$hfl` counts lines. In 5.6.3 the contacts of one
 * line come last first (case pv/hdr-counts).
 */
function items(msg: SipMessage, id: number): readonly Item[] | undefined {
  switch (id) {
    case HDR.VIA:
      return viasOf(msg);
    case HDR.ROUTE:
    case HDR.RECORDROUTE:
      return routesOf(msg, id);
    case HDR.CONTACT:
      return contactsByLine(msg);
    default:
      return undefined;
  }
}

function contactsByLine(msg: SipMessage): Item[] {
  const out: Item[] = [];
  let line: Header | undefined;
  let lineStart = 0;
  for (const c of contactsOf(msg)) {
    if (c.star) continue;
    if (c.header !== line) {
      line = c.header;
      lineStart = out.length;
    }
    out.splice(lineStart, 0, c);
  }
  return out;
}

/** 5.6.3 takes the comma that follows with a Via value, and the blanks before it (case pv/hdr-counts). */
function itemText(msg: SipMessage, id: number, { start, end }: Item): string {
  if (id !== HDR.VIA) return msg.text.slice(start, end);
  let at = end;
  while (msg.text[at] === ' ' || msg.text[at] === '\t') at++;
  return msg.text.slice(start, msg.text[at] === ',' ? at + 1 : end);
}

/** 5.6.3 counts one too many from the end: [-1] is nothing, [-2] the last (case pv/corners). */
function itemPlace(index: number, length: number): number {
  return index < 0 ? length + 1 + index : index;
}

function listValue(ctx: Context, id: number, name: string, index: number | '*' | undefined): Value {
  if (index === undefined) return undefined;
  const { msg } = ctx;
  if (isHidden(msg)) return null;
  const list = index === '*' ? undefined : items(msg, id);
  if (list === undefined || index === '*') return valueAt(msg, matcher(name), index);
  const item = list[itemPlace(index, list.length)];
  return item === undefined ? null : itemText(msg, id, item);
}

function bindHfl(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const name = nameReader(use.key, env);
  if ('error' in name) return name;
  const index = indexReader(use.index);
  if ('constant' in name.ok) {
    const text = name.ok.constant;
    const id = headerId(text);
    if (id === HDR.OTHER) return bindHdr(use, env);
    return { ok: { get: (ctx) => listValue(ctx, id, text, index(ctx)) } };
  }
  const get = name.ok.get;
  return {
    ok: {
      get: (ctx) => {
        const text = get(ctx);
        return text === null ? undefined : listValue(ctx, headerId(text), text, index(ctx));
      },
    },
  };
}

function bindHflc(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const name = nameReader(use.key, env);
  if ('error' in name) return name;
  const size = (msg: SipMessage, text: string) =>
    isHidden(msg) ? 0 : (items(msg, headerId(text))?.length ?? count(msg, headerMatcher(text)));
  if ('constant' in name.ok) {
    const text = name.ok.constant;
    return { ok: { get: ({ msg }) => size(msg, text), type: 'int' } };
  }
  const get = name.ok.get;
  return {
    ok: {
      get: (ctx) => {
        const text = get(ctx);
        return text === null ? 0 : size(ctx.msg, text);
      },
      type: 'int',
    },
  };
}

// ------------------------------------------------------- one header, one name

const whole =
  (id: number): Get =>
  ({ msg }) =>
    msg.firstValue(id) ?? null;

function contentLength({ msg }: Context): Value {
  const text = msg.firstValue(HDR.CONTENTLENGTH);
  return text === undefined ? null : new Dual(text, leadingInt(text), true);
}

/** Digits at the front, as the header was parsed; 0 where there are none. */
function leadingInt(text: string): number {
  return Number(/^\d+/.exec(text)?.[0] ?? 0) | 0;
}

// ---------------------------------------------------------------- $expires

/** Seconds of every contact (its own or the Expires header's), or of the header alone; undefined: unreadable. */
function expiries(msg: SipMessage): number[] | undefined {
  const line = msg.firstValue(HDR.EXPIRES);
  const common = line === undefined ? undefined : headerSeconds(line);
  const out: number[] = [];
  for (const c of contactsOf(msg)) {
    const own = c.expires ? seconds(c.expires) : common;
    if (c.expires && own === undefined) return undefined;
    if (own !== undefined) out.push(own);
  }
  if (out.length === 0 && common !== undefined) out.push(common);
  return out;
}

/** Digits at the front, modulo 2^32; 0 where there are none (case pv/list-header-forms). */
function headerSeconds(text: string): number {
  return Number(BigInt.asUintN(32, BigInt(/^\d{0,64}/.exec(text)?.[0] || 0)));
}

function seconds(text: string): number | undefined {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return n <= 0xffffffff ? n : undefined;
}

function extreme(pick: (...n: number[]) => number): Get {
  return ({ msg }) => {
    const all = expiries(msg);
    return all === undefined || all.length === 0 ? null : unsigned(pick(...all.slice(0, 1024)));
  };
}

const HDR_DOC = 'Value of a header line; [i] another one of that name, [*] all joined with commas, name * any header.';

export const HEADERS: Readonly<Record<string, PvDefinition>> = {
  hdr: {
    keyBegins: true,
    ...pvWith({
      doc: HDR_DOC,
      index: true,
      example:
        'xlog("$hdr(User-Agent), $(hdr(Via)[0]), $hdr(X-None)\\n");\n#> example, SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1, <null>',
      bind: bindHdr,
    }),
  },
  hdrc: { keyBegins: true, ...pvWith({ doc: 'How many header lines of that name there are.', bind: bindHdrc }) },
  hfl: {
    keyBegins: true,
    ...pvWith({ doc: 'As $hdr, but Via, Route, Record-Route and Contact by address.', index: true, bind: bindHfl }),
  },
  hflc: {
    keyBegins: true,
    ...pvWith({ doc: 'As $hdrc, but Via, Route, Record-Route and Contact by address.', bind: bindHflc }),
  },
  ct: pv('Whole first Contact; null without one.', ({ msg }) => msg.firstValue(HDR.CONTACT) || null),
  cT: pv('Content-Type; null without one.', whole(HDR.CONTENTTYPE)),
  cl: pv('Content-Length; null without one.', contentLength),
  ua: pv('User-Agent; null without one.', whole(HDR.USERAGENT)),
  expires: pvTable('Least and greatest lifetime over all Contacts and the Expires header.', {
    min: extreme(Math.min),
    max: extreme(Math.max),
  }),
};
