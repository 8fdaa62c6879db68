/** Content types as Kamailio tells them apart: a known type and subtype, everything else is one "unknown" (parse_content.c). */
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';

const TYPES = ['text', 'message', 'application', 'multipart'];
const SUBTYPES = [
  'plain',
  'cpim',
  'sdp',
  'cpl+xml',
  'pidf+xml',
  'rlmi+xml',
  'related',
  'lpidf+xml',
  'xpidf+xml',
  'watcherinfo+xml',
  'external-body',
  'xml+msrtc.pidf',
  'cpim-pidf+xml',
  'mixed',
  'isup',
];

/** `application/sdp`, with `?` for what is not known; undefined: no content type. */
export function mimeKind(text: string): string | undefined {
  const m = /^[ \t]*([^\s/;,]+)[ \t]*\/[ \t]*([^\s/;,]+)[ \t]*(?:;.*)?$/s.exec(text.trimEnd());
  if (m === null) return undefined;
  return `${known(TYPES, m[1]!)}/${m[2] === '*' ? '*' : known(SUBTYPES, m[2]!)}`;
}

function known(names: readonly string[], name: string): string {
  const lower = name.toLowerCase();
  return names.includes(lower) ? lower : '?';
}

/** Kind of the message's Content-Type; without the header `application/sdp` is taken (RFC 3261, 20.15); undefined: unreadable. */
export function bodyKind(msg: SipMessage): string | undefined {
  const value = msg.firstValue(HDR.CONTENTTYPE);
  return value === undefined ? 'application/sdp' : mimeKind(value);
}

/** Is the message's Content-Type multipart/mixed? */
export function isMultipartMixed(msg: SipMessage): boolean {
  const value = msg.firstValue(HDR.CONTENTTYPE);
  return value !== undefined && mimeKind(value) === 'multipart/mixed';
}
