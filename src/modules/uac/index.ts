/** Module uac: requests of one's own, replaced identities, answers to challenges, registrations elsewhere. */
import type { Context } from '../../runtime/context.js';
import { DbError } from '../../runtime/database.js';
import {
  defineModule,
  fn,
  forms,
  type Host,
  int,
  LEVEL,
  type PvAccessor,
  pvWith,
  str,
  variable,
} from '../../runtime/module.js';
import { parseUri } from '../../sip/uri.js';
import type { Side } from './address.js';
import { uacAuth } from './auth.js';
import { followLoaded } from './dialogs.js';
import { authVariables, bindParams, params, paramsOf, restoreMode, type UacParams } from './params.js';
import { loadAll, loadOne } from './registration-rows.js';
import { rpc } from './registration-rpc.js';
import { REG, type Registration, Registrations } from './registrations.js';
import { replaceAddress } from './replace.js';
import { isRequestField, requestField, sendRequest } from './request.js';
import { restoreAddress, restoreLater } from './restore.js';
import { UAC, type UacState } from './state.js';

const REPLACES = ['request', 'branch'] as const;
const SECOND = 1000;

const replaceFn = (side: Side, name: string) =>
  forms(
    fn({
      doc: `Gives ${name} another URI.`,
      args: [str('uri')],
      routes: REPLACES,
      run: (ctx, _p: unknown, uri) => replaceAddress(ctx, side, { display: undefined, uri }),
    }),
    fn({
      doc: `Gives ${name} another display name and URI; an empty name takes it off, an empty URI changes nothing.`,
      args: [str('display'), str('uri')],
      routes: REPLACES,
      run: (ctx, _p: unknown, display, uri) => replaceAddress(ctx, side, { display, uri }),
    }),
  );

const restoreFn = (side: Side, name: string) =>
  fn({
    doc: `Puts the ${name} back in a request of the dialog, by what our Route keeps.`,
    args: [],
    routes: ['request'],
    run: (ctx) => (ctx.msg.isRequest && restoreAddress(ctx, side) !== 0 ? 1 : -1),
  });

const authDoc = 'Answers the challenge of the branch that failed: the next t_relay() carries it.';

// ----------------------------------------------------------- registrations

function registrations(ctx: Context): Registrations | undefined {
  const all = ctx.host.state(UAC).registrations;
  if (all === undefined) ctx.host.log.write(LEVEL.ERR, 'uac', 'uac remote registrations not enabled\n');
  return all;
}

/** The account of a URI's user. */
function ofUri(ctx: Context, text: string): Registration | undefined {
  const uri = parseUri(text);
  const domain = paramsOf(ctx.program).reg_use_domain === 0 ? undefined : uri?.host;
  return uri === undefined ? undefined : registrations(ctx)?.byUser(uri.user ?? '', domain);
}

function status(ctx: Context, r: Registration | undefined): number {
  if (r === undefined) return -1;
  if (registrations(ctx)?.isOnline(r)) return 1;
  if (r.has(REG.ONGOING)) return -2;
  return r.has(REG.DISABLED) ? -3 : -99;
}

function setDisabled(ctx: Context, attribute: string, value: string, disabled: boolean): number {
  const all = registrations(ctx);
  if (all === undefined || attribute === '' || value === '') return -1;
  const r = all.find(attribute, value);
  if (r === undefined) return -2;
  if (r === null) return -3;
  all.setDisabled(r, disabled);
  return 1;
}

const MODE = { BY_USER: 1, HASHED: 2 } as const;

/** Sends the request in view to where an account is registered, with its credentials at hand. */
function requestTo(ctx: Context, name: string, mode: number): number {
  const byUser = (mode & MODE.BY_USER) !== 0;
  if (byUser && paramsOf(ctx.program).reg_use_domain !== 0 && parseUri(name) === undefined) return -2;
  const all = registrations(ctx);
  const r = !byUser
    ? all?.byUuid.get(name)
    : paramsOf(ctx.program).reg_use_domain === 0
      ? all?.byUser(name, undefined)
      : ofUri(ctx, name);
  const variables = authVariables(ctx.program);
  if (r === undefined || variables === undefined) return -1;
  const { account } = r;
  ctx.msg.newUri = `sip:${account.remoteUser}@${account.remoteDomain}`;
  ctx.msg.uriIsNew = true;
  ctx.msg.dstUri = account.proxy;
  variables.realm.set?.(ctx, account.realm);
  variables.user.set?.(ctx, account.authUser);
  variables.password.set?.(ctx, (mode & MODE.HASHED) === 0 ? account.password : account.ha1);
  return 1;
}

function write(ctx: Context, target: PvAccessor, value: string | undefined): number {
  if (value === undefined) return -1;
  return target.set?.(ctx, value) === false ? -1 : 1;
}

function startRegistrations(host: Host, state: UacState): void {
  const all = state.registrations;
  if (all === undefined) return;
  const { reg_timer_interval } = paramsOf(host.program);
  state.timer = host.clock.every(Math.max(reg_timer_interval, 1) * SECOND, () => all.look());
  all.look();
}

export const uac = defineModule({
  name: 'uac',
  doc: 'The server as a client: requests of its own, From and To replaced, challenges answered, accounts registered elsewhere.',
  needs: ['tm'],
  params,
  atStart: ['reg_db_url'],
  events: { 'uac:reply': 'The reply to a request of uac_req_send(), where $uac_req(evroute) asks for it.' },
  functions: {
    uac_replace_from: replaceFn('from', 'From'),
    uac_replace_to: replaceFn('to', 'To'),
    uac_restore_from: restoreFn('from', 'From URI'),
    uac_restore_to: restoreFn('to', 'To URI'),
    uac_auth: forms(
      fn({ doc: authDoc, args: [], routes: ['failure'], run: (ctx) => uacAuth(ctx, 0) }),
      fn({
        doc: `${authDoc} Mode 1: the password is H(user:realm:password).`,
        args: [int('mode')],
        routes: ['failure'],
        run: (ctx, _p: unknown, mode) => uacAuth(ctx, mode),
      }),
    ),
    uac_auth_mode: fn({
      doc: `${authDoc} Mode 1: the password is H(user:realm:password).`,
      args: [int('mode')],
      routes: ['failure'],
      run: (ctx, _p: unknown, mode) => uacAuth(ctx, mode),
    }),
    uac_req_send: fn({
      doc: 'Sends the request that $uac_req(…) describes; with auser and apasswd a challenge is answered.',
      args: [],
      run: (ctx) => sendRequest(ctx),
    }),
    uac_reg_lookup: fn({
      doc: 'Writes the local URI of the account with that l_uuid into a variable.',
      args: [str('uuid'), variable('target', { writable: true })],
      run(ctx, _p: unknown, uuid, target) {
        const account = registrations(ctx)?.byUuid.get(uuid)?.account;
        return write(ctx, target, account && `sip:${account.localUser}@${account.localDomain}`);
      },
    }),
    uac_reg_lookup_uri: fn({
      doc: 'Writes the l_uuid of the account with that local URI into a variable; -2: it is no URI.',
      args: [str('uri'), variable('target', { writable: true })],
      run(ctx, _p: unknown, uri, target) {
        if (parseUri(uri) === undefined) return -2;
        return write(ctx, target, ofUri(ctx, uri)?.account.uuid);
      },
    }),
    uac_reg_status: fn({
      doc: 'Is the account with that l_uuid registered? -2 it is being registered, -3 it is disabled, -99 not yet.',
      args: [str('uuid')],
      run: (ctx, _p: unknown, uuid) => status(ctx, registrations(ctx)?.byUuid.get(uuid)),
    }),
    uac_reg_request_to: fn({
      doc: 'Makes the remote end of an account the destination and sets the variables of uac_auth(). Mode 1: by local user, not l_uuid; 2: the password is the hash.',
      args: [str('account'), int('mode')],
      routes: ['request', 'failure', 'branch'],
      check: (_args, env) =>
        env.params('uac').auth_username_avp
          ? undefined
          : 'auth_username_avp, auth_realm_avp and auth_password_avp are not set',
      run: (ctx, _p: unknown, account, mode) => requestTo(ctx, account, mode),
    }),
    uac_reg_enable: fn({
      doc: 'Lets an account register again; -2 there is none, -3 it cannot be found by that attribute.',
      args: [str('attribute'), str('value')],
      run: (ctx, _p: unknown, attribute, value) => setDisabled(ctx, attribute, value, false),
    }),
    uac_reg_disable: fn({
      doc: 'An account is not refreshed any more; -2 there is none, -3 it cannot be found by that attribute.',
      args: [str('attribute'), str('value')],
      run: (ctx, _p: unknown, attribute, value) => setDisabled(ctx, attribute, value, true),
    }),
    uac_reg_refresh: fn({
      doc: 'Reads the account of that l_uuid anew from the database.',
      args: [str('uuid')],
      waits: true,
      async run(ctx, _p: unknown, uuid) {
        const all = registrations(ctx);
        if (all === undefined || uuid === '') return -1;
        return (await loadOne(all, uuid)) === 1 ? 1 : -1;
      },
    }),
  },
  pvs: {
    uac_req: pvWith({
      doc: 'Parts of the request to send: method, ruri, furi, turi, ouri (next hop), callid, sock, hdrs, body, auser, apasswd, flags (1: the password is a hash), evroute (1: event_route[uac:reply] runs, 2: for failures), evparam; in that route evcode and evtype (1 a reply, 2 a timeout). all = $null clears them.',
      writable: true,
      bind(use, env) {
        const name = use.key?.kind === 'text' ? use.key.text : '';
        if (!isRequestField(name)) return { error: `unknown uac_req name ${use.key?.text ?? ''}` };
        return { ok: requestField(name, env.vars) };
      },
    }),
  },
  rpc,
  check(values, env) {
    const problems = bindParams(values, env);
    const p = values as unknown as UacParams;
    const restores = restoreMode(p) !== 'none';
    if (restores && env.params('rr').append_fromtag === undefined)
      problems.push(`restore_mode ${p.restore_mode} needs module rr`);
    else if (restoreMode(p) === 'auto' && p.restore_dlg === 0 && env.params('rr').append_fromtag === 0)
      problems.push('restore_mode auto needs append_fromtag of module rr');
    if (restores && (p.rr_from_store_param === '' || p.rr_to_store_param === ''))
      problems.push('rr_from_store_param and rr_to_store_param cannot be empty');
    if (restoreMode(p) === 'auto' && p.restore_dlg !== 0 && env.params('dialog').dlg_match_mode === undefined)
      problems.push('restore_dlg needs module dialog');
    if (p.reg_db_url && !p.reg_contact_addr) problems.push('reg_db_url needs reg_contact_addr');
    return problems;
  },
  async start(host, values): Promise<UacState> {
    restoreLater(host);
    const { reg_db_url, reg_active } = values as unknown as UacParams;
    const state: UacState = { registrations: undefined, timer: undefined };
    if (!reg_db_url) return state;
    const all = new Registrations(host, reg_active !== 0);
    state.registrations = all;
    host.statistics.set('uac.regtotal', () => all.byUuid.size);
    host.statistics.set('uac.regactive', () => all.count(REG.ONLINE));
    host.statistics.set('uac.regdisabled', () => all.count(REG.DISABLED));
    try {
      await loadAll(all);
    } catch (e) {
      if (!(e instanceof DbError)) throw e;
      host.log.write(LEVEL.ERR, 'uac', `${e.message}\n`);
    }
    return state;
  },
  ready(host, state) {
    followLoaded(host);
    startRegistrations(host, state as UacState);
  },
  reload(host, state) {
    (state as UacState).timer?.cancel();
    startRegistrations(host, state as UacState);
  },
  stop: (_host, state) => (state as UacState).timer?.cancel(),
});
