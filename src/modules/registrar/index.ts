/** Module registrar: REGISTER, and the way to who is registered (sip.md, section 7). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import {
  type AnyFunction,
  type BindEnv,
  defineModule,
  fn,
  type Host,
  int,
  opt,
  parsed,
  raw,
  str,
} from '../../runtime/module.js';
import { toOf } from '../../sip/header.js';
import { type AorRecord, type Contact, DB_MODE, type Domain, usrlocOf } from '../usrloc/index.js';
import { aorOf } from './aor.js';
import { type LookupMode, lookup, lookupBranches, registered } from './lookup.js';
import { params, registrarParams } from './params.js';
import { sendRegistrarReply } from './reply.js';
import { clearRecord, SAVE, save } from './save.js';
import { dropProfile, setProfile, ulc } from './ulc.js';

const BOTH = ['request', 'failure'] as const;
const WITH_REPLIES = ['request', 'failure', 'reply'] as const;

const table = (name = 'table') => parsed<string>(name, 'table', (text) => ({ ok: text }));

function domainOf(ctx: Context, name: string): Domain {
  return usrlocOf(ctx.host).domain(name);
}

/** Numbers as strno2int() takes them: decimal, 0x… or 0…. */
const saveFlags = parsed<number>('flags', 'save flags', (text, env) => {
  const n = /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(n <= SAVE.ALL)) return { error: `bad flags <${text}>` };
  if ((n & SAVE.MEMORY) !== 0 && env.params('usrloc').db_mode === DB_MODE.ONLY)
    return { error: 'flag 1 (memory only) cannot be with db_mode 3 of usrloc' };
  return { ok: n };
});

/** Such a function waits for the database only where there is one to be asked. */
function asksDatabase(env: Pick<BindEnv, 'params'>, writes: boolean): boolean {
  const mode = env.params('usrloc').db_mode;
  return mode === DB_MODE.ONLY || (writes && mode === DB_MODE.WRITE_THROUGH);
}

const reading = (env: Pick<BindEnv, 'params'>) => asksDatabase(env, false);
const writing = (env: Pick<BindEnv, 'params'>) => asksDatabase(env, true);

function emptyUri(ctx: Context): number {
  ctx.host.log.write(LEVEL.ERR, 'registrar', 'invalid uri parameter\n');
  return -1;
}

function lookupFn(mode: LookupMode, doc: string): AnyFunction {
  return fn({
    doc,
    args: [table(), opt(str('uri'))],
    routes: BOTH,
    waits: reading,
    run: (ctx, _p: unknown, name, uri) => (uri === '' ? emptyUri(ctx) : lookup(ctx, domainOf(ctx, name), uri, mode)),
  });
}

// ---------------------------------------------------------------- unregister

const NO_AOR = -1;
const NOT_REMOVED = -2;
const NO_CONTACT = -3;

function removed(ctx: Context): number | Promise<number> {
  const written = usrlocOf(ctx.host).written();
  return written === undefined
    ? 1
    : written.then(
        () => 1,
        () => NOT_REMOVED,
      );
}

function unregister(ctx: Context, domain: Domain, uri: string, ruid = ''): number | Promise<number> {
  const aor = aorOf(ctx, uri === '' ? (toOf(ctx.msg)?.uri ?? '') : uri);
  if ('error' in aor && (ruid === '' || uri !== '')) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to extract Address Of Record\n');
    return NO_AOR;
  }
  if (ruid !== '') return unregisterOne(ctx, domain, uri !== '' && 'aor' in aor ? aor.aor : '', ruid);
  const usrloc = usrlocOf(ctx.host);
  const found = usrloc.find(domain, 'aor' in aor ? aor.aor : '');
  const clear = (record: AorRecord | undefined) => {
    if (record !== undefined) clearRecord(ctx, domain, record);
    return removed(ctx);
  };
  return found instanceof Promise ? found.then(clear, () => NOT_REMOVED) : clear(found);
}

/** `aor` '': it is not told. */
function unregisterOne(ctx: Context, domain: Domain, aor: string, ruid: string): number | Promise<number> {
  const usrloc = usrlocOf(ctx.host);
  const take = (record: AorRecord | undefined, contact: Contact | undefined): number | Promise<number> => {
    if (record === undefined || contact === undefined) return NO_CONTACT;
    usrloc.remove(domain, record, contact);
    usrloc.release(domain, record);
    return removed(ctx);
  };
  if (aor === '') {
    if (usrloc.params.db_mode !== DB_MODE.ONLY || usrloc.storage === null) return NOT_REMOVED;
    return usrloc.removeByRuid(domain, ruid).then(
      (gone) => (gone ? 1 : NO_CONTACT),
      () => NOT_REMOVED,
    );
  }
  const found = usrloc.find(domain, aor);
  const pick = (record: AorRecord | undefined) =>
    take(
      record,
      record?.contacts.find((c) => c.ruid === ruid),
    );
  return found instanceof Promise ? found.then(pick, () => NOT_REMOVED) : pick(found);
}

// ------------------------------------------------------------------ contacts

function fetchContacts(ctx: Context, domain: Domain, uri: string, profile: string): number | Promise<number> {
  dropProfile(ctx.host, profile);
  if (uri === '') return emptyUri(ctx);
  const aor = aorOf(ctx, uri);
  if ('error' in aor) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to extract Address Of Record\n');
    return -1;
  }
  const keep = (record: AorRecord | undefined) => {
    if (record === undefined) return -1;
    setProfile(ctx.host, profile, domain.name, aor.aor, record.contacts);
    return 1;
  };
  const found = usrlocOf(ctx.host).find(domain, aor.aor);
  return found instanceof Promise ? found.then(keep, () => -1) : keep(found);
}

const EXPIRED = 'usrloc:contact-expired';
const EXPIRED_PROFILE = 'exp';

function tellExpired(host: Host, contact: Readonly<Contact>): void {
  if (!host.program.routes.event.has(EXPIRED)) return;
  setProfile(host, EXPIRED_PROFILE, contact.domain, contact.aor, [contact]);
  const done = host.runEvent(EXPIRED);
  if (done instanceof Promise) host.detach(done, `event_route[${EXPIRED}]`);
}

function addSocketHeader(ctx: Context, name: string): number {
  if (name === '') return -1;
  const { msg } = ctx;
  msg.edits.insert(msg.headersEnd, `${name}: ${msg.received.socket.text}\r\n`);
  return 1;
}

const registeredArgs = [table(), opt(str('uri')), opt(int('match_flags')), opt(int('action_flags'))] as const;

const functions: Readonly<Record<string, AnyFunction>> = {
  save: fn({
    doc: 'Takes a REGISTER in and answers it: 1 contacts added, 2 updated, 3 removed, 4 only listed; -1 refused, -2 too many contacts. Flags: 1 memory only, 2 no reply, 4 replace all others, 8 no variation of expires, 16 with 2: prepare the reply.',
    args: [table(), opt(saveFlags), opt(str('uri'))],
    routes: WITH_REPLIES,
    waits: writing,
    example: 'save("location");',
    run(ctx, _p: unknown, name, flags = 0, uri = undefined) {
      return uri === '' ? emptyUri(ctx) : save(ctx, domainOf(ctx, name), flags, uri);
    },
  }),
  lookup: lookupFn(
    'rewrite',
    'Sends the request to where the address is registered: 1; -1 nowhere, -2 not for this method, -3 no address.',
  ),
  lookup_to_dset: lookupFn('append', 'As lookup(), but all contacts become branches and the request URI stays.'),
  lookup_branches: fn({
    doc: 'lookup() for the request URI and for each branch.',
    args: [table()],
    routes: BOTH,
    waits: reading,
    run: (ctx, _p: unknown, name) => lookupBranches(ctx, domainOf(ctx, name)),
  }),
  registered: fn({
    doc: 'Is the address registered? Match flags (values in xavp_cfg): 1 match_callid, 2 match_received, 4 match_contact; action flags: 1 give the XAVPs of the contact, 2 do not fill xavp_rcd.',
    args: registeredArgs,
    waits: reading,
    run: (ctx, _p: unknown, name, uri, match, actions) =>
      uri === '' ? emptyUri(ctx) : registered(ctx, domainOf(ctx, name), uri, match ?? 0, actions ?? 0),
  }),
  unregister: fn({
    doc: 'Removes all contacts of an address, or the one with that ruid: 1, also when nothing is there.',
    args: [table(), str('uri'), opt(str('ruid'))],
    waits: writing,
    run(ctx, _p: unknown, name, uri, ruid) {
      if (ruid === undefined && uri === '') return emptyUri(ctx);
      return ruid === '' ? -1 : unregister(ctx, domainOf(ctx, name), uri, ruid);
    },
  }),
  reg_fetch_contacts: fn({
    doc: 'Copies the contacts of an address, for $ulc(profile=>attribute).',
    args: [table(), str('uri'), raw('profile')],
    routes: BOTH,
    waits: reading,
    run: (ctx, _p: unknown, name, uri, profile) => fetchContacts(ctx, domainOf(ctx, name), uri, profile),
  }),
  reg_free_contacts: fn({
    doc: 'Drops what reg_fetch_contacts() copied.',
    args: [raw('profile')],
    routes: BOTH,
    run(ctx, _p: unknown, profile) {
      dropProfile(ctx.host, profile);
      return 1;
    },
  }),
  reg_send_reply: fn({
    doc: 'Answers with what the last save() without reply came to.',
    args: [],
    routes: BOTH,
    run: (ctx) => sendRegistrarReply(ctx),
  }),
  add_sock_hdr: fn({
    doc: 'Adds a header with the socket that the request came to.',
    args: [str('name')],
    routes: ['request'],
    run: (ctx, _p: unknown, name) => addSocketHeader(ctx, name),
  }),
};

const COUNTERS = ['accepted_regs', 'rejected_regs', 'expires_range', 'default_expires_range'];

export const registrar = defineModule({
  name: 'registrar',
  doc: 'Takes registrations in and finds who is registered.',
  params,
  needs: ['sl', 'usrloc'],
  functions,
  pvs: { ulc },
  events: {
    [EXPIRED]: 'A contact has expired; $ulc(exp=>…) tells of it.',
  },
  check(values) {
    return values.flow_timer !== 0 && values.outbound_mode === 0 ? ['flow_timer needs outbound_mode 1 or 2'] : [];
  },
  start(host) {
    for (const name of COUNTERS) host.statistics.set(`registrar.${name}`, 0);
    const settings = () => registrarParams(host.program);
    host.statistics.set('registrar.max_expires', () => settings().max_expires);
    host.statistics.set('registrar.max_contacts', () => settings().max_contacts);
    host.statistics.set('registrar.default_expire', () => settings().default_expires);
    usrlocOf(host).onChange((kind, contact) => {
      if (kind === 'expire') tellExpired(host, contact);
    });
    return undefined;
  },
});
