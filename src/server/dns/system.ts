/** What the system says of names: resolv.conf with the name servers, and hosts. */
import { readFile } from 'node:fs/promises';
import { isIp } from '../../sip/ip.js';

export interface NameServer {
  readonly ip: string;
  readonly port: number;
}

export interface ResolvConf {
  readonly servers: readonly NameServer[];
  /** Domains in which short names are looked for. */
  readonly search: readonly string[];
  /** Dots from which a name is tried as it is first. */
  readonly ndots: number;
  /** Seconds for an answer, and rounds over all servers. */
  readonly timeout: number;
  readonly attempts: number;
}

const DNS_PORT = 53;
const LIMITS = { ndots: 15, timeout: 30, attempts: 5 } as const;

/** Reads the text of resolv.conf(5); without a server the machine itself is asked. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: NameServer[] = [];
  let search: string[] = [];
  const options = { ndots: 1, timeout: 5, attempts: 2 };
  for (const line of text.split('\n')) {
    const [word = '', ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    const first = rest[0] ?? '';
    if (word === 'nameserver' && isIp(first)) servers.push({ ip: first, port: DNS_PORT });
    else if (word === 'domain' || word === 'search') search = rest;
    else if (word === 'options') for (const option of rest) readOption(options, option);
  }
  if (servers.length === 0) servers.push({ ip: '127.0.0.1', port: DNS_PORT });
  return { servers, search, ...options };
}

function readOption(options: { ndots: number; timeout: number; attempts: number }, text: string): void {
  const m = /^(ndots|timeout|attempts):(\d+)$/.exec(text);
  if (m === null) return;
  const name = m[1] as keyof typeof LIMITS;
  options[name] = Math.min(Number(m[2]), LIMITS[name]);
}

/** Addresses by name of the text of hosts(5). */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [ip = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (!isIp(ip)) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = out.get(key);
      if (known === undefined) out.set(key, [ip]);
      else if (!known.includes(ip)) known.push(ip);
    }
  }
  return out;
}

/** The value of a file, read again when it is older than `lifetime` ms. */
export function fileValue<T>(
  file: string,
  parse: (text: string) => T,
  now: () => number,
  lifetime: number,
): () => Promise<T> {
  let value: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (value === undefined || now() >= until) {
      until = now() + lifetime;
      value = readFile(file, 'latin1').then(parse, () => parse(''));
    }
    return value;
  };
}
