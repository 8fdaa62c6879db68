/** Module speeddial: short numbers of each user, from a table. */
import type { Context } from '../runtime/context.js';
import { type Database, type DbCondition, DbError, openDatabase } from '../runtime/database.js';
import { defineModule, fn, intParam, LEVEL, opt, stateKey, str, strParam } from '../runtime/module.js';
import { fromOf } from '../sip/header.js';
import { parseUri } from '../sip/uri.js';
import { withoutPrefix } from './sql/prefix.js';
import { READ_URL } from './sql/version.js';

interface Params {
  readonly user_column: string;
  readonly domain_column: string;
  readonly sd_user_column: string;
  readonly sd_domain_column: string;
  readonly new_uri_column: string;
  /** 1: the owner's domain counts, 2: that of the number too. */
  readonly use_domain: number;
  readonly domain_prefix: string;
}

const SPEEDDIAL = stateKey<Database>('speeddial');

function complain(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'speeddial', `${text}\n`);
  return -1;
}

async function lookUp(ctx: Context, p: Params, table: string, owner: string): Promise<number> {
  if (table === '') return complain(ctx, 'invalid table parameter');
  const who = owner === '' ? fromOf(ctx.msg)?.uriParts : parseUri(owner);
  if (who === undefined) return complain(ctx, owner === '' ? 'failed to parse FROM header' : 'bad owner SIP address!');
  const dialled = parseUri(ctx.msg.uri);
  if (dialled === undefined) return complain(ctx, 'failed to parsing Request-URI');
  const equal = (column: string, value: string): DbCondition => ({ column, op: '=', value });
  const where = [equal(p.user_column, who.user ?? ''), equal(p.sd_user_column, dialled.user ?? '')];
  if (p.use_domain >= 1) where.push(equal(p.domain_column, withoutPrefix(who.host, p.domain_prefix)));
  if (p.use_domain >= 2) where.push(equal(p.sd_domain_column, withoutPrefix(dialled.host, p.domain_prefix)));
  try {
    const { rows } = await ctx.host.state(SPEEDDIAL).query({ table, columns: [p.new_uri_column], where });
    const found = rows[0]?.[0];
    if (found === undefined || found === null) return -1;
    if (typeof found === 'number') return complain(ctx, 'unknown type of DB new_uri column');
    ctx.msg.newUri = found.startsWith('sip:') ? found : `sip:${found}`;
    return 1;
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    return complain(ctx, `failed to query database: ${e.message}`);
  }
}

export const speeddial = defineModule({
  name: 'speeddial',
  doc: 'Short numbers of each user, from a table.',
  atStart: ['db_url'],
  params: {
    db_url: strParam(READ_URL, 'Where the tables are.'),
    user_column: strParam('username', 'Column of the users that the numbers belong to.'),
    domain_column: strParam('domain', 'Column of their domains.'),
    sd_user_column: strParam('sd_username', 'Column of the numbers.'),
    sd_domain_column: strParam('sd_domain', 'Column of the domains with which they are dialled.'),
    new_uri_column: strParam('new_uri', 'Column of the addresses that they stand for.'),
    use_domain: intParam(0, '1: the domain of the user counts, 2: that which was dialled too.'),
    domain_prefix: strParam('', 'Prefix that is cut off domains.'),
  },
  functions: {
    sd_lookup: fn({
      doc: 'Puts the address that the request URI is the short number of in its place. The number is that of the user of From, or of `owner`, a URI. -1: there is none.',
      args: [str('table'), opt(str('owner'))],
      routes: ['request'],
      waits: true,
      run: (ctx, params: Params, table, owner) => lookUp(ctx, params, table, owner ?? ''),
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
