/** Module alias_db: aliases of users, from a table. */
import type { Context } from '../runtime/context.js';
import { type Database, DbError, openDatabase } from '../runtime/database.js';
import { addBranch } from '../runtime/destination-set.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  opt,
  type PvAccessor,
  parsed,
  stateKey,
  str,
  strParam,
  toText,
  variable,
} from '../runtime/module.js';
import { branch } from '../sip/message.js';
import { parseUri, type SipUri } from '../sip/uri.js';
import { withoutPrefix } from './sql/prefix.js';
import { READ_URL } from './sql/version.js';

interface Params {
  readonly user_column: string;
  readonly domain_column: string;
  readonly alias_user_column: string;
  readonly alias_domain_column: string;
  readonly use_domain: number;
  readonly domain_prefix: string;
  readonly append_branches: number;
}

const ALIAS_DB = stateKey<Database>('alias_db');

const FLAG = { REVERSE: 1, DOMAIN: 2 } as const;

/** `d` without domain, `u` with it, `r` from user to alias. */
const flags = parsed<(params: Params) => number>('flags', 'flags', (text) => {
  const bad = /[^dru]/i.exec(text)?.[0];
  if (bad !== undefined) return { error: `unsupported flag '${bad}'` };
  return {
    ok: (params) => {
      let bits = params.use_domain === 0 ? 0 : FLAG.DOMAIN;
      for (const c of text.toLowerCase()) {
        if (c === 'd') bits &= ~FLAG.DOMAIN;
        else bits |= c === 'r' ? FLAG.REVERSE : FLAG.DOMAIN;
      }
      return bits;
    },
  };
});

const defaultFlags = (params: Params): number => (params.use_domain === 0 ? 0 : FLAG.DOMAIN);

/** URIs of the users that the alias stands for; none where there are none or the database fails. */
async function urisFor(host: Host, params: Params, table: string, uri: SipUri, bits: number): Promise<string[]> {
  const user = [params.user_column, params.domain_column] as const;
  const alias = [params.alias_user_column, params.alias_domain_column] as const;
  const [keys, columns] = (bits & FLAG.REVERSE) !== 0 ? [user, alias] : [alias, user];
  const where = [{ column: keys[0], op: '=', value: uri.user ?? '' } as const];
  if ((bits & FLAG.DOMAIN) !== 0)
    where.push({ column: keys[1], op: '=', value: withoutPrefix(uri.host, params.domain_prefix) });
  try {
    const { rows } = await host.state(ALIAS_DB).query({ table, columns, where });
    if (rows[0]?.[0] === null) return [];
    return rows.map(([name, domain]) => `sip:${name ?? ''}@${domain ?? ''}`);
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'alias_db', `failed to query database: ${e.message}\n`);
    return [];
  }
}

async function lookUp(ctx: Context, params: Params, table: string, bits: number): Promise<number> {
  const { msg } = ctx;
  const uri = parseUri(msg.uri);
  if (uri === undefined) return -1;
  const [first, ...more] = await urisFor(ctx.host, params, table, uri, bits);
  if (first === undefined) return -1;
  msg.newUri = first;
  if (params.append_branches === 0) return 1;
  for (const other of more) if (!addBranch(ctx, branch(other, { q: 0 }))) return -1;
  return 1;
}

async function find(
  ctx: Context,
  params: Params,
  table: string,
  from: PvAccessor,
  to: PvAccessor,
  bits: number,
): Promise<number> {
  const value = from.get(ctx);
  const uri = typeof value === 'number' ? undefined : parseUri(toText(value));
  if (uri === undefined) return -1;
  const uris = await urisFor(ctx.host, params, table, uri, bits);
  if (uris.length === 0) return -1;
  const taken = params.append_branches === 0 ? uris.slice(0, 1) : uris;
  ctx.onResume = () => {
    for (const one of taken) to.set?.(ctx, one);
  };
  return 1;
}

const ROUTES = ['request', 'failure', 'reply', 'branch', 'local'] as const;

export const aliasDb = defineModule({
  name: 'alias_db',
  doc: 'Aliases of users, from a table.',
  atStart: ['db_url'],
  params: {
    db_url: strParam(READ_URL, 'Where the tables of aliases are.'),
    user_column: strParam('username', 'Column of the users.'),
    domain_column: strParam('domain', 'Column of their domains.'),
    alias_user_column: strParam('alias_username', 'Column of the aliases.'),
    alias_domain_column: strParam('alias_domain', 'Column of their domains.'),
    use_domain: intParam(0, '1: the domain of an alias counts.'),
    domain_prefix: strParam('', 'Prefix that is cut off domains.'),
    append_branches: intParam(0, '1: further users of an alias become branches.'),
  },
  functions: {
    alias_db_lookup: fn({
      doc: 'Puts the user that the request URI is an alias of in its place. Flags: d without domain, u with it, r from user to alias.',
      args: [str('table'), opt(flags)],
      routes: ['request', 'failure'],
      waits: true,
      run: (ctx, params: Params, table, bits) => lookUp(ctx, params, table, (bits ?? defaultFlags)(params)),
    }),
    alias_db_find: fn({
      doc: 'Reads an alias from one variable and writes the URI of its user into another.',
      args: [str('table'), variable('alias'), variable('target', { writable: true }), opt(flags)],
      routes: ROUTES,
      waits: true,
      run: (ctx, params: Params, table, from, to, bits) =>
        find(ctx, params, table, from, to, (bits ?? defaultFlags)(params)),
    }),
  },
  async start(host, params): Promise<Database> {
    return await openDatabase(host, `${params.db_url}`);
  },
  reload: () => undefined,
  async stop(_host, state) {
    await (state as Database).close();
  },
});
