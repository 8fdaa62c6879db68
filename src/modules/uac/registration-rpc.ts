/** RPC commands uac.reg_*. */
import { DbError } from '../../runtime/database.js';
import { type Host, LEVEL, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { paramsOf } from './params.js';
import { loadAll, loadOne, passwordProblem } from './registration-rows.js';
import type { Registration, Registrations } from './registrations.js';
import { UAC } from './state.js';

const FAULT = 500;
const BAD = 400;
const NOT_FOUND = 404;
const CONFLICT = 409;

function registrationsOf(host: Host): Registrations {
  const { registrations } = host.state(UAC);
  if (registrations === undefined) throw new RpcFault(FAULT, 'Not enabled');
  return registrations;
}

function text(args: readonly RpcValue[], i: number): string {
  const value = args[i];
  if (value === undefined || value === null || typeof value === 'object') throw new RpcFault(BAD, 'Invalid Parameters');
  return `${value}`;
}

function found(host: Host, args: readonly RpcValue[]): Registration {
  const all = registrationsOf(host);
  const [attribute, value] = [text(args, 0), text(args, 1)];
  if (attribute === '' || value === '') throw new RpcFault(BAD, 'Invalid Parameter Values');
  const r = all.find(attribute, value);
  if (r === undefined) throw new RpcFault(NOT_FOUND, 'Record not found');
  if (r === null) throw new RpcFault(BAD, 'Unsupported filter attribute');
  return r;
}

const orNone = (value: string): string => value || 'none';

function shown(host: Host, r: Registration): RpcValue {
  const { account: a } = r;
  return {
    l_uuid: a.uuid,
    l_username: a.localUser,
    l_domain: a.localDomain,
    r_username: a.remoteUser,
    r_domain: a.remoteDomain,
    realm: a.realm || null,
    auth_username: a.authUser,
    auth_password: orNone(a.password),
    auth_ha1: orNone(a.ha1),
    auth_proxy: orNone(a.proxy),
    expires: r.expires,
    flags: r.flags,
    diff_expires: r.runsOut - Math.floor(host.clock.now() / 1000),
    timer_expires: r.runsOut,
    reg_init: r.since,
    reg_delay: r.delay,
    contact_addr: orNone(a.contact),
    socket: a.socket || null,
  };
}

function add(host: Host, args: readonly RpcValue[]): undefined {
  const all = registrationsOf(host);
  const dotted = (i: number) => (text(args, i) === '.' ? '' : text(args, i));
  const number = (i: number) => Number.parseInt(text(args, i), 10) || 0;
  const [password, ha1] = [dotted(7), dotted(8)];
  if (passwordProblem(password, ha1) !== undefined)
    throw new RpcFault(FAULT, 'Failed to add record - invalid password or ha1');
  const uuid = text(args, 0);
  if (all.byUuid.has(uuid)) throw new RpcFault(CONFLICT, 'uuid already exists');
  const account = {
    uuid,
    localUser: text(args, 1),
    localDomain: text(args, 2),
    remoteUser: text(args, 3),
    remoteDomain: text(args, 4),
    realm: text(args, 5),
    authUser: text(args, 6),
    password,
    ha1: ha1.toLowerCase(),
    proxy: text(args, 9),
    socket: text(args, 13),
    contact: dotted(14) || (paramsOf(host.program).reg_contact_addr ?? ''),
    delay: number(12),
  };
  all.add(account, number(11), number(10));
  return undefined;
}

async function reload(host: Host): Promise<undefined> {
  const all = registrationsOf(host);
  const wait = paramsOf(host.program).reg_gc_interval;
  if (all.reloaded > host.clock.now() - wait * 1000) {
    host.log.write(LEVEL.ERR, 'uac', `the table cannot be read again in less than ${wait} secs\n`);
    throw new RpcFault(FAULT, 'Failed to shift records - check log messages');
  }
  all.reloaded = host.clock.now();
  try {
    await loadAll(all);
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'uac', `${e.message}\n`);
    throw new RpcFault(FAULT, 'Failed to reload records - check log messages');
  }
  return undefined;
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'uac.reg_dump': {
    doc: 'Lists the accounts that are registered elsewhere.',
    returnsArray: true,
    run: (host) => [...registrationsOf(host).byUuid.values()].map((r) => shown(host, r)),
  },
  'uac.reg_info': {
    doc: 'Shows the account of which l_uuid, l_username, r_username or auth_username has that value.',
    run: (host, args) => shown(host, found(host, args)),
  },
  'uac.reg_enable': {
    doc: 'Lets that account register again: attribute and value.',
    run: (host, args) => registrationsOf(host).setDisabled(found(host, args), false) as undefined,
  },
  'uac.reg_disable': {
    doc: 'That account is not refreshed any more: attribute and value.',
    run: (host, args) => registrationsOf(host).setDisabled(found(host, args), true) as undefined,
  },
  'uac.reg_unregister': {
    doc: 'Ends the registration of that account now: attribute and value.',
    run(host, args) {
      const r = found(host, args);
      r.expires = 0;
      registrationsOf(host).register(r);
      return undefined;
    },
  },
  'uac.reg_reload': { doc: 'Reads all accounts anew from the database.', run: (host) => reload(host) },
  'uac.reg_refresh': {
    doc: 'Reads the account of that l_uuid anew.',
    async run(host, args) {
      const code = await loadOne(registrationsOf(host), text(args, 0));
      if (code === 0) throw new RpcFault(NOT_FOUND, 'Record not found');
      if (code < 0) throw new RpcFault(FAULT, 'Failed to refresh record - check log messages');
      return undefined;
    },
  },
  'uac.reg_remove': {
    doc: 'Forgets the account of that l_uuid; the database keeps it.',
    run(host, args) {
      if (!registrationsOf(host).byUuid.delete(text(args, 0))) throw new RpcFault(NOT_FOUND, 'Record not found');
      return undefined;
    },
  },
  'uac.reg_add': {
    doc: 'Adds an account, not to the database: l_uuid l_username l_domain r_username r_domain realm auth_username auth_password auth_ha1 auth_proxy expires flags reg_delay socket contact_addr; a dot where password, ha1 or contact is none.',
    run: add,
  },
  'uac.reg_active': {
    doc: 'Registrations go on (1) or rest (0).',
    run(host, args) {
      const all = registrationsOf(host);
      const wanted = args[0];
      if (wanted === undefined) throw new RpcFault(FAULT, 'Missing parameter');
      const omode = all.active ? 1 : 0;
      all.active = Number(wanted) !== 0;
      return { omode, nmode: Number(wanted) };
    },
  },
};
