/** The start line of a message, by Kamailio's rules (sip.md, section 1; parse_fline.c). */
import { isLws } from './via.js';

/** What the start line says. */
export interface StartLine {
  readonly isRequest: boolean;
  /** Method of a request, '' in a reply. */
  readonly method: string;
  readonly uri: string;
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Offset of the start line's first character (blanks and line ends before it skipped). */
  readonly start: number;
  /** Offset after its line end. */
  readonly end: number;
}

const CR = 13;
const SP = 32;
const TAB = 9;
const LOWER_S = 0x73;

function isBlank(c: number): boolean {
  return c === SP || c === TAB;
}

/** undefined: not SIP. */
export function parseStartLine(text: string): StartLine | undefined {
  let start = 0;
  const n = text.length;
  while (start < n && isLws(text.charCodeAt(start))) start++;
  const lf = text.indexOf('\n', start);
  if (lf < 0) return undefined;
  const stop = text.charCodeAt(lf - 1) === CR ? lf - 1 : lf;
  if (isVersion(text, start) && text.charCodeAt(start + 7) === SP) return replyLine(text, start, stop, lf + 1);
  return requestLine(text, start, stop, lf + 1);
}

function isVersion(text: string, at: number): boolean {
  // most lines that do not begin with it begin with another letter
  if ((text.charCodeAt(at) | 0x20) !== LOWER_S) return false;
  return text.startsWith('SIP/2.0', at) || text.slice(at, at + 7).toUpperCase() === 'SIP/2.0';
}

/** The code and what follows it; blanks before the reason belong to neither. */
const STATUS = /^(\d{3})[ \t]+/;

function replyLine(text: string, start: number, stop: number, end: number): StartLine | undefined {
  const line = text.slice(start, stop);
  const found = STATUS.exec(line.slice(8));
  if (found === null || line.includes('\r')) return undefined;
  const version = line.slice(0, 7);
  return {
    isRequest: false,
    method: '',
    uri: '',
    version,
    status: Number(found[1]),
    reason: line.slice(8 + found[0].length),
    start,
    end,
  };
}

/** `METHOD uri version`: one blank after the method, any before the version, which need only begin with SIP/2.0. */
function requestLine(text: string, start: number, stop: number, end: number): StartLine | undefined {
  const methodEnd = wordEnd(text, start, stop);
  const uriEnd = wordEnd(text, methodEnd + 1, stop);
  if (methodEnd === start || text.charCodeAt(methodEnd) !== SP || uriEnd === methodEnd + 1) return undefined;
  const versionStart = skipBlanks(text, uriEnd, stop);
  const versionEnd = wordEnd(text, versionStart, stop);
  if (versionStart === uriEnd || !isVersion(text, versionStart)) return undefined;
  if (skipBlanks(text, versionEnd, stop) < stop) return undefined;
  const method = methodAt(text, start, methodEnd);
  const plain = versionEnd - versionStart === 7 && text.startsWith('SIP/2.0', versionStart);
  const version = plain ? 'SIP/2.0' : text.slice(versionStart, versionEnd);
  return {
    isRequest: true,
    method,
    uri: text.slice(methodEnd + 1, uriEnd),
    version,
    status: 0,
    reason: '',
    start,
    end,
  };
}

/** Methods by length, so that the usual ones need no new string. */
const METHODS: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ['ACK', 'BYE'],
  ['INFO', 'KDMQ'],
  ['REFER', 'PRACK'],
  ['INVITE', 'CANCEL', 'NOTIFY', 'UPDATE'],
  ['OPTIONS', 'MESSAGE', 'PUBLISH'],
  ['REGISTER'],
  ['SUBSCRIBE'],
];

function methodAt(text: string, from: number, to: number): string {
  const same = METHODS[to - from];
  if (same !== undefined) {
    for (let i = 0; i < same.length; i++) {
      const method = same[i]!;
      if (method.charCodeAt(0) === text.charCodeAt(from) && text.startsWith(method, from)) return method;
    }
  }
  return text.slice(from, to);
}

/** Offset of the next blank; a CR within the line ends nothing but makes it wrong, so it ends the word early. */
function wordEnd(text: string, from: number, stop: number): number {
  let at = from;
  while (at < stop && !isBlank(text.charCodeAt(at)) && text.charCodeAt(at) !== CR) at++;
  return at;
}

function skipBlanks(text: string, from: number, stop: number): number {
  let at = from;
  while (at < stop && isBlank(text.charCodeAt(at))) at++;
  return at;
}
