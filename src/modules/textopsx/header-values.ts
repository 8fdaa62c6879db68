/** Items of comma lists in headers, counted from 1, and their parameters (textopsx.c). Changes become edits. */
import type { BindResult } from '../../runtime/module.js';
import { type Header, headerMatcher, type SipMessage } from '../../sip/message.js';

/** `Name[index].param`; `*` for all; negative counts from the end. */
export interface ValuePath {
  readonly name: string;
  readonly named: (h: Header) => boolean;
  readonly index: number;
  /** An index was written. */
  readonly indexed: boolean;
  readonly all: boolean;
  readonly param: string;
}

/** Kamailio looks no further back than this. */
const MAX_FROM_END = 10;

const PATH = /^\s*([A-Za-z0-9_-]+)\s*(?:\[\s*(\*|[+-]?\d+)?\s*\])?\s*(?:\.\s*([A-Za-z0-9_-]+))?$/;

export function parseValuePath(text: string): BindResult<ValuePath> {
  const m = PATH.exec(text);
  if (m === null) return { error: `cannot parse header value '${text}'`, hint: 'write Name, Name[1] or Name[1].param' };
  const index = m[2] === undefined || m[2] === '*' ? 0 : Number(m[2]);
  if (index < -MAX_FROM_END) return { error: `index cannot be lower than ${-MAX_FROM_END}` };
  const name = m[1]!;
  const indexed = text.includes('[');
  return { ok: { name, named: headerMatcher(name), index, indexed, all: m[2] === '*', param: m[3] ?? '' } };
}

/** A stretch of the text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** One item: the value without blanks, and what is cut with it, its comma included. */
export interface Item extends Span {
  readonly header: Header;
  readonly cutStart: number;
  readonly cutEnd: number;
}

const isBlank = (c: string | undefined) => c === ' ' || c === '\t' || c === '\r' || c === '\n';

/** Items of one header; at least one, an empty one perhaps. Commas in quotes do not part. */
export function itemsOf(text: string, header: Header): Item[] {
  const out: Item[] = [];
  const limit = header.valueEnd;
  let at = header.valueStart;
  do {
    const cutStart = at;
    while (at < limit && isBlank(text[at])) at++;
    const start = at;
    let quoted = false;
    for (; at < limit && (text[at] !== ',' || quoted); at++)
      if (text[at] === '"' && (!quoted || text[at - 1] !== '\\')) quoted = !quoted;
    let end = at;
    while (end > start && isBlank(text[end - 1])) end--;
    if (at < limit) at++;
    out.push({ header, start, end, cutStart, cutEnd: at });
  } while (at < limit);
  return out;
}

/** All items of the headers that `path` names. */
export function allItems(msg: SipMessage, path: ValuePath): Item[] {
  return msg.headers.filter(path.named).flatMap((h) => itemsOf(msg.text, h));
}

/** Number `index` of a list: from 1, or from the end. */
export function pick<T>(list: readonly T[], index: number): T | undefined {
  return index > 0 ? list[index - 1] : index < 0 ? list.at(index) : undefined;
}

// ------------------------------------------------------------------- parameters

/** Where a parameter stands: its value; `=` and value; all of it with its delimiter. */
export interface FoundParam {
  readonly value: Span;
  readonly update: Span;
  readonly cut: Span;
}

/** Offset of the first `;` behind name and URI of an item. */
function paramsStart(text: string, item: Span): number {
  let quoted = false;
  let inUri = false;
  for (let at = item.start; at < item.end; at++) {
    const c = text[at];
    if (c === '"' && (!quoted || text[at - 1] !== '\\')) quoted = !quoted;
    else if (quoted) continue;
    else if (c === '<') inUri = true;
    else if (c === '>') inUri = false;
    else if (c === ';' && !inUri) return at;
  }
  return item.end;
}

const PARAM = /(\s*;\s*)([^\s=;]*)(\s*=\s*(?:"([^"]*)"?|([^\s;]*)))?/y;

/** Parameter `name` of an item; a number: there is none, a new one would go there. */
export function findParam(text: string, item: Span, name: string, from?: number): FoundParam | number {
  const area = text.slice(0, item.end);
  let at = from ?? paramsStart(text, item);
  for (;;) {
    PARAM.lastIndex = at;
    const m = PARAM.exec(area);
    if (m === null) return at;
    const end = at + m[0].length;
    if (m[2]!.toLowerCase() === name.toLowerCase()) {
      const update = at + m[1]!.length + m[2]!.length;
      return { value: valueSpan(m, end), update: { start: update, end }, cut: { start: at, end } };
    }
    at = end;
  }
}

function valueSpan(m: RegExpExecArray, end: number): Span {
  if (m[4] !== undefined) {
    const closed = m[0].endsWith('"') && m[3]!.indexOf('"') !== m[3]!.length - 1;
    const stop = closed ? end - 1 : end;
    return { start: stop - m[4].length, end: stop };
  }
  return { start: end - (m[5]?.length ?? 0), end };
}

const LIST_PARAM = /(\s*,?\s*)([A-Za-z0-9_-]+)(\s*=\s*(?:"([^"]*)"?|([^\s,]*)))?(\s*,)?/y;

/** Parameter of a header like Authorization, `Digest realm="r", nonce="n"`; a number and delimiter: there is none. */
export function findListParam(
  text: string,
  header: Header,
  name: string,
  from = header.valueStart,
): FoundParam | { readonly at: number; readonly delimiter: string } {
  const area = text.slice(0, header.valueEnd);
  let at = from;
  let delimiter = '';
  while (at < header.valueEnd) {
    LIST_PARAM.lastIndex = at;
    const m = LIST_PARAM.exec(area);
    if (m === null) {
      at++;
      continue;
    }
    const tail = m[6]?.length ?? 0;
    const end = at + m[0].length - tail;
    if (m[3] === undefined) delimiter ||= ' ';
    else {
      delimiter = ',';
      if (m[2]!.toLowerCase() === name.toLowerCase()) {
        const update = at + m[1]!.length + m[2]!.length;
        const cutEnd = m[1]!.includes(',') ? end : end + tail;
        return { value: valueSpan(m, end), update: { start: update, end }, cut: { start: at, end: cutEnd } };
      }
    }
    at = end;
  }
  return { at: header.valueEnd, delimiter };
}
