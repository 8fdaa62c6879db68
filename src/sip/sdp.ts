/** SDP bodies (RFC 4566) with the offsets of their parts in the message, read as Kamailio's parser does. Total. */
import { HDR } from './header-names.js';
import type { SipMessage } from './message.js';

/** A piece of msg.text. */
export interface Piece {
  readonly text: string;
  readonly start: number;
}

export const HOLD = { NONE: 0, ADDRESS: 1, ATTRIBUTE: 2 } as const;

export interface SdpStream {
  readonly media: Piece;
  readonly port: Piece;
  readonly transport: Piece;
  /** Payload numbers or formats, as written, separated by blanks. */
  readonly payloads: Piece;
  /** From `m=` to the next `m=` or the end. */
  readonly start: number;
  readonly end: number;
  /** sendrecv, recvonly, sendonly, inactive in the spelling of the line; '' when none is given. */
  readonly mode: string;
  /** HOLD.ADDRESS: connection 0.0.0.0 (RFC 2543); HOLD.ATTRIBUTE: sendonly or inactive (RFC 3264). */
  readonly hold: number;
  /** Encoding name by payload number, from rtpmap. */
  readonly encodings: ReadonlyMap<string, string>;
}

export interface SdpSession {
  readonly start: number;
  readonly end: number;
  readonly version: Piece;
  /** 4 or 6 of the session's own `c=`; 0 without one. */
  readonly family: number;
  readonly hold: number;
  readonly streams: readonly SdpStream[];
}

export interface Sdp {
  /** The SDP text; of several in a multipart body, the last. */
  readonly raw: Piece;
  readonly sessions: readonly SdpSession[];
}

const KEY = 'sdp';

/** The SDP of a message, parsed once. `empty`: no body at all; `bad`: a body that is no SDP or cannot be read. */
export function sdpOf(msg: SipMessage): Sdp | 'empty' | 'bad' {
  const known = msg.parsed[KEY] as Sdp | 'empty' | 'bad' | undefined;
  if (known !== undefined) return known;
  const sdp = parse(msg);
  msg.parsed[KEY] = sdp;
  return sdp;
}

function parse(msg: SipMessage): Sdp | 'empty' | 'bad' {
  const start = msg.bodyStart;
  if (start < 0) return 'bad';
  const { text } = msg;
  if (start >= text.length) return 'empty';
  const type = msg.firstValue(HDR.CONTENTTYPE)?.trim() ?? '';
  if (isSdpType(type)) {
    const session = parseSession(text, start, text.length);
    return session === undefined ? 'bad' : { raw: { text: text.slice(start), start }, sessions: [session] };
  }
  const boundary = /^multipart\/mixed\s*;.*?\bboundary\s*=\s*(?:"([^"]*)"|([^\s;]*))/is.exec(type);
  return boundary === null ? 'bad' : parseParts(text, start, boundary[1] ?? boundary[2] ?? '');
}

function isSdpType(type: string): boolean {
  return /^application[ \t]*\/[ \t]*sdp[ \t]*(?:;|$)/i.test(type);
}

function parseParts(text: string, from: number, boundary: string): Sdp | 'bad' {
  const sessions: SdpSession[] = [];
  let raw: Piece = { text: '', start: from };
  for (const [start, end] of partsBetween(text, from, `--${boundary}`)) {
    const blank = /\r?\n\r?\n/.exec(text.slice(start, end));
    if (blank === null) continue;
    const headers = text.slice(start, start + blank.index);
    const type = /^(?:content-type|c)[ \t]*:[ \t]*(.*)$/im.exec(headers)?.[1]?.trim() ?? '';
    if (!isSdpType(type)) continue;
    let at = start + blank.index + blank[0].length;
    while (at < end && /\s/.test(text[at]!)) at++;
    const session = parseSession(text, at, end);
    if (session === undefined) return 'bad';
    sessions.push(session);
    raw = { text: text.slice(at, end), start: at };
  }
  return { raw, sessions };
}

/** Offsets of the parts: behind a boundary line up to the next one. */
function partsBetween(text: string, from: number, mark: string): [number, number][] {
  const out: [number, number][] = [];
  let open = -1;
  for (let at = from; at < text.length; at = lineEnd(text, at, text.length)) {
    if (!text.startsWith(mark, at)) continue;
    if (open >= 0) out.push([open, at]);
    open = lineEnd(text, at, text.length);
  }
  if (open >= 0 && open < text.length) out.push([open, text.length]);
  return out;
}

/** Offset behind the line's LF. */
function lineEnd(text: string, at: number, limit: number): number {
  const lf = text.indexOf('\n', at);
  return lf < 0 || lf >= limit ? limit : lf + 1;
}

/** Offset of the first line `letter=` in [from, limit), or -1. */
export function sdpLine(text: string, from: number, limit: number, letter: string): number {
  for (let at = from; at < limit; at = lineEnd(text, at, limit)) {
    if (text[at] === letter && text[at + 1] === '=') return at;
  }
  return -1;
}

/** Text of the line at `at` without its line end. */
function lineText(text: string, at: number, limit: number): string {
  return text.slice(at, lineEnd(text, at, limit)).trimEnd();
}

function parseSession(text: string, from: number, limit: number): SdpSession | undefined {
  const v = sdpLine(text, from, limit, 'v');
  const o = v < 0 ? -1 : sdpLine(text, v, limit, 'o');
  const m = o < 0 ? -1 : sdpLine(text, o, limit, 'm');
  if (m < 0) return undefined;
  const version = sessionVersion(text, o, m);
  if (version === undefined || address(lineText(text, o, limit)) === undefined) return undefined;
  const c = sdpLine(text, o, m, 'c');
  const common = c < 0 ? undefined : address(lineText(text, c, limit));
  if (c >= 0 && common === undefined) return undefined;
  const mode = attributes(text, o, m)
    .map((a) => modeOf(a.text))
    .find((found) => found !== '');
  const streams: SdpStream[] = [];
  for (let at = m; at >= 0; ) {
    const next = sdpLine(text, lineEnd(text, at, limit), limit, 'm');
    const stream = parseStream(text, at, next < 0 ? limit : next, common);
    if (stream === undefined) return undefined;
    streams.push(stream);
    at = next;
  }
  return { start: v, end: limit, version, family: common?.family ?? 0, hold: modeHold(mode ?? ''), streams };
}

/** The third word of `o=`. */
function sessionVersion(text: string, o: number, m: number): Piece | undefined {
  const found = /^o=[^ ]* [^ ]* ([^ \r\n]*)/.exec(lineText(text, o, m));
  if (found === null) return undefined;
  return { text: found[1]!, start: o + found[0].length - found[1]!.length };
}

/** Address of an `o=` or `c=` line. */
function address(line: string): { ip: string; family: 4 | 6 } | undefined {
  const found = /.* IP([46]) +(\S+)/.exec(line);
  return found === null ? undefined : { ip: found[2]!, family: found[1] === '4' ? 4 : 6 };
}

const MEDIA = /^m=([^ \t]+)([ \t]+)([^ \t]+)([ \t]+)([^ \t]+)([ \t]*)(.*)$/;

function parseStream(
  text: string,
  start: number,
  end: number,
  common: { ip: string; family: number } | undefined,
): SdpStream | undefined {
  const c = sdpLine(text, start, end, 'c');
  const own = c < 0 ? undefined : address(lineText(text, c, end));
  if (c >= 0 ? own === undefined : common === undefined) return undefined;
  const m = MEDIA.exec(lineText(text, start, end));
  if (m === null) return undefined;
  const pieces: Piece[] = [];
  let at = start + 2;
  for (const [index, piece] of m.slice(1).entries()) {
    if (index % 2 === 0) pieces.push({ text: piece, start: at });
    at += piece.length;
  }
  const [media, port, transport, payloads] = pieces as [Piece, Piece, Piece, Piece];
  const lines = payloads.text === '' ? [] : attributes(text, start, end);
  const mode = lines.map((a) => modeOf(a.text)).findLast((found) => found !== '') ?? '';
  const encodings = new Map<string, string>();
  for (const line of lines) {
    const map = /^a=rtpmap:\s*(\S+)\s+([^/]+)\//i.exec(line.text);
    if (map !== null) encodings.set(map[1]!, map[2]!);
  }
  const hold = streamHold(mode, own ?? common, port.text, lines);
  return { media, port, transport, payloads, start, end, mode, hold, encodings };
}

function attributes(text: string, from: number, limit: number): Piece[] {
  const out: Piece[] = [];
  for (let at = sdpLine(text, from, limit, 'a'); at >= 0; at = sdpLine(text, lineEnd(text, at, limit), limit, 'a'))
    out.push({ text: lineText(text, at, limit), start: at });
  return out;
}

function modeOf(line: string): string {
  return /^a=(sendrecv|recvonly|inactive|sendonly)/i.exec(line)?.[1] ?? '';
}

function modeHold(mode: string): number {
  const lower = mode.toLowerCase();
  return lower === 'inactive' || lower === 'sendonly' ? HOLD.ATTRIBUTE : HOLD.NONE;
}

/** A connection to 0.0.0.0 is hold too, but for the trickle ICE of RFC 8840 (port 9). */
function streamHold(
  mode: string,
  connection: { ip: string; family: number } | undefined,
  port: string,
  lines: readonly Piece[],
): number {
  const hold = modeHold(mode);
  if (hold !== HOLD.NONE || connection?.family !== 4 || connection.ip !== '0.0.0.0') return hold;
  const trickle = port === '9' && lines.some((l) => /^a=ice-options:.*\btrickle\b/i.test(l.text));
  return trickle ? HOLD.NONE : HOLD.ADDRESS;
}
