/** Module permissions: who may do what, by files of rules, addresses and trusted peers (sip.md, section 10). */
import type { Context } from '../../runtime/context.js';
import { DbError } from '../../runtime/database.js';
import { addAvp } from '../../runtime/message-env.js';
import {
  type AnyFunction,
  type BindEnv,
  defineModule,
  fn,
  forms,
  int,
  isInt,
  LEVEL,
  opt,
  raw,
  str,
  toText,
  variable,
} from '../../runtime/module.js';
import { contactsOf, fromOf, toOf } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import type { AddressEntry } from './addresses.js';
import { BACKEND, params, permissionsParams } from './params.js';
import { rpc } from './rpc.js';
import { findRule, type Rule } from './rules.js';
import { PERMISSIONS, Permissions } from './state.js';
import { tagKey } from './tag.js';
import { isProto, logNoDatabase, matchPeers, ownSubject, readPeers, type Subject } from './trusted.js';

const ALLOWED = 1;
const REFUSED = -1;
const MAX_TEXT = 256;
const REQUESTS = ['request', 'failure'] as const;

interface Pair {
  readonly allow: readonly Rule[];
  readonly deny: readonly Rule[];
}

/** The rules of two files; without names those of the parameters. */
function pairOf(ctx: Context, allow?: string, deny?: string): Pair {
  const state = ctx.host.state(PERMISSIONS);
  if (allow !== undefined && deny !== undefined) return { allow: state.rules(allow), deny: state.rules(deny) };
  const { load_backends, default_allow_file, default_deny_file } = state.params;
  return {
    allow: (load_backends & BACKEND.ALLOW_FILE) === 0 ? [] : state.rules(default_allow_file),
    deny: (load_backends & BACKEND.DENY_FILE) === 0 ? [] : state.rules(default_deny_file),
  };
}

function pairOfBase(ctx: Context, base: string): Pair {
  const { allow_suffix, deny_suffix } = permissionsParams(ctx.program);
  return pairOf(ctx, base + allow_suffix, base + deny_suffix);
}

const isEmpty = ({ allow, deny }: Pair): boolean => allow.length === 0 && deny.length === 0;

/** `sip:user@host`, whatever else the URI has. */
function plain(text: string): string | undefined {
  const uri = parseUri(text);
  if (uri === undefined) return undefined;
  return uri.user ? `sip:${uri.user}@${uri.host}` : `sip:${uri.host}`;
}

function checkRouting(ctx: Context, pair: Pair): number {
  if (isEmpty(pair)) return ALLOWED;
  const { msg } = ctx;
  const from = fromOf(msg)?.uri;
  const uri = parseUri(msg.uri);
  if (from === undefined || from.length > MAX_TEXT || uri === undefined) return REFUSED;
  const target = `sip:${uri.user ?? ''}@${uri.host}`;
  if (target.length > MAX_TEXT) return REFUSED;
  const all = permissionsParams(ctx.program).check_all_branches !== 0;
  if (!findRule(pair.allow, from, target) && findRule(pair.deny, from, target)) return REFUSED;
  if (!all) return ALLOWED;
  for (const branch of msg.branches) {
    const other = plain(branch.uri);
    if (other === undefined) return REFUSED;
    if (!findRule(pair.allow, from, other) && findRule(pair.deny, from, other)) return REFUSED;
  }
  return ALLOWED;
}

function checkRegister(ctx: Context, pair: Pair): number {
  if (isEmpty(pair)) return ALLOWED;
  const to = toOf(ctx.msg)?.uri;
  const contacts = contactsOf(ctx.msg);
  if (to === undefined) return REFUSED;
  if (contacts.length === 0 || contacts[0]!.star) return ALLOWED;
  if (to.length > MAX_TEXT) return REFUSED;
  const all = permissionsParams(ctx.program).check_all_branches !== 0;
  for (const contact of contacts) {
    const uri = plain(contact.uri);
    if (uri === undefined) return REFUSED;
    if (findRule(pair.allow, to, uri) && all) continue;
    if (findRule(pair.deny, to, uri)) return REFUSED;
  }
  return ALLOWED;
}

function checkUri(ctx: Context, pair: Pair, uri: string): number {
  if (isEmpty(pair)) return ALLOWED;
  const from = fromOf(ctx.msg)?.uri;
  if (from === undefined || from.length > MAX_TEXT || uri.length > MAX_TEXT) return REFUSED;
  if (findRule(pair.allow, from, uri)) return ALLOWED;
  return findRule(pair.deny, from, uri) ? REFUSED : ALLOWED;
}

/** One name with 0, 1 (base name) or 2 (both files) arguments. */
function byFiles(doc: string, check: (ctx: Context, pair: Pair) => number, routes: readonly 'any'[] | typeof REQUESTS) {
  const one = fn({
    doc: `${doc} The base name of two files.`,
    args: [raw('basename')],
    routes,
    run: (ctx, _p: unknown, base) => check(ctx, pairOfBase(ctx, base)),
  });
  const two = fn({
    doc: `${doc} The files that allow and refuse.`,
    args: [raw('allow'), raw('deny')],
    routes,
    run: (ctx, _p: unknown, allow, deny) => check(ctx, pairOf(ctx, allow, deny)),
  });
  return { one, two };
}

const routing = byFiles('May From send to the request URI?', checkRouting, ['any']);
const register = byFiles('May To register these contacts?', checkRegister, REQUESTS);

// ----------------------------------------------------------------- addresses

function find(ctx: Context, address: string, port: number, group?: number): AddressEntry | undefined {
  const entry = ctx.host.state(PERMISSIONS).addresses?.find(address, port, group);
  const key = entry?.tag === undefined ? undefined : tagKey(ctx);
  // a name found without its group sets no tag, in 5.6.3
  if (key !== undefined && (entry?.bytes !== undefined || group !== undefined)) addAvp(ctx.env, key, entry?.tag ?? '');
  return entry;
}

const yes = (entry: AddressEntry | undefined): number => (entry === undefined ? REFUSED : ALLOWED);
const groupOf = (entry: AddressEntry | undefined): number => entry?.group ?? REFUSED;

const FIRST_GROUP = 1;

// ------------------------------------------------------------------- trusted

function allowTrusted(ctx: Context, subject: Subject): number | Promise<number> {
  const state = ctx.host.state(PERMISSIONS);
  const { params: p } = state;
  if (p.db_mode === 1) return matchPeers(ctx, state.peers?.get(subject.source) ?? [], subject, p);
  if (state.database === undefined) return logNoDatabase(ctx);
  return readPeers(state.database, p, subject.source).then(
    (peers) => matchPeers(ctx, peers, subject, p),
    (e: unknown) => {
      if (!(e instanceof DbError)) throw e;
      ctx.host.log.write(LEVEL.ERR, 'permissions', `failed to query database: ${e.message}\n`);
      return REFUSED;
    },
  );
}

function asksDatabase(env: Pick<BindEnv, 'params'>): boolean {
  const { db_mode, db_url } = env.params('permissions');
  return db_mode === 0 && Boolean(db_url);
}

const functions: Readonly<Record<string, AnyFunction>> = {
  allow_routing: forms(
    fn({
      doc: 'May From send to the request URI? By the default files.',
      args: [],
      run: (ctx) => checkRouting(ctx, pairOf(ctx)),
    }),
    routing.one,
    routing.two,
  ),
  allow_register: forms(register.one, register.two),
  allow_uri: fn({
    doc: 'May From have to do with the URI in that variable? The base name of two files.',
    args: [raw('basename'), variable('uri')],
    routes: REQUESTS,
    run(ctx, _p: unknown, base, uri) {
      const value = uri.get(ctx);
      if (value === null || value === undefined || isInt(value)) return REFUSED;
      return checkUri(ctx, pairOfBase(ctx, base), toText(value));
    },
  }),
  allow_address: fn({
    doc: 'Is the address or name, with that port, in the group?',
    args: [int('group'), str('address'), int('port')],
    run: (ctx, _p: unknown, group, address, port) => yes(find(ctx, address, port, group)),
  }),
  allow_source_address: fn({
    doc: 'Is the source address in the group (1 when none is given)?',
    args: [opt(int('group'))],
    run(ctx, _p: unknown, group) {
      const { srcIp, srcPort } = ctx.msg.received;
      return yes(find(ctx, srcIp, srcPort, group ?? FIRST_GROUP));
    },
  }),
  allow_source_address_group: fn({
    doc: 'The number of the group that the source address is in; -1 none.',
    args: [],
    run(ctx) {
      const { srcIp, srcPort } = ctx.msg.received;
      return groupOf(find(ctx, srcIp, srcPort));
    },
  }),
  allow_address_group: fn({
    doc: 'The number of the group that the address is in; -1 none.',
    args: [str('address'), int('port')],
    run: (ctx, _p: unknown, address, port) => groupOf(find(ctx, address, port)),
  }),
  allow_trusted: forms(
    fn({
      doc: 'Is the sender a trusted peer?',
      args: [],
      waits: asksDatabase,
      run: (ctx) => allowTrusted(ctx, ownSubject(ctx)),
    }),
    fn({
      doc: 'Is that source, over that transport and with that From URI (else that of the request), a trusted peer?',
      args: [str('source'), str('proto'), opt(str('from'))],
      waits: asksDatabase,
      run(ctx, _p: unknown, source, name, from) {
        const proto = name.toLowerCase();
        if (isProto(proto)) return allowTrusted(ctx, { source, proto, from: from ?? ownSubject(ctx).from });
        ctx.host.log.write(LEVEL.ERR, 'permissions', `unknown protocol ${name}`);
        return REFUSED;
      },
    }),
  ),
};

export const permissions = defineModule({
  name: 'permissions',
  doc: 'Who may do what: rules in files, groups of addresses, trusted peers.',
  atStart: ['db_url', 'db_mode'],
  params,
  functions,
  rpc,
  async start(host): Promise<Permissions> {
    const state = new Permissions(host);
    await state.load();
    return state;
  },
  async reload(_host, state) {
    const permissionsState = state as Permissions;
    permissionsState.forgetRules();
    await permissionsState.load();
  },
  async stop(_host, state) {
    await (state as Permissions).database?.close();
  },
});
