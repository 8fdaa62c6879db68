/** URLs as libcurl takes them: latin1 text, nothing is encoded on the way. */

export interface Url {
  /** Lower case. */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Host and port as the Host header has them. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//;
const PARTS = /^(?:([^@/?#]*)@)?(\[[0-9A-Fa-f:.]+\]|[^:/?#[\]]+)(?::(\d{0,5}))?([/?][^#]*)?(?:#.*)?$/;
const CONTROL = /[\0- \x7f]/;
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Undefined: it is none. Without a scheme it is http. */
export function parseUrl(text: string): Url | undefined {
  const [start = '', given = 'http'] = SCHEME.exec(text) ?? [];
  const m = CONTROL.test(text) ? null : PARTS.exec(text.slice(start.length));
  if (m === null) return undefined;
  const [, credentials, name = '', portText = '', rest = ''] = m;
  const scheme = given.toLowerCase();
  const usual = PORTS[scheme] ?? 0;
  const port = portText === '' ? usual : Number(portText);
  if (port > 65_535) return undefined;
  const colon = credentials?.indexOf(':') ?? -1;
  return {
    scheme,
    user: credentials === undefined ? undefined : decoded(colon < 0 ? credentials : credentials.slice(0, colon)),
    password: colon < 0 ? undefined : decoded(credentials!.slice(colon + 1)),
    host: name.replace(/^\[(.*)\]$/, '$1'),
    port,
    authority: port === usual ? name : `${name}:${port}`,
    target: rest.startsWith('/') ? rest : `/${rest}`,
  };
}

const decoded = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Where `location` leads, seen from `from`. */
export function redirected(from: string, location: string): string {
  const to = location.trim().replace(/ /g, '%20');
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(to)) return to;
  const base = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)?[^/?#]*/.exec(from)?.[0] ?? '';
  if (to.startsWith('//')) return `${/^[^:]*:/.exec(from)?.[0] ?? 'http:'}${to}`;
  if (to.startsWith('/')) return base + to;
  const path = from.slice(base.length).replace(/[?#].*$/, '');
  if (to.startsWith('?')) return base + path + to;
  return `${base}${path.slice(0, path.lastIndexOf('/') + 1) || '/'}${to}`;
}
