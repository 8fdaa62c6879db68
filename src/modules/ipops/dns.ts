/** DNS look-ups of the script, and the containers that keep what they found. */
import { lookup } from 'node:dns/promises';
import { bindVariable } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  type Host,
  type PvAccessor,
  type PvDefinition,
  pvWith,
  stateKey,
  type Value,
} from '../../runtime/module.js';

type DnsRecord = Readonly<{ [key: string]: number | string }>;

interface Container {
  readonly records: readonly DnsRecord[];
}

export interface IpopsState {
  readonly addresses: Map<string, Container>;
  readonly services: Map<string, Container>;
  readonly pointers: Map<string, Container>;
  readonly host: HostNames;
}

export interface HostNames {
  readonly full: string;
  ip: string | null;
}

export const IPOPS = stateKey<IpopsState>('ipops');

const NO_NAME = -2;
const NOT_RESOLVED = -4;
/** Kamailio keeps no more of one answer. */
const MAX_RECORDS = 32;

/** The address that the system gives for the machine's own name; null where it has none. */
export async function systemAddress(name: string): Promise<string | null> {
  try {
    return (await lookup(name, { verbatim: true })).address;
  } catch {
    return null;
  }
}

/** Addresses of a name. Undefined: there are none. */
export async function addressesOf(host: Host, name: string): Promise<readonly string[] | undefined> {
  const found = (await host.resolver.addresses?.(name)) ?? [];
  return found.length === 0 ? undefined : found;
}

export async function queryAddresses(host: Host, name: string, id: string): Promise<number> {
  if (name.length > 255) return NO_NAME;
  const { addresses } = host.state(IPOPS);
  addresses.set(id, { records: [] });
  const found = await addressesOf(host, name);
  if (found === undefined) return NOT_RESOLVED;
  const records = found.slice(0, MAX_RECORDS).map((addr) => ({ addr, type: addr.includes(':') ? 6 : 4 }));
  addresses.set(id, { records });
  return 1;
}

export async function queryServices(host: Host, name: string, id: string): Promise<number> {
  if (name === '') return NO_NAME;
  const found = ((await host.resolver.srv?.(name)) ?? []).map((r) => ({ priority: 0, weight: 0, ...r }));
  const records = byWeight(host, found).map((r) => ({
    port: r.port,
    priority: r.priority,
    target: r.name,
    weight: r.weight,
  }));
  host.state(IPOPS).services.set(id, { records: records.slice(0, MAX_RECORDS) });
  return 1;
}

interface Service {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly name: string;
}

/** Order of RFC 2782: by priority, within one at random by weight. */
function byWeight(host: Host, all: readonly Service[]): Service[] {
  const out: Service[] = [];
  for (const priority of [...new Set(all.map((s) => s.priority))].sort((a, b) => a - b)) {
    const left = all.filter((s) => s.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const mark = host.random() * left.reduce((sum, s) => sum + s.weight, 0);
      let sum = 0;
      const at = left.findIndex((s) => {
        sum += s.weight;
        return sum >= mark;
      });
      out.push(...left.splice(Math.max(at, 0), 1));
    }
  }
  return out;
}

export async function queryPointers(host: Host, name: string, id: string): Promise<number> {
  if (name === '') return NO_NAME;
  const found = (await host.resolver.naptr?.(name)) ?? [];
  const sorted = found.toSorted((a, b) => a.order - b.order || a.preference - b.preference);
  const records = sorted.slice(0, MAX_RECORDS).map((r) => ({
    order: r.order,
    pref: r.preference,
    flags: r.flags,
    services: r.service,
    regex: r.regexp,
    replace: r.replacement,
  }));
  host.state(IPOPS).pointers.set(id, { records });
  return 1;
}

// ------------------------------------------------------------------- variables

const KEY = /^\s*([^=\s]+)\s*=>\s*([a-z0-9]+)\s*(?:\[\s*(.+?)\s*\])?\s*$/;

interface Lookup {
  readonly doc: string;
  readonly keys: readonly string[];
  readonly of: (state: IpopsState) => Map<string, Container>;
  /** Values that concern all records. */
  readonly whole: (key: string, records: readonly DnsRecord[]) => Value | undefined;
}

function lookupPv(look: Lookup): PvDefinition {
  return pvWith({
    doc: `${look.doc} Keys: ${look.keys.join(', ')}; an index in brackets counts from 0, from the end when negative.`,
    bind: (use, env) => bindLookup(use.name, use.key?.text ?? '', look, env),
  });
}

function bindLookup(name: string, text: string, look: Lookup, env: BindEnv): BindResult<PvAccessor> {
  const m = KEY.exec(text);
  if (m === null || !look.keys.includes(m[2]!))
    return { error: `$${name} wants id=>key[index]; keys are ${look.keys.join(', ')}` };
  const [, id, key, indexText] = m as unknown as [string, string, string, string | undefined];
  let index: (ctx: Parameters<PvAccessor['get']>[0]) => Value = () => 0;
  if (indexText?.startsWith('$')) {
    const variable = bindVariable(indexText, env, { quoted: true });
    if ('error' in variable) return variable;
    index = variable.ok.get;
  } else if (indexText !== undefined) {
    if (!/^-?\d+$/.test(indexText)) return { error: `invalid index [${indexText}]` };
    const fixed = Number(indexText);
    index = () => fixed;
  }
  return {
    ok: {
      get(ctx) {
        const records = look.of(ctx.host.state(IPOPS)).get(id)?.records ?? [];
        const whole = look.whole(key, records);
        if (whole !== undefined) return whole;
        const at = index(ctx);
        const record =
          typeof at === 'number' ? records.at(at < 0 || at < records.length ? at : records.length) : undefined;
        return record?.[key] ?? null;
      },
    },
  };
}

const count = (key: string, records: readonly DnsRecord[]) => (key === 'count' ? records.length : undefined);

export const pvs: Readonly<{ [name: string]: PvDefinition }> = {
  dns: lookupPv({
    doc: 'What dns_query() found: `$dns(id=>addr[0])`.',
    keys: ['addr', 'type', 'ipv4', 'ipv6', 'count'],
    of: (state) => state.addresses,
    whole(key, records) {
      if (records.length === 0) return null;
      if (key === 'ipv4') return records.some((r) => r.type === 4) ? 1 : 0;
      if (key === 'ipv6') return records.some((r) => r.type === 6) ? 1 : 0;
      return count(key, records);
    },
  }),
  srvquery: lookupPv({
    doc: 'What srv_query() found: `$srvquery(id=>target[0])`.',
    keys: ['count', 'port', 'priority', 'target', 'weight'],
    of: (state) => state.services,
    whole: count,
  }),
  naptrquery: lookupPv({
    doc: 'What naptr_query() found: `$naptrquery(id=>replace[0])`.',
    keys: ['count', 'order', 'pref', 'flags', 'services', 'regex', 'replace'],
    of: (state) => state.pointers,
    whole: count,
  }),
};
