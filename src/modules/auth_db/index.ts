/** Module auth_db: digest authentication against passwords in a database. */
import type { Context } from '../../runtime/context.js';
import { type Database, DbError, type DbValue, openDatabase } from '../../runtime/database.js';
import { bindVariable } from '../../runtime/format.js';
import { avpKey, setAvp } from '../../runtime/message-env.js';
import {
  type AnyFunction,
  type BindEnv,
  type BindResult,
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  opt,
  raw,
  stateKey,
  str,
  strictStr,
  strParam,
} from '../../runtime/module.js';
import { fromOf, toOf } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import { AUTH, AUTH_STATE, type AuthParams, authenticate, credentialsFor, type Kind } from '../auth/index.js';
import { checkTableVersion, READ_URL } from '../sql/version.js';

interface AuthDbParams {
  readonly db_url: string;
  readonly user_column: string;
  readonly domain_column: string;
  readonly password_column: string;
  readonly password_column_2: string;
  readonly calculate_ha1: number;
  readonly use_domain: number;
  readonly load_credentials: string;
  readonly version_table: number;
  readonly force_generate_avps: number;
}

interface AuthDb {
  readonly db: Database;
  /** Tables whose version was looked at. */
  readonly checked: Set<string>;
}

const AUTH_DB = stateKey<AuthDb>('auth_db');
const SUBSCRIBER_VERSION = 7;

/** One column that is loaded with the password, and where it goes. */
interface Loaded {
  readonly column: string;
  readonly set: (ctx: Context, value: DbValue) => void;
}

/** `$avp(x)=column;column`: without a variable an AVP of the column's name. */
function parseLoaded(text: string, env: BindEnv): BindResult<readonly Loaded[]> {
  const out: Loaded[] = [];
  for (const part of text.split(';').map((p) => p.trim())) {
    if (part === '') continue;
    const m = /^(\$.+?)\s*=\s*([^=\s]+)$/.exec(part);
    if (m === null) {
      const key = avpKey(part);
      if (key === undefined) return { error: `'${part}' is no column` };
      out.push({ column: part, set: (ctx, value) => setAvp(ctx.env, key, value) });
      continue;
    }
    const variable = bindVariable(m[1]!, env);
    if ('error' in variable) return variable;
    const { set } = variable.ok;
    if (set === undefined) return { error: `${m[1]} cannot be written` };
    out.push({ column: m[2]!, set: (ctx, value) => void set(ctx, value) });
  }
  return { ok: out };
}

const loadedBy = new WeakMap<object, readonly Loaded[]>();

/** The columns of load_credentials, bound once for each version of the script. */
function loadedColumns(ctx: Context): readonly Loaded[] {
  return loadedBy.get(ctx.program.params('auth_db')) ?? [];
}

function bindLoaded(env: BindEnv): string | undefined {
  const params = env.params('auth_db');
  if (loadedBy.has(params)) return undefined;
  const found = parseLoaded(`${params.load_credentials ?? ''}`, env);
  if ('error' in found) return `load_credentials: ${found.error}`;
  loadedBy.set(params, found.ok);
  return undefined;
}

interface Account {
  readonly user: string;
  readonly domain: string;
}

function accountOf(username: string): Account {
  const at = username.indexOf('@');
  return at < 0 ? { user: username, domain: '' } : { user: username.slice(0, at), domain: username.slice(at + 1) };
}

async function readRow(ctx: Context, table: string, account: Account, columns: readonly string[]) {
  const params = ctx.program.params('auth_db') as unknown as AuthDbParams;
  const state = ctx.host.state(AUTH_DB);
  if (params.version_table !== 0 && !state.checked.has(table)) {
    await checkTableVersion(state.db, table, SUBSCRIBER_VERSION);
    state.checked.add(table);
  }
  const where = [{ column: params.user_column, op: '=', value: account.user } as const];
  const { rows } = await state.db.query({
    table,
    columns,
    where: account.domain === '' ? where : [...where, { column: params.domain_column, op: '=', value: account.domain }],
  });
  return rows[0];
}

function setLoaded(ctx: Context, loaded: readonly Loaded[], values: readonly DbValue[]): void {
  for (const [i, { set }] of loaded.entries()) set(ctx, values[i] ?? null);
}

async function check(ctx: Context, kind: Kind, realm: string, table: string, method: string): Promise<number> {
  const { msg } = ctx;
  if (realm === '' || method === '') return AUTH.ERROR;
  if (msg.method === 'ACK' || msg.method === 'CANCEL' || msg.method === 'PRACK') return AUTH.OK;
  const authParams = ctx.program.params('auth') as unknown as AuthParams;
  const { nonces } = ctx.host.state(AUTH_STATE);
  const fields = credentialsFor(msg, kind, realm)?.digest.params;
  if (fields === undefined) return AUTH.NO_CREDENTIALS;
  const nonce = fields.get('nonce') ?? '';
  const state = nonces.check(nonce);
  if (state === 'unreadable') return AUTH.ERROR;
  if (authParams.one_time_nonce !== 0 && nonces.wasUsed(nonce)) return AUTH.NONCE_REUSED;
  if (state === 'stale') return AUTH.STALE;
  return await checkPassword(ctx, kind, { realm, table, method }, fields.get('username') ?? '', authParams);
}

interface Asked {
  readonly realm: string;
  readonly table: string;
  readonly method: string;
}

async function checkPassword(
  ctx: Context,
  kind: Kind,
  { realm, table, method }: Asked,
  username: string,
  authParams: AuthParams,
): Promise<number> {
  const params = ctx.program.params('auth_db') as unknown as AuthDbParams;
  const loaded = loadedColumns(ctx);
  const { user, domain } = accountOf(username);
  const hashed = params.calculate_ha1 === 0;
  const column = domain !== '' && hashed ? params.password_column_2 : params.password_column;
  const account = { user, domain: params.use_domain === 0 ? '' : domain || realm };
  const row = await readRow(ctx, table, account, [column, ...loaded.map((l) => l.column)]);
  if (row === undefined) return AUTH.NO_USER;
  const [password, ...more] = row;
  const avps = () => setLoaded(ctx, loaded, more);
  const secret = { realm, password: `${password ?? ''}`, hashed, method };
  const code = authenticate(ctx, authParams, ctx.host.state(AUTH_STATE).nonces, kind, secret);
  // the variables come once the run goes on: it gets its own back before
  if (code === AUTH.OK || params.force_generate_avps !== 0) ctx.onResume = avps;
  return code;
}

async function isSubscriber(ctx: Context, text: string, table: string, flags: number): Promise<number> {
  const params = ctx.program.params('auth_db') as unknown as AuthDbParams;
  const uri = parseUri(text);
  if (uri === undefined || !uri.user) return -1;
  const withDomain = (flags & SUBSCRIBER.USE_DOMAIN) !== 0;
  const loaded = (flags & SUBSCRIBER.NO_CREDENTIALS) !== 0 ? [] : loadedColumns(ctx);
  const columns = loaded.length === 0 ? [params.user_column] : loaded.map((l) => l.column);
  const row = await readRow(ctx, table, { user: uri.user, domain: withDomain ? uri.host : '' }, columns);
  if (row === undefined) return NOT_THERE;
  ctx.onResume = () => setLoaded(ctx, loaded, row);
  return 1;
}

const NOT_THERE = -2;

/** Bits of the last argument of is_subscriber() and auth_check(). */
const SUBSCRIBER = { USE_DOMAIN: 1, NO_CREDENTIALS: 2 } as const;
const CHECK = { IDENTITY: 1, SKIP_FORWARDED: 2 } as const;

const FORWARDED = ['INVITE', 'BYE', 'PRACK', 'UPDATE', 'MESSAGE'];

/** Do the users of the credentials and of From, To and request URI agree? */
function identityFits(ctx: Context, kind: Kind, realm: string, flags: number): boolean {
  if ((flags & CHECK.IDENTITY) === 0) return true;
  const { msg } = ctx;
  const { use_domain } = ctx.program.params('auth_db') as unknown as AuthDbParams;
  const user = accountOf(credentialsFor(msg, kind, realm)?.digest.params.get('username') ?? '').user;
  const from = fromOf(msg)?.uriParts;
  const to = toOf(msg)?.uriParts;
  if (from === undefined) return false;
  const own = msg.method === 'REGISTER' || msg.method === 'PUBLISH';
  const party = own ? to : from;
  if (party === undefined) return false;
  const skipped = (flags & CHECK.SKIP_FORWARDED) !== 0 && FORWARDED.includes(msg.method);
  if (!skipped && user !== (party.user ?? '')) return false;
  if (!own) return true;
  const same = (other: typeof from | undefined) =>
    other !== undefined && other.user === from.user && (use_domain === 0 || other.host === from.host);
  return same(to) && (msg.method !== 'PUBLISH' || same(parseUri(msg.uri)));
}

/** Failures of the database are errors of the call, and a line in the log. */
async function guarded(host: Host, work: Promise<number>): Promise<number> {
  try {
    return await work;
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'auth_db', `failed to query database: ${e.message}\n`);
    return AUTH.ERROR;
  }
}

const bound = (_args: readonly unknown[], env: BindEnv) => bindLoaded(env);

function authenticateFn(kind: Kind, doc: string): AnyFunction {
  return fn({
    doc,
    args: [strictStr('realm'), raw('table'), opt(strictStr('method'))],
    routes: ['request'],
    waits: true,
    check: bound,
    run: (ctx, _p: unknown, realm, table, method) =>
      guarded(ctx.host, check(ctx, kind, realm, table, method ?? ctx.msg.method)),
  });
}

const www = authenticateFn('www', 'Checks Authorization against the password in the table.');
const proxy = authenticateFn('proxy', 'Checks Proxy-Authorization against the password in the table.');

export const authDb = defineModule({
  name: 'auth_db',
  doc: 'Digest authentication against passwords in a database.',
  atStart: ['db_url'],
  needs: ['auth'],
  params: {
    db_url: strParam(READ_URL, 'Where the table of subscribers is.'),
    user_column: strParam('username', 'Column of the users.'),
    domain_column: strParam('domain', 'Column of their domains.'),
    password_column: strParam('ha1', 'Column of H(user:realm:password), or of the password with calculate_ha1.'),
    password_column_2: strParam('ha1b', 'Column of the hash of a username with its domain.'),
    calculate_ha1: intParam(0, '1: the table holds passwords as they are.'),
    use_domain: intParam(0, '1: the domain counts.'),
    load_credentials: strParam('rpid', 'More columns to read: $avp(name)=column;column …'),
    version_table: intParam(1, '1: the version of the table is checked.'),
    force_generate_avps: intParam(0, '1: these columns are set although the password is wrong.'),
  },
  functions: {
    www_authenticate: www,
    www_authorize: www,
    proxy_authenticate: proxy,
    proxy_authorize: proxy,
    auth_check: fn({
      doc: 'Checks a REGISTER as www_authenticate(), others as proxy_authenticate(); flag 1: the user must be that of From or To, 2: not for requests within calls.',
      args: [strictStr('realm'), strictStr('table'), int('flags')],
      routes: ['request'],
      waits: true,
      check: bound,
      async run(ctx, _p: unknown, realm, table, flags) {
        const kind: Kind = ctx.msg.method === 'REGISTER' ? 'www' : 'proxy';
        if (ctx.msg.method === 'ACK' || ctx.msg.method === 'CANCEL') return AUTH.OK;
        if (table === '') return AUTH.ERROR;
        const code = await guarded(ctx.host, check(ctx, kind, realm, table, ctx.msg.method));
        return code === AUTH.OK && !identityFits(ctx, kind, realm, flags) ? AUTH.USER_DIFFERS : code;
      },
    }),
    is_subscriber: fn({
      doc: 'Is the user of the URI in the table? Flags: 1 its domain counts, 2 no columns are read.',
      args: [str('uri'), str('table'), int('flags')],
      waits: true,
      check: bound,
      run: (ctx, _p: unknown, uri, table, flags) => guarded(ctx.host, isSubscriber(ctx, uri, table, flags)),
    }),
  },
  async start(host, params): Promise<AuthDb> {
    return { db: await openDatabase(host, `${params.db_url}`), checked: new Set() };
  },
  reload: () => undefined,
  async stop(_host, state) {
    await (state as AuthDb).db.close();
  },
});
