/** One header line with its folds, where it stands in the message. */
import { HDR, headerId, headerIdAt } from './header-names.js';
import { skipLws } from './via.js';

export interface Header {
  /** HDR.x for known names (compact forms too), else HDR.OTHER. */
  readonly id: number;
  /** As written, without blanks before the colon. */
  readonly name: string;
  /** Offset of the first character of the line. */
  readonly start: number;
  /** Offset of the value after leading blanks. */
  readonly valueStart: number;
  /** Offset after the value: before the CRLF; trailing blanks belong to the value. */
  readonly valueEnd: number;
  /** Offset after the CRLF. */
  readonly end: number;
}

/** The name is seldom asked for: it is cut out when it is. */
class HeaderLine implements Header {
  readonly id: number;
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly end: number;
  readonly #text: string;
  readonly #nameEnd: number;

  constructor(
    text: string,
    id: number,
    start: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    end: number,
  ) {
    this.#text = text;
    this.id = id;
    this.start = start;
    this.#nameEnd = nameEnd;
    this.valueStart = valueStart;
    this.valueEnd = valueEnd;
    this.end = end;
  }

  get name(): string {
    return this.#text.slice(this.start, this.#nameEnd);
  }
}

const CR = 13;
const SP = 32;
const TAB = 9;
const COLON = 58;

function isBlank(c: number): boolean {
  return c === SP || c === TAB;
}

/** Characters of a header name: fewer than RFC 3261's `token` has (parse_hname2.c). */
const NAME_CHARS = new Uint8Array(256);
allowInHeaderNames('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._+~');

/** hdr_name_extra_chars: more characters for the names of headers, for the whole process. */
export function allowInHeaderNames(chars: string): void {
  for (let i = 0; i < chars.length; i++) NAME_CHARS[chars.charCodeAt(i)] = 1;
}

/** Reads the line at `at`; undefined when it has no name and colon, or no end. */
export function headerAt(text: string, at: number): Header | undefined {
  let nameEnd = at;
  while (NAME_CHARS[text.charCodeAt(nameEnd)] === 1) nameEnd++;
  let colon = nameEnd;
  while (isBlank(text.charCodeAt(colon))) colon++;
  if (nameEnd === at || text.charCodeAt(colon) !== COLON) return undefined;
  let lf = text.indexOf('\n', colon);
  if (lf < 0) return undefined;
  while (isBlank(text.charCodeAt(lf + 1))) {
    lf = text.indexOf('\n', lf + 1);
    if (lf < 0) return undefined;
  }
  let valueEnd = lf;
  while (valueEnd > colon + 1 && text.charCodeAt(valueEnd - 1) === CR) valueEnd--;
  const valueStart = skipLws(text, colon + 1, valueEnd);
  return new HeaderLine(text, headerIdAt(text, at, nameEnd), at, nameEnd, valueStart, valueEnd, lf + 1);
}

/** A predicate for headers of `name`; make it once where the name is constant. */
export function headerMatcher(name: string): (h: Header) => boolean {
  const id = headerId(name);
  if (id !== HDR.OTHER) return (h) => h.id === id;
  const lower = name.toLowerCase();
  const length = name.length;
  return (h) => {
    if (h.id !== HDR.OTHER || h.valueStart - h.start <= length) return false;
    const written = h.name;
    return written === name || (written.length === length && written.toLowerCase() === lower);
  };
}
