/** lookup() and its kin: from an address to where it is registered. */
import type { Context } from '../../runtime/context.js';
import { addBranch } from '../../runtime/destination-set.js';
import { LEVEL } from '../../runtime/host.js';
import { XavpList } from '../../runtime/xavp.js';
import { firstAddress } from '../../sip/address.js';
import { methodId, toOf } from '../../sip/header.js';
import { type Branch, branch, type SipMessage } from '../../sip/message.js';
import { parseUri, type SipUri, uriParam } from '../../sip/uri.js';
import { type AorRecord, type Contact, type Domain, isValid, sameInstance, usrlocOf } from '../usrloc/index.js';
import { aorOf } from './aor.js';
import { registrarParams } from './params.js';
import { addRecord } from './record-xavp.js';
import { intSetting, textSetting } from './settings.js';

const FOUND = 1;
const NOT_FOUND = -1;
const METHOD_NOT_ALLOWED = -2;
const FAILED = -3;

/** Does the script get a new request URI, or branches alone? */
export type LookupMode = 'rewrite' | 'append';

type Filter = (contact: Contact) => boolean;

const FILTER = { BRANCH_FLAGS: 1, CONNECTION: 2 } as const;

/** What `lookup_filter_mode` lets pass. */
function modeFilter(ctx: Context): Filter {
  const mode = registrarParams(ctx.program).lookup_filter_mode;
  if (mode === 0) return () => true;
  const wanted = (mode & FILTER.BRANCH_FLAGS) !== 0 ? (intSetting(ctx, 'rlf_bflags') ?? 0) : 0;
  const open = (mode & FILTER.CONNECTION) !== 0 ? openConnections(ctx) : undefined;
  return (c) => {
    if (wanted !== 0 && (wanted & c.cflags) === 0) return false;
    return open === undefined || c.connection <= 0 || open.has(c.connection);
  };
}

function openConnections(ctx: Context): ReadonlySet<number> {
  return new Set((ctx.host.streams?.() ?? []).filter((s) => s.connected).map((s) => s.id));
}

function inForce(ctx: Context): Filter {
  if (registrarParams(ctx.program).use_expired_contacts !== 0) return () => true;
  const now = usrlocOf(ctx.host).now();
  return (c) => isValid(c, now);
}

function allowsMethod(ctx: Context): Filter {
  if (registrarParams(ctx.program).method_filtering === 0) return () => true;
  if (toOf(ctx.msg)?.tag !== undefined) return () => true;
  const bit = methodId(ctx.msg.method);
  return (c) => (c.methods & bit) !== 0;
}

// -------------------------------------------------------------------- lookup

export function lookup(
  ctx: Context,
  domain: Domain,
  uri: string | undefined,
  mode: LookupMode,
): number | Promise<number> {
  const aor = aorOf(ctx, uri ?? ctx.msg.uri);
  if ('error' in aor) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to extract address of record\n');
    return FAILED;
  }
  const gr = uriParam(aor.uri, 'gr');
  if (gr === '') return lookupTemporary(ctx, domain, aor.uri, mode);
  const found = usrlocOf(ctx.host).find(domain, aor.aor);
  if (found instanceof Promise)
    return found.then(
      (record) => useRecord(ctx, record, gr, mode),
      () => FAILED,
    );
  return useRecord(ctx, found, gr, mode);
}

function useRecord(ctx: Context, record: AorRecord | undefined, gr: string | undefined, mode: LookupMode): number {
  if (record === undefined) return NOT_FOUND;
  const valid = inForce(ctx);
  const allowed = allowsMethod(ctx);
  const passes = modeFilter(ctx);
  const known = record.contacts.filter(valid);
  const able = known.filter(allowed);
  const which = gr === undefined ? passes : (c: Contact) => sameInstance(gr, c.instance);
  const first = able.findIndex(which);
  if (first < 0) {
    const other = record.contacts.some((c) => valid(c) && !allowed(c));
    return other ? METHOD_NOT_ALLOWED : NOT_FOUND;
  }
  const [best, ...rest] = able.slice(first);
  if (mode === 'rewrite' && !useContact(ctx, best!)) return FAILED;
  const others = mode === 'rewrite' ? rest : able.slice(first);
  if (gr !== undefined || registrarParams(ctx.program).append_branches === 0) return FOUND;
  for (const contact of others) if (passes(contact)) appendContact(ctx, contact);
  return FOUND;
}

/** A temporary GRUU: its user is ruid and hash of one contact. */
function lookupTemporary(ctx: Context, domain: Domain, uri: SipUri, mode: LookupMode): number {
  const user = uri.user ?? '';
  const cut = user.lastIndexOf('-');
  if (cut < 0 || !/^[0-9a-fA-F]*$/.test(user.slice(cut + 1))) return FAILED;
  const found = usrlocOf(ctx.host).findByRuid(domain, user.slice(0, cut));
  if (found === undefined) return NOT_FOUND;
  const { contact } = found;
  if (!inForce(ctx)(contact)) return NOT_FOUND;
  if (!allowsMethod(ctx)(contact)) return METHOD_NOT_ALLOWED;
  return mode !== 'rewrite' || useContact(ctx, contact) ? FOUND : FAILED;
}

/** Where a contact is reached, from its Path or the address it came from. */
interface Way {
  readonly dstUri: string | null;
  readonly path: string | null;
}

function wayTo(ctx: Context, contact: Contact): Way | undefined {
  const { received, path } = contact;
  const byAddress: Way = { dstUri: received || null, path: null };
  if (path === '') return byAddress;
  const first = firstAddress(path);
  if (first === undefined) return undefined;
  if (registrarParams(ctx.program).path_check_local === 0) return { dstUri: first, path };
  const uri = parseUri(first);
  if (uri === undefined) return undefined;
  if (!ctx.host.isMyself(uri.host, 0)) return { dstUri: first, path };
  // what stands before the comma is `<first>`
  const rest = path.slice(path.indexOf('>') + 1).replace(/^\s*(;[^,]*)?,\s*/, '');
  const second = rest === '' || rest === path ? undefined : firstAddress(rest);
  return second === undefined ? byAddress : { dstUri: second, path: rest };
}

/** Makes the contact the destination of the request. */
function useContact(ctx: Context, contact: Contact): boolean {
  const { msg } = ctx;
  msg.newUri = contact.uri;
  msg.dstUri = null;
  addRecord(ctx, contact);
  const way = wayTo(ctx, contact);
  if (way === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to get dst_uri for Path\n');
    return false;
  }
  if (way.path !== null) msg.path = way.path;
  if (way.dstUri !== null) msg.dstUri = way.dstUri;
  if (contact.instance !== '') msg.instance = contact.instance;
  if (contact.ruid !== '') msg.ruid = contact.ruid;
  if (contact.userAgent !== '') msg.locationUa = contact.userAgent;
  msg.q = contact.q;
  msg.branchFlags |= contact.cflags;
  if (contact.socket !== null) msg.sendSocket = contact.socket;
  giveXavp(ctx, contact);
  return true;
}

function appendContact(ctx: Context, contact: Contact): void {
  const way = wayTo(ctx, contact);
  if (way === undefined) return;
  const added = addBranch(
    ctx,
    branch(contact.uri, {
      ...way,
      q: contact.q,
      flags: contact.cflags,
      socket: contact.socket,
      instance: contact.instance || null,
      regId: contact.instance === '' ? 0 : contact.regId,
      ruid: contact.ruid || null,
      locationUa: contact.userAgent || null,
      otcpid: contact.connection,
    }),
  );
  if (added) giveXavp(ctx, contact);
}

/** What `xavp_contact` kept with the contact. */
function giveXavp(ctx: Context, { xavp }: Contact): void {
  for (const { name, value } of xavp ?? []) ctx.env.xavps.add(name, value instanceof XavpList ? value.clone() : value);
}

// ----------------------------------------------------------- lookup_branches

type Target = Pick<
  SipMessage,
  'newUri' | 'dstUri' | 'path' | 'q' | 'sendSocket' | 'branchFlags' | 'instance' | 'ruid' | 'locationUa'
>;

function targetOf({
  newUri,
  dstUri,
  path,
  q,
  sendSocket,
  branchFlags,
  instance,
  ruid,
  locationUa,
}: SipMessage): Target {
  return { newUri, dstUri, path, q, sendSocket, branchFlags, instance, ruid, locationUa };
}

const NO_TARGET: Target = {
  newUri: null,
  dstUri: null,
  path: null,
  q: -1,
  sendSocket: null,
  branchFlags: 0,
  instance: null,
  ruid: null,
  locationUa: null,
};

/** A branch that is nothing but a URI. */
function isPlain(b: Branch): boolean {
  return b.uri !== '' && b.dstUri === null && b.path === null && b.socket === null && b.flags === 0;
}

/** Looks the request URI up, and each branch that was there before. */
export function lookupBranches(ctx: Context, domain: Domain): number | Promise<number> {
  const before = ctx.msg.branches.slice();
  const own = lookup(ctx, domain, undefined, 'rewrite');
  if (before.length === 0) return own;
  return own instanceof Promise
    ? own.then((code) => lookupOthers(ctx, domain, before, code))
    : lookupOthers(ctx, domain, before, own);
}

function lookupOthers(
  ctx: Context,
  domain: Domain,
  branches: readonly Branch[],
  own: number,
): number | Promise<number> {
  const { msg } = ctx;
  const target = targetOf(msg);
  let found = own > 0;
  let code = own;
  const take = (b: Branch, result: number) => {
    code = result;
    if (result > 0) {
      found = true;
      moveTo(b, msg);
    }
    Object.assign(msg, NO_TARGET);
  };
  const end = () => {
    Object.assign(msg, target);
    return found ? FOUND : code;
  };
  const next = (at: number): number | Promise<number> => {
    for (let i = at; i < branches.length; i++) {
      const b = branches[i]!;
      if (!isPlain(b)) continue;
      msg.newUri = b.uri;
      const result = lookup(ctx, domain, undefined, 'rewrite');
      if (result instanceof Promise)
        return result.then((later) => {
          take(b, later);
          return next(i + 1);
        });
      take(b, result);
    }
    return end();
  };
  Object.assign(msg, NO_TARGET);
  return next(0);
}

function moveTo(b: Branch, msg: SipMessage): void {
  b.uri = msg.uri;
  b.dstUri = msg.dstUri;
  b.path = msg.path;
  b.q = msg.q;
  b.socket = msg.sendSocket;
  b.flags = msg.branchFlags;
}

// ---------------------------------------------------------------- registered

const MATCH_BY = { CALLID: 1, RECEIVED: 2, CONTACT: 4 } as const;
const ACTION = { ADD_XAVP: 1, NO_RECORD: 2 } as const;

/** registered(): is there a contact in force that has what the flags ask for? */
export function registered(
  ctx: Context,
  domain: Domain,
  uri: string | undefined,
  matchFlags = 0,
  actions = 0,
): number | Promise<number> {
  const { msg } = ctx;
  const aor = aorOf(ctx, uri ?? (msg.isRequest ? msg.uri : (toOf(msg)?.uri ?? '')));
  if ('error' in aor) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to extract address of record\n');
    return NOT_FOUND;
  }
  const look = (record: AorRecord | undefined): number => {
    const valid = inForce(ctx);
    const wanted = wantedContact(ctx, matchFlags);
    const contact = record?.contacts.find((c) => valid(c) && wanted(c));
    if (contact === undefined) return NOT_FOUND;
    if ((actions & ACTION.NO_RECORD) === 0) addRecord(ctx, contact);
    if ((actions & ACTION.ADD_XAVP) !== 0) giveXavp(ctx, contact);
    return FOUND;
  };
  const found = usrlocOf(ctx.host).find(domain, aor.aor);
  return found instanceof Promise ? found.then(look, () => NOT_FOUND) : look(found);
}

function wantedContact(ctx: Context, flags: number): Filter {
  const setting = (bit: number, name: string) => ((flags & bit) === 0 ? '' : textSetting(ctx, name));
  const callId = setting(MATCH_BY.CALLID, 'match_callid');
  const received = setting(MATCH_BY.RECEIVED, 'match_received');
  const uri = setting(MATCH_BY.CONTACT, 'match_contact');
  return (c) =>
    (callId === '' || c.callId === callId) &&
    (received === '' || c.received === received) &&
    (uri === '' || c.uri === uri);
}
