/** `proto:host:port` as texts name sockets and addresses. */

import type { Proto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';

export interface AddressText {
  readonly host: string;
  /** As written, '' when there is none. */
  readonly port: string;
  readonly proto: string;
}

/**
 * Takes `[proto:]host[:port]` apart; IPv6 addresses stand in brackets. Undefined where Kamailio refuses it: a protocol
 * it does not know, a port that is no number, too many colons or brackets.
 */
export function parseAddress(text: string): AddressText | undefined {
  const parts = splitOutsideBrackets(text);
  if (parts === undefined || text.endsWith(':')) return undefined;
  const [a = '', b = '', c = ''] = parts;
  if (parts.length === 1) return a === '' ? undefined : { host: a, port: '', proto: '' };
  if (parts.length === 3) return isPort(c) && protoOf(a) ? { host: b, port: c, proto: a } : undefined;
  if (isPort(b)) return { host: a, port: b, proto: '' };
  return protoOf(a) ? { host: b, port: '', proto: a } : undefined;
}

const isPort = (text: string) => /^\d+$/.test(text);

/** Undefined: more than two colons, or brackets that do not match. */
function splitOutsideBrackets(text: string): string[] | undefined {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '[') depth++;
    else if (c === ']') depth--;
    else if (c === ':' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
    if (depth < 0 || depth > 1) return undefined;
  }
  parts.push(text.slice(from));
  return parts.length > 3 ? undefined : parts;
}

export function protoIn(address: AddressText): Proto | undefined {
  return address.proto === '' ? undefined : protoOf(address.proto);
}
