/** Search and replace over the text of a message: what is found becomes edits, the text itself stays. */
import type { Regex } from '../../runtime/regex.js';
import { WHOLE } from '../../sip/edits.js';
import type { SipMessage } from '../../sip/message.js';

const CR = 13;
const LF = 10;

/** A stretch of a message's text. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Tag of the edits made in it. */
  readonly tag?: string;
}

/** Everything after the start line: the request URI is not to be touched. */
export function afterStartLine(msg: SipMessage): Range {
  return { from: msg.headersStart, to: msg.text.length, tag: WHOLE };
}

/** The header lines without the empty line. */
export function headerPart(msg: SipMessage): Range | undefined {
  return msg.headers.length === 0 ? undefined : { from: msg.headersStart, to: msg.headersEnd };
}

/** The body; undefined when there is none or it is empty. */
export function bodyPart(msg: SipMessage): Range | undefined {
  const from = msg.bodyStart;
  return from < 0 || from >= msg.text.length ? undefined : { from, to: msg.text.length };
}

/** First match within `range`; a match counts with the text as it ends at `range.to`. */
export function firstMatch(msg: SipMessage, range: Range, re: Regex): Range | undefined {
  const m = re.exec(textUpTo(msg, range), range.from);
  return m === undefined ? undefined : { from: m.start, to: m.end };
}

function textUpTo(msg: SipMessage, range: Range): string {
  return range.to === msg.text.length ? msg.text : msg.text.slice(0, range.to);
}

/** Replaces the first match; false when there is none. */
export function replaceFirst(msg: SipMessage, range: Range | undefined, re: Regex, text: string): boolean {
  const found = range && firstMatch(msg, range, re);
  if (found === undefined) return false;
  msg.edits.replace(found.from, found.to - found.from, text, range?.tag);
  return true;
}

/** Puts `text` behind the first match. */
export function insertAfterMatch(msg: SipMessage, range: Range | undefined, re: Regex, text: string): boolean {
  const found = range && firstMatch(msg, range, re);
  if (found === undefined) return false;
  msg.edits.insert(found.to, text, range?.tag);
  return true;
}

/**
 * Replaces every match. An empty match ends it with failure, as in Kamailio, the edits before it stay. `lines` false: `^`
 * matches at the beginning of the range alone.
 */
export function replaceAll(msg: SipMessage, range: Range | undefined, re: Regex, text: string, lines = true): boolean {
  if (range === undefined) return false;
  const subject = textUpTo(msg, range);
  let at = range.from;
  let notBol = false;
  let done = false;
  while (at < range.to) {
    const m = re.exec(subject, at, notBol);
    if (m === undefined) break;
    if (m.end === m.start) return false;
    msg.edits.replace(m.start, m.end - m.start, text, range.tag);
    at = m.end;
    notBol = !(lines && isLineEnd(subject, at - 1));
    done = true;
  }
  return done;
}

/** Is the character a CR or LF, so that `^` may match behind it? */
export function isLineEnd(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  return c === LF || c === CR;
}

/**
 * Replaces the literal `key`: the first one, or all with a mode that does not begin with `f`. After the first match "all"
 * goes on to the end of the message, whatever the range (5.6.3).
 */
export function replaceLiteral(msg: SipMessage, range: Range, key: string, text: string, mode: string): void {
  if (key === '') return;
  const firstOnly = mode[0] === 'f' || mode[0] === 'F';
  let to = range.to;
  for (let at = range.from; ; ) {
    const found = msg.text.indexOf(key, at);
    if (found < 0 || found + key.length > to) return;
    msg.edits.replace(found, key.length, text, range.tag);
    if (firstOnly) return;
    at = found + key.length;
    to = msg.text.length;
  }
}
