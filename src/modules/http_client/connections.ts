/** The connections that a script names: parameter httpcon, and the sections of config_file. */
import { readFileSync } from 'node:fs';
import { type CurlAgents, curlAgents } from './curl.js';
import { type HttpParams, httpParams } from './params.js';

export interface Definition {
  readonly name: string;
  readonly schema: string;
  /** What follows `://`. */
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly failover: string | undefined;
  readonly useragent: string;
  readonly timeout: number;
  readonly maxdatasize: number;
  readonly httpredirect: number;
  readonly verify_peer: number;
  readonly verify_host: number;
  readonly tlsversion: number;
  readonly client_cert: string | undefined;
  readonly client_key: string | undefined;
  readonly cipher_suites: string | undefined;
  readonly authmethod: number;
  readonly keep_connections: number;
  readonly httpproxy: string | undefined;
  readonly httpproxyport: number;
}

export interface Connection extends Definition {
  /** Missing: connections are not kept. */
  readonly agents: CurlAgents | undefined;
  /** Where the last answer came from. */
  lastUrl: string;
}

const NUMBERS: ReadonlySet<string> = new Set([
  'timeout',
  'maxdatasize',
  'httpredirect',
  'verify_peer',
  'verify_host',
  'tlsversion',
  'authmethod',
  'keep_connections',
  'httpproxyport',
]);
const TEXTS: ReadonlySet<string> = new Set([
  'username',
  'password',
  'failover',
  'useragent',
  'client_cert',
  'client_key',
  'cipher_suites',
  'httpproxy',
]);
/** Parameters that httpcon knows; others are for the file alone. */
const IN_HTTPCON: ReadonlySet<string> = new Set([
  ...['httpredirect', 'timeout', 'useragent', 'failover', 'maxdatasize', 'verify_peer', 'verify_host'],
  ...['tlsversion', 'client_cert', 'client_key', 'cipher_suites'],
]);

type Given = Readonly<Record<string, string | number>>;

function defaults(p: HttpParams): Omit<Definition, 'name' | 'schema' | 'url'> {
  const text = (value: string | null) => (value === null || value === '' ? undefined : value);
  return {
    username: undefined,
    password: undefined,
    failover: undefined,
    useragent: p.useragent,
    timeout: p.connection_timeout,
    maxdatasize: p.maxdatasize,
    httpredirect: p.httpredirect,
    verify_peer: p.verify_peer,
    verify_host: p.verify_host,
    tlsversion: p.tlsversion,
    client_cert: text(p.client_cert),
    client_key: text(p.client_key),
    cipher_suites: text(p.cipher_suites),
    authmethod: p.authmethod,
    keep_connections: p.keep_connections,
    httpproxy: text(p.httpproxy),
    httpproxyport: p.httpproxyport,
  };
}

const HTTPCON = /^\s*([^\s=]+)\s*=>\s*([^:\s]+):\/\/(?:([^:@;]*)(?::([^@;]*))?@)?([^;]*)(?:;(.*))?$/s;

/** `name=>http://user:password@host/path;parameter=value`; the error in words where it is none. */
export function parseHttpcon(text: string, params?: HttpParams): Definition | string {
  const m = HTTPCON.exec(text);
  if (m === null) return `invalid curl parameter [${text}]`;
  const [, name = '', schema = '', username, password, url = '', rest = ''] = m;
  const given: Record<string, string | number> = {};
  for (const item of rest.split(';').filter((part) => part.trim() !== '')) {
    const [key = '', value = ''] = item.split('=', 2).map((part) => part.trim().replace(/^"(.*)"$/, '$1'));
    if (!IN_HTTPCON.has(key)) return `curl Unknown parameter [${key}]`;
    if (NUMBERS.has(key) && !/^\d+$/.test(value)) return `curl connection [${name}]: ${key} bad value`;
    given[key] = NUMBERS.has(key) ? Number(value) : value;
  }
  const base = defaults(params ?? httpParams({}));
  return { ...base, username, password, ...given, name, schema, url };
}

const TLS_NAMES: Readonly<Record<string, number>> = {
  DEFAULT: 0,
  TLSv1: 1,
  SSLv2: 2,
  SSLv3: 3,
  'TLSv1.0': 4,
  'TLSv1.1': 5,
  'TLSv1.2': 6,
};
const ON = /^(?:yes|on|true|enabled|1)$/i;
const SWITCHES: ReadonlySet<string> = new Set(['verify_peer', 'verify_host', 'httpredirect']);
const RENAMED: Readonly<Record<string, string>> = { keepconnections: 'keep_connections' };

/** Sections `[name]` with lines `key = value`. Throws an Error with file and line. */
export function parseConnectionsFile(text: string, file: string, params: HttpParams): Definition[] {
  const sections: { name: string; values: Record<string, string | number> }[] = [];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/^\s*[#;].*$/, '').trim();
    if (line === '') continue;
    const section = /^\[\s*([^\]\s]+)\s*\]$/.exec(line)?.[1];
    const [, key, value] = /^([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const current = sections.at(-1);
    if (section !== undefined) sections.push({ name: section, values: {} });
    else if (key === undefined || value === undefined || current === undefined) {
      throw new Error(`${file}:${at + 1}: a section [name] or a line key = value is expected`);
    } else Object.assign(current.values, fileValue(key, value.replace(/^"(.*)"$/, '$1'), `${file}:${at + 1}`));
  }
  return sections.map(({ name, values }) => {
    const { url: whole, ...others } = values;
    const [, schema, url] = /^([^:]*):\/\/(.+)$/.exec(`${whole ?? ''}`) ?? [];
    if (schema === undefined || url === undefined) {
      throw new Error(`${file}: [${name}]: Invalid schema://url definition [${whole ?? ''}]`);
    }
    return { ...defaults(params), ...others, name, schema, url };
  });
}

function fileValue(written: string, value: string, where: string): Given {
  const key = RENAMED[written] ?? written;
  if (key === 'url' || TEXTS.has(key)) return { [key]: value };
  if (SWITCHES.has(key)) return { [key]: ON.test(value) ? 1 : 0 };
  if (key === 'tlsversion' && Object.hasOwn(TLS_NAMES, value)) return { [key]: TLS_NAMES[value]! };
  if (NUMBERS.has(key) && /^\d+$/.test(value)) return { [key]: Number(value) };
  throw new Error(`${where}: ${NUMBERS.has(key) ? `bad value for ${written}` : `unknown option ${written}`}`);
}

/** Throws an Error for a bad file, or where two have one name. */
export function connectionsOf(params: HttpParams): Map<string, Connection> {
  const all = params.httpcon
    .map((text) => parseHttpcon(text, params))
    .filter((c): c is Definition => typeof c !== 'string');
  const file = params.config_file;
  if (file) all.push(...parseConnectionsFile(readFileSync(file, 'latin1'), file, params));
  const out = new Map<string, Connection>();
  for (const definition of all) {
    if (out.has(definition.name)) throw new Error(`http_client: duplicate Curl connection name ${definition.name}`);
    const agents = definition.keep_connections !== 0 ? curlAgents() : undefined;
    out.set(definition.name, { ...definition, agents, lastUrl: '' });
  }
  return out;
}
