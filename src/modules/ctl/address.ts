/** Where a control socket listens, as the parameter binrpc writes it. */

export type CtlAddress =
  | { readonly kind: 'unix_stream' | 'unix_dgram'; readonly path: string }
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number };

const DEFAULT_PORT = 2049;
const KINDS: Readonly<Record<string, CtlAddress['kind']>> = {
  unix: 'unix_stream',
  unixs: 'unix_stream',
  unixd: 'unix_dgram',
  tcp: 'tcp',
  udp: 'udp',
};

/**
 * `unixs:path` (also `unix:`), `unixd:path`, `tcp:host[:port]`, `udp:host[:port]`; a port alone is every address. Without
 * a kind, a text with a slash is the path of a stream socket, another a UDP address. Undefined: none of these.
 */
export function parseCtlAddress(text: string): CtlAddress | undefined {
  const [, word = '', rest = text] = /^([a-z]+):(.*)$/is.exec(text) ?? [];
  const known = KINDS[word.toLowerCase()];
  const where = known === undefined ? text : rest;
  const kind = known ?? (where.includes('/') ? 'unix_stream' : 'udp');
  if (where === '') return undefined;
  return kind === 'tcp' || kind === 'udp' ? inetAddress(kind, where) : { kind, path: where };
}

function inetAddress(kind: 'tcp' | 'udp', text: string): CtlAddress | undefined {
  if (/^\d+$/.test(text)) return withPort(kind, '*', Number(text));
  const found = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(text);
  if (found === null) return undefined;
  const [, host = '', port] = found;
  return withPort(kind, host.replace(/^\[(.*)\]$/, '$1'), port === undefined ? DEFAULT_PORT : Number(port));
}

function withPort(kind: 'tcp' | 'udp', host: string, port: number): CtlAddress | undefined {
  return port >= 1 && port <= 65535 ? { kind, host, port } : undefined;
}
