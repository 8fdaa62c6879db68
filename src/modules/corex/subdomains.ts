/** `alias_subdomains`: a domain is this server's with all that is below it. */

import type { Proto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';

export interface DomainAlias {
  readonly domain: string;
  /** 0: any. */
  readonly port: number;
  /** undefined: any. */
  readonly proto: Proto | undefined;
}

/** `[proto:]domain[:port]`; a text that says what is wrong. */
export function parseDomainAlias(text: string): DomainAlias | string {
  const first = text.indexOf(':');
  const named = first === 3 || first === 4;
  const proto = named ? protoOf(text.slice(0, first)) : undefined;
  if (named && (proto === undefined || proto === 'ws' || proto === 'wss'))
    return `invalid protocol ${text.slice(0, first)}`;
  const rest = named ? text.slice(first + 1) : text;
  const [domain = '', port = ''] = rest.split(':');
  if (domain === '' || text.endsWith(':')) return `error adding alias subdomains: ${text}`;
  return { domain: domain.toLowerCase(), port: Number(port) || 0, proto };
}

export function isBelow(alias: DomainAlias, host: string, port: number, proto: Proto | undefined): boolean {
  if (alias.port !== 0 && port !== 0 && alias.port !== port) return false;
  if (alias.proto !== undefined && proto !== undefined && alias.proto !== proto) return false;
  const name = host.toLowerCase();
  return name === alias.domain || name.endsWith(`.${alias.domain}`);
}
