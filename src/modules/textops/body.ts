/** Bodies: replaced, made multipart, taken apart (textops.c). Edits only; the text stays as received. */
import { HDR } from '../../sip/header-names.js';
import type { Header, SipMessage } from '../../sip/message.js';
import { boundaryOf } from '../../sip/multipart.js';
import { isMultipartMixed } from './mime.js';

const CRLF = '\r\n';
const DEFAULT_BOUNDARY = 'unique-boundary-1';

/** Replaces body and Content-Type; adds either header if it is missing. */
export function setBody(msg: SipMessage, text: string, type: string): boolean {
  const start = msg.bodyStart;
  if (text === '' || type === '' || start < 0) return false;
  const length = msg.first(HDR.CONTENTLENGTH);
  const old = length === undefined ? 0 : Number.parseInt(msg.value(length), 10) || 0;
  if (start + old > msg.text.length) return false;
  dropBodyEdits(msg);
  const headers: string[] = [];
  const present = msg.first(HDR.CONTENTTYPE);
  if (present === undefined || msg.value(present).trimEnd() !== type) {
    if (present !== undefined) removeHeader(msg, present);
    headers.push(`Content-Type: ${type}${CRLF}`);
  }
  if (length === undefined) headers.push(`Content-Length: ${text.length}${CRLF}`);
  if (headers.length > 0) msg.edits.insert(msg.headersEnd, headers.join(''));
  msg.edits.replace(start, old, text);
  return true;
}

export function removeHeader(msg: SipMessage, header: Header): void {
  msg.edits.replace(header.start, header.end - header.start);
}

/** Takes the body off; Content-Length follows when the message leaves. */
export function removeBody(msg: SipMessage): void {
  const start = msg.bodyStart;
  if (start >= 0 && start < msg.text.length) msg.edits.replace(start, msg.text.length - start);
}

function dropBodyEdits(msg: SipMessage): void {
  msg.edits.drop((e) => e.at >= msg.bodyStart);
}

// -------------------------------------------------------------------- multipart

interface Part {
  readonly text: string;
  readonly type: string;
  readonly disposition?: string;
}

/** One part with the boundary line that ends it; `first` puts the opening boundary before it. */
function partText(part: Part, boundary: string, first: boolean): string | undefined {
  if (part.text === '' || part.type === '' || boundary === '' || boundary[0] === '-') return undefined;
  const line = `--${boundary}${CRLF}`;
  const disposition = part.disposition ? `Content-Disposition: ${part.disposition}${CRLF}` : '';
  const end = part.text.endsWith(`${CRLF}${CRLF}`) ? '' : CRLF;
  return `${first ? line : ''}Content-Type: ${part.type}${CRLF}${disposition}${CRLF}${part.text}${end}${line}`;
}

/**
 * Turns the body into multipart/mixed: with `text` as its first part, else with the old body. True also when it is one
 * already and there is no new text. The last boundary gets its `--` when the message leaves.
 */
export function setMultipart(msg: SipMessage, text: string, type: string, boundary: string): boolean {
  const convert = !isMultipartMixed(msg);
  if (!convert && text === '') return true;
  const start = msg.bodyStart;
  if (start < 0) return false;
  dropBodyEdits(msg);
  const old = text === '' ? msg.text.slice(start) : '';
  const oldType = old === '' ? undefined : msg.firstValue(HDR.CONTENTTYPE)?.trimEnd();
  const mark = boundary === '' ? DEFAULT_BOUNDARY : boundary;
  const part = { text: text === '' ? old : text, type: oldType ?? (type === '' ? 'text/plain' : type) };
  const body = partText(part, mark, true);
  if (body === undefined) {
    // The old body is gone by then in Kamailio as well: its removal comes first.
    if (start < msg.text.length) msg.edits.replace(start, msg.text.length - start);
    return false;
  }
  addMultipartHeaders(msg, mark, body.length, convert);
  msg.edits.replace(start, msg.text.length - start, body);
  msg.multipart = true;
  return true;
}

function addMultipartHeaders(msg: SipMessage, boundary: string, length: number, convert: boolean): void {
  const headers: string[] = [];
  if (convert) {
    const present = msg.first(HDR.CONTENTTYPE);
    if (present !== undefined) removeHeader(msg, present);
    headers.push(`Content-Type: multipart/mixed;boundary="${boundary}"${CRLF}`);
  }
  if (msg.first(HDR.CONTENTLENGTH) === undefined) headers.push(`Content-Length: ${length}${CRLF}`);
  if (convert) headers.push(`Mime-Version: 1.0${CRLF}`);
  if (headers.length > 0) msg.edits.insert(msg.headersEnd, headers.join(''));
}

/** Adds a part behind the others; false where the message, as it stands, has no multipart body. */
export function appendPart(msg: SipMessage, part: Part): boolean {
  const start = msg.bodyStart;
  const boundary = boundaryOf(msg);
  if (start < 0 || start >= msg.text.length || boundary === undefined) return false;
  const text = partText(part, boundary, false);
  if (text === undefined) return false;
  msg.edits.insert(msg.text.length, text);
  msg.multipart = true;
  return true;
}

/** Bytes of a hex text, blanks and tabs between pairs ignored; undefined: no hex, or nothing in it. */
export function hexBytes(hex: string): string | undefined {
  const digits = hex.replace(/[ \t]+/g, '');
  if (digits === '' || !/^(?:[ \t]*[0-9a-fA-F]{2})*[ \t]*$/.test(hex)) return undefined;
  return Buffer.from(digits, 'hex').toString('latin1');
}

/** Offsets of one part: its Content-Type line, its text behind that line, the boundary line behind it. */
interface FoundPart {
  readonly typeLine: number;
  readonly afterType: number;
  readonly boundary: number;
  readonly afterBoundary: number;
}

/** First part whose Content-Type begins with `type` and whose line ends right behind it. */
function findPart(msg: SipMessage, type: string, boundary: string): FoundPart | undefined {
  const text = msg.text;
  const want = type.toLowerCase();
  for (let line = msg.bodyStart; line >= 0 && line < text.length; line = nextLine(text, line)) {
    const m = /^(?:Content-Type|c)[ \t]*:[ \t]*/i.exec(text.slice(line, line + 64));
    if (m === null) continue;
    const value = line + m[0].length;
    if (text.slice(value, value + type.length).toLowerCase() !== want) continue;
    if (!text.startsWith(CRLF, value + type.length)) return undefined;
    const afterType = value + type.length + 2;
    const end = lineStarting(text, `--${boundary}`, afterType);
    if (end < 0) return undefined;
    const after = nextLine(text, end);
    return { typeLine: line, afterType, boundary: end, afterBoundary: after < 0 ? text.length : after };
  }
  return undefined;
}

/** Offset of the next line, or -1. */
function nextLine(text: string, at: number): number {
  const end = text.indexOf(CRLF, at);
  return end < 0 ? -1 : end + 2;
}

/** Offset of the first line, from `at` on, that begins with `start`, or -1. */
function lineStarting(text: string, start: string, at: number): number {
  for (let line = at; line >= 0; line = nextLine(text, line)) if (text.startsWith(start, line)) return line;
  return -1;
}

/** Keeps only the text of the first part of `type`. */
export function filterBody(msg: SipMessage, type: string): boolean {
  const boundary = boundaryOf(msg);
  if (msg.bodyStart < 0 || boundary === undefined || !isMultipartMixed(msg)) return false;
  const part = findPart(msg, type, boundary);
  if (part === undefined) return false;
  let from = part.afterType;
  while (from < part.boundary && (msg.text[from] === '\r' || msg.text[from] === '\n')) from++;
  msg.edits.replace(msg.bodyStart, from - msg.bodyStart);
  // The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1).
  msg.edits.replace(part.boundary - 2, msg.text.length - part.boundary + 2);
  return true;
}

/** Removes the part of `type` with the boundary line behind it. */
export function removePart(msg: SipMessage, type: string): boolean {
  const boundary = boundaryOf(msg);
  const part = msg.bodyStart < 0 || boundary === undefined ? undefined : findPart(msg, type, boundary);
  if (part === undefined) return false;
  msg.edits.replace(part.typeLine, part.afterBoundary - part.typeLine);
  msg.multipart = true;
  return true;
}

/**
 * Text of the part of `type`: from the CRLF of its empty line to the boundary; `raw`: with its headers and the boundary
 * line behind it. A body that is not multipart is given as a whole.
 */
export function bodyPartText(msg: SipMessage, type: string, raw: boolean): string | undefined {
  const start = msg.bodyStart;
  if (start < 0 || start >= msg.text.length) return undefined;
  const boundary = boundaryOf(msg);
  if (boundary === undefined) return msg.text.slice(start);
  const part = findPart(msg, type, boundary);
  if (part === undefined) return undefined;
  return raw ? msg.text.slice(part.typeLine, part.afterBoundary) : msg.text.slice(part.afterType, part.boundary);
}
