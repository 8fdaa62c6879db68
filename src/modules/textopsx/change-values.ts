/** append_hf_value() and its kin: changes to items of comma lists and to their parameters. */
import type { Header, SipMessage } from '../../sip/message.js';
import { removeHeader } from '../textops/body.js';
import {
  allItems,
  type FoundParam,
  findListParam,
  findParam,
  type Item,
  itemsOf,
  pick,
  type ValuePath,
} from './header-values.js';

const line = (path: ValuePath, value: string) => `${path.name}: ${value}\r\n`;

/** Puts a value next to others of a list: the comma goes on the side where the others are. */
function insertValue(msg: SipMessage, header: Header, at: number, value: string): boolean {
  msg.edits.insert(at, at === header.valueEnd ? `,${value}` : `${value},`);
  return true;
}

function addHeader(msg: SipMessage, at: number, path: ValuePath, value: string): boolean {
  msg.edits.insert(at, line(path, value));
  return true;
}

/** A header behind all others, or with an index a value behind that one. */
export function appendValue(msg: SipMessage, path: ValuePath, value: string): boolean {
  const item = path.indexed ? pick(allItems(msg, path), path.index || -1) : undefined;
  if (item === undefined) return addHeader(msg, msg.headersEnd, path, value);
  return insertValue(msg, item.header, item.cutEnd, value);
}

/** A header before the first of its name, or with an index a value before that one. */
export function insertValueBefore(msg: SipMessage, path: ValuePath, value: string): boolean {
  const index = path.index || 1;
  const item = pick(allItems(msg, path), index);
  if (item === undefined) return index === 1 && addHeader(msg, msg.headersEnd, path, value);
  if (!path.indexed) return addHeader(msg, item.header.start, path, value);
  return insertValue(msg, item.header, item.cutStart, value);
}

/** Cuts an item with its comma; the last one takes the comma before it; the only one takes the header. */
function cutItem(msg: SipMessage, item: Item): void {
  const { header, cutEnd } = item;
  const cutStart = cutEnd === header.valueEnd && item.cutStart > header.valueStart ? item.cutStart - 1 : item.cutStart;
  if (cutStart === header.valueStart && cutEnd === header.valueEnd) removeHeader(msg, header);
  else msg.edits.replace(cutStart, cutEnd - cutStart);
}

/** Writes `value` to a parameter that was found, or (undefined) removes it. */
function changeParam(msg: SipMessage, found: FoundParam, value: string | undefined): void {
  const { start, end } = value === undefined ? found.cut : found.update;
  const text = value ? `=${value}` : '';
  if (end > start || text !== '') msg.edits.replace(start, end - start, text);
}

const newParam = (delimiter: string, name: string, value: string) =>
  `${delimiter}${name}${value === '' ? '' : `=${value}`}`;

/** Sets a parameter of an item, or removes all of that name. */
function itemParam(msg: SipMessage, item: Item, name: string, value: string | undefined): boolean {
  let found = findParam(msg.text, item, name);
  if (typeof found === 'number') {
    if (value === undefined) return false;
    msg.edits.insert(found, newParam(';', name, value));
    return true;
  }
  while (typeof found !== 'number') {
    changeParam(msg, found, value);
    if (value !== undefined) return true;
    found = findParam(msg.text, item, name, found.cut.end);
  }
  return true;
}

function headerParam(msg: SipMessage, header: Header, name: string, value: string | undefined): boolean {
  let found = findListParam(msg.text, header, name);
  if ('at' in found) {
    if (value === undefined) return false;
    msg.edits.insert(found.at, newParam(found.delimiter, name, value));
    return true;
  }
  while (!('at' in found)) {
    changeParam(msg, found, value);
    if (value !== undefined) return true;
    found = findListParam(msg.text, header, name, found.cut.end);
  }
  return true;
}

/** Sets an item or a parameter of it; `value` undefined removes. */
export function changeValue(msg: SipMessage, path: ValuePath, value: string | undefined): boolean {
  if (path.all) {
    const headers = msg.headers.filter(path.named);
    if (path.param === '') {
      for (const h of headers) removeHeader(msg, h);
      return headers.length > 0;
    }
    return headers.flatMap((h) => itemsOf(msg.text, h)).filter((i) => itemParam(msg, i, path.param, value)).length > 0;
  }
  const item = pick(allItems(msg, path), path.index || 1);
  if (item === undefined) return false;
  if (path.param !== '') return itemParam(msg, item, path.param, value);
  if (value === undefined) cutItem(msg, item);
  else msg.edits.replace(item.start, item.end - item.start, value);
  return true;
}

/** The same for headers whose parameters are parted by commas (Authorization): the index counts headers. */
export function changeWholeValue(msg: SipMessage, path: ValuePath, value: string | undefined): boolean {
  const headers = msg.headers.filter(path.named);
  const picked = path.all ? headers : [pick(headers, path.index || 1)].filter((h) => h !== undefined);
  let changed = false;
  for (const header of picked) {
    if (path.param !== '') changed = headerParam(msg, header, path.param, value) || changed;
    else {
      if (value === undefined || path.all) removeHeader(msg, header);
      else msg.edits.replace(header.valueStart, header.valueEnd - header.valueStart, value);
      changed = true;
    }
  }
  return changed;
}

function equalItems(msg: SipMessage, path: ValuePath, value: string): Item[] {
  const want = value.toLowerCase();
  return allItems(msg, path).filter((i) => msg.text.slice(i.start, i.end).toLowerCase() === want);
}

export function hasValue(msg: SipMessage, path: ValuePath, value: string): boolean {
  return value !== '' && equalItems(msg, path, value).length > 0;
}

/** Adds the value at the end of the first header of the name unless some header has it. */
export function includeValue(msg: SipMessage, path: ValuePath, value: string): boolean {
  if (value === '') return false;
  if (hasValue(msg, path, value)) return true;
  const first = msg.headers.find(path.named);
  if (first === undefined) return addHeader(msg, msg.headersEnd, path, value);
  return insertValue(msg, first, first.valueEnd, value);
}

export function excludeValue(msg: SipMessage, path: ValuePath, value: string): boolean {
  if (value === '') return false;
  for (const item of equalItems(msg, path, value)) cutItem(msg, item);
  return true;
}
