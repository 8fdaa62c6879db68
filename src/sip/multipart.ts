/** Boundary lines of a multipart body on its way out (msg_translator.c, check_boundaries). */
import { HDR } from './header-names.js';
import type { SipMessage } from './message.js';

/** The boundary of Content-Type without the leading `--`; undefined: no Content-Type or no such parameter. */
export function boundaryOf(msg: SipMessage): string | undefined {
  const value = msg.firstValue(HDR.CONTENTTYPE);
  const m = value === undefined ? null : /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(value);
  return m === null ? undefined : (m[1] ?? m[2]);
}

/**
 * `body` with every line that begins with `--boundary` made exactly that, and the last one closed with `--`. Undefined: fewer
 * than two such lines, the body stays as it is.
 */
export function closeBoundaries(body: string, boundary: string): string | undefined {
  if (boundary === '') return undefined;
  const mark = `--${boundary}`;
  const starts: number[] = [];
  for (let at = 0; at >= 0 && at < body.length; at = nextLine(body, at)) if (body.startsWith(mark, at)) starts.push(at);
  if (starts.length < 2) return undefined;
  let out = '';
  for (let i = 0; i < starts.length - 1; i++) {
    const after = nextLine(body, starts[i]!);
    out += `${mark}\r\n${body.slice(after < 0 ? body.length : after, starts[i + 1])}`;
  }
  return `${out}${mark}--\r\n`;
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\r\n', at);
  return end < 0 ? -1 : end + 2;
}
