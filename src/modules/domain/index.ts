/** Module domain: which domains are served here, and their attributes, from tables. */
import { type Context, ROUTE } from '../../runtime/context.js';
import { coreCaseHash } from '../../runtime/corehash.js';
import { type Database, DbError, openDatabase } from '../../runtime/database.js';
import { addAvp, avpKey } from '../../runtime/message-env.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  opt,
  RpcFault,
  type RpcValue,
  stateKey,
  str,
  strParam,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { fromOf } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import { checkTableVersion, READ_URL } from '../sql/version.js';

interface Params {
  readonly db_url: string;
  readonly domain_table: string;
  readonly domain_attrs_table: string;
  readonly did_col: string;
  readonly domain_col: string;
  readonly name_col: string;
  readonly type_col: string;
  readonly value_col: string;
  readonly register_myself: number;
}

interface Attribute {
  readonly name: string;
  readonly value: number | string;
}

interface Attributes {
  readonly did: string;
  /** The newest first. */
  readonly attrs: readonly Attribute[];
}

interface DomainEntry {
  readonly domain: string;
  readonly did: string;
}

interface Domains {
  /** By name in lower case. */
  entries: ReadonlyMap<string, DomainEntry>;
  /** By the id of the domain in lower case. */
  attributes: ReadonlyMap<string, Attributes>;
}

const DOMAIN = stateKey<Domains>('domain');
const DOMAIN_VERSION = 2;
const ATTRS_VERSION = 1;
const TEXT_TYPE = 2;
/** From cannot be read. */
const BAD_FROM = -2;

function paramsOf(host: Host): Params {
  return host.program.params('domain') as unknown as Params;
}

async function readAttributes(db: Database, p: Params): Promise<Map<string, Attributes>> {
  const columns = [p.did_col, p.name_col, p.type_col, p.value_col];
  const { rows } = await db.query({ table: p.domain_attrs_table, columns });
  const out = new Map<string, Attributes>();
  for (const [did, name, type, value] of rows) {
    if (!did || !name || value === null || value === undefined || (type !== 0 && type !== TEXT_TYPE))
      throw new DbError(`invalid row in ${p.domain_attrs_table}: ${did} ${name} ${type} ${value}`);
    const number = type === TEXT_TYPE ? undefined : parseInt32(`${value}`);
    if (type !== TEXT_TYPE && number === undefined)
      throw new DbError(`${p.domain_attrs_table}: ${value} of ${name} is no number`);
    const key = `${did}`.toLowerCase();
    const known = out.get(key);
    const attrs = [{ name: `${name}`, value: number ?? `${value}` }, ...(known?.attrs ?? [])];
    out.set(key, { did: known?.did ?? `${did}`, attrs });
  }
  return out;
}

async function readDomains(db: Database, p: Params): Promise<Map<string, DomainEntry>> {
  const { rows } = await db.query({ table: p.domain_table, columns: [p.domain_col, p.did_col] });
  const out = new Map<string, DomainEntry>();
  for (const [domain, did] of rows) {
    if (!domain) throw new DbError(`a row in ${p.domain_table} has no domain`);
    out.set(`${domain}`.toLowerCase(), { domain: `${domain}`, did: `${did ?? domain}` });
  }
  return out;
}

/** Rejects with a DbError, and then all stays as it was. */
async function load(host: Host, state: Domains, checkVersions: boolean): Promise<void> {
  const p = paramsOf(host);
  const db = await openDatabase(host, p.db_url);
  try {
    if (checkVersions) {
      await checkTableVersion(db, p.domain_table, DOMAIN_VERSION);
      await checkTableVersion(db, p.domain_attrs_table, ATTRS_VERSION);
    }
    const attributes = await readAttributes(db, p);
    state.entries = await readDomains(db, p);
    state.attributes = attributes;
  } finally {
    await db.close();
  }
}

function entryOf(host: Host, domain: string): DomainEntry | undefined {
  return host.state(DOMAIN).entries.get(domain.toLowerCase());
}

const isLocal = (host: Host, domain: string | undefined): number =>
  domain !== undefined && entryOf(host, domain) !== undefined ? 1 : -1;

/** Of the request URI; in a failure route of the first branch. */
function uriHost(ctx: Context): string | undefined {
  if (ctx.routeType !== ROUTE.FAILURE) return parseUri(ctx.msg.uri)?.host;
  const first = ctx.msg.branches[0];
  if (first === undefined) ctx.host.log.write(LEVEL.ERR, 'domain', 'branch is missing, error in script\n');
  return first === undefined ? undefined : parseUri(first.uri)?.host;
}

function lookUp(ctx: Context, domain: string, prefix: string): number {
  const entry = entryOf(ctx.host, domain);
  if (entry === undefined) return -1;
  const set = (name: string, value: number | string) => {
    const key = avpKey(prefix + name);
    if (key !== undefined) addAvp(ctx.env, key, value);
  };
  for (const { name, value } of ctx.host.state(DOMAIN).attributes.get(entry.did.toLowerCase())?.attrs ?? [])
    set(name, value);
  set('did', entry.did);
  return 1;
}

const SLOTS = 128;
const slotOf = (domain: string): number => coreCaseHash(domain, undefined, SLOTS);

function dump(host: Host): RpcValue {
  const { entries, attributes } = host.state(DOMAIN);
  // by the slots of Kamailio's table, the newest first
  const domains = [...entries.values()].reverse().sort((a, b) => slotOf(a.domain) - slotOf(b.domain));
  return {
    domains: domains.map(({ domain, did }) => ({ domain, did })),
    attributes: [...attributes.values()].reverse().map(({ did, attrs }) => ({ did, attrs: attrs.map((a) => a.name) })),
  };
}

const ROUTES = ['request', 'branch', 'failure', 'local'] as const;

export const domainModule = defineModule({
  name: 'domain',
  doc: 'Which domains are served here, and their attributes, from tables.',
  params: {
    db_url: strParam(READ_URL, 'Where the tables are.'),
    domain_table: strParam('domain', 'Name of the table of domains.'),
    domain_attrs_table: strParam('domain_attrs', 'Name of the table of their attributes.'),
    did_col: strParam('did', 'Column of the ids of domains.'),
    domain_col: strParam('domain', 'Column of their names.'),
    name_col: strParam('name', 'Column of the names of attributes.'),
    type_col: strParam('type', 'Column of their types: 0 number, 2 text.'),
    value_col: strParam('value', 'Column of their values.'),
    register_myself: intParam(0, '1: the domains count as this server (myself).'),
  },
  functions: {
    is_from_local: fn({
      doc: 'Is the domain of From served here?',
      args: [],
      routes: ROUTES,
      run(ctx) {
        const host = fromOf(ctx.msg)?.uriParts?.host;
        return host === undefined ? BAD_FROM : isLocal(ctx.host, host);
      },
    }),
    is_uri_host_local: fn({
      doc: 'Is the domain of the request URI (in a failure route: of the first branch) served here?',
      args: [],
      routes: ROUTES,
      run: (ctx) => isLocal(ctx.host, uriHost(ctx)),
    }),
    is_domain_local: fn({
      doc: 'Is the domain served here?',
      args: [str('domain')],
      routes: ROUTES,
      run: (ctx, _p: unknown, domain) => isLocal(ctx.host, domain),
    }),
    lookup_domain: fn({
      doc: 'Sets the attributes of the domain as AVPs, their names with that prefix; -1 where it is not served here.',
      args: [str('domain'), opt(str('prefix'))],
      routes: ROUTES,
      run: (ctx, _p: unknown, domain, prefix) => lookUp(ctx, domain, prefix ?? ''),
    }),
  },
  rpc: {
    'domain.reload': {
      doc: 'Reads the tables again.',
      async run(host) {
        try {
          await load(host, host.state(DOMAIN), false);
        } catch (e) {
          if (!(e instanceof DbError)) throw e;
          host.log.write(LEVEL.ERR, 'domain', `${e.message}\n`);
          throw new RpcFault(400, 'Reload of domain tables failed');
        }
        return undefined;
      },
    },
    'domain.dump': { doc: 'The domains and the names of their attributes.', run: dump },
  },
  async start(host): Promise<Domains> {
    const state: Domains = { entries: new Map(), attributes: new Map() };
    await load(host, state, true);
    host.myselfCallbacks?.push((name) => {
      const mine = host.module('domain') !== undefined && paramsOf(host).register_myself !== 0;
      return mine && state.entries.has(name.toLowerCase());
    });
    return state;
  },
  async reload(host, state) {
    await load(host, state as Domains, true);
  },
});
