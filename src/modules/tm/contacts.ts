/** Serial forking by q: t_load_contacts(), t_next_contacts(), t_next_contact_flow(). */
import type { Context } from '../../runtime/context.js';
import { addBranch } from '../../runtime/destination-set.js';
import { LEVEL } from '../../runtime/host.js';
import { toInt, toText } from '../../runtime/values.js';
import { XavpList } from '../../runtime/xavp.js';
import { type Branch, branch } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import type { TmParams } from './params.js';

/** One contact; `last` ends a group that is forked to at once. */
interface Entry {
  readonly branch: Branch;
  last: boolean;
  /** Values of `xavp_contact` that go with it. */
  readonly extra: XavpList | undefined;
}

const NO_MORE = -2;
/** Marks the last contact of a group in the XAVP, as Kamailio writes it. */
const Q_FLAG = 4;

/** Loads the destination set into the XAVP, highest q first; mode 1 draws the order, in proportion to q. */
export function loadContacts(ctx: Context, params: TmParams, mode: number): number {
  if (!enabled(ctx, params)) return -1;
  const { msg } = ctx;
  if (msg.branches.length === 0 || (msg.branches.length === 1 && !msg.uriIsNew)) return 1;
  const own = msg.uriIsNew ? [ownBranch(ctx)] : [];
  const entries = [...own, ...msg.branches].map((b, i) => entryOf(ctx, params, b, msg.uriIsNew ? i : i + 1));
  const ordered = mode === 1 ? proportional(ctx, entries) : byQ(entries);
  const roots = ctx.env.xavps;
  const name = params.contacts_avp;
  if (mode === 1) for (const e of ordered) roots.addLast(name, record(params, e));
  else for (const e of ordered) roots.add(name, record(params, e));
  msg.branches = [];
  if (params.xavp_contact !== '') roots.removeAll(params.xavp_contact);
  return 1;
}

function enabled(ctx: Context, params: TmParams): boolean {
  if (params.contacts_avp !== '') return true;
  ctx.host.log.write(LEVEL.ERR, 'tm', 'feature has been disabled - to enable define contacts_avp module parameter');
  return false;
}

function ownBranch({ msg }: Context): Branch {
  return branch(msg.uri, {
    dstUri: msg.dstUri,
    socket: msg.sendSocket,
    flags: msg.branchFlags,
    path: msg.path,
    q: msg.q,
    instance: msg.instance,
    ruid: msg.ruid,
    locationUa: msg.locationUa,
  });
}

function entryOf(ctx: Context, params: TmParams, b: Branch, index: number): Entry {
  const extra = params.xavp_contact === '' ? undefined : ctx.env.xavps.fields(params.xavp_contact, index)?.clone();
  return { branch: b, last: false, extra };
}

/** Lowest q first: they are pushed on a stack. Of equal q the later goes on top, unless it has a path. */
function byQ(entries: readonly Entry[]): Entry[] {
  const list: Entry[] = [];
  for (const e of entries) {
    let at = 0;
    while (at < list.length && before(list[at]!.branch, e.branch)) at++;
    list.splice(at, 0, e);
  }
  for (let i = 1; i < list.length; i++) list[i]!.last = list[i - 1]!.branch.q < list[i]!.branch.q;
  return list;
}

function before(there: Branch, next: Branch): boolean {
  return there.q < next.q || (there.q === next.q && (next.path === null || next.path === ''));
}

/** One at a time, drawn with chances in proportion to q; those without q come after all others. */
function proportional(ctx: Context, entries: readonly Entry[]): Entry[] {
  const weighed = entries.filter((e) => e.branch.q > 0).sort((a, b) => a.branch.q - b.branch.q);
  const out: Entry[] = [];
  let total = weighed.reduce((sum, e) => sum + e.branch.q, 0);
  while (weighed.length > 0) {
    let drawn = Math.floor(ctx.host.random() * total);
    const at = weighed.findIndex((e) => {
      drawn -= e.branch.q;
      return drawn < 0;
    });
    const [chosen] = weighed.splice(Math.max(at, 0), 1);
    total -= chosen!.branch.q;
    out.push(chosen!);
  }
  out.push(...entries.filter((e) => e.branch.q <= 0));
  for (const e of out) e.last = true;
  return out;
}

function record(params: TmParams, e: Entry): XavpList {
  const out = new XavpList();
  const { branch: b } = e;
  if (e.extra !== undefined) out.append(params.xavp_contact, e.extra);
  const put = (name: string, value: string | null): void => {
    if (value !== null && value !== '') out.add(name, value);
  };
  out.add('uri', b.uri);
  put('dst_uri', b.dstUri);
  put('path', b.path);
  put('sock', b.socket?.text ?? null);
  out.add('flags', b.flags);
  out.add('q_flag', e.last ? Q_FLAG : 0);
  put('instance', b.instance);
  put('ruid', b.ruid);
  put('ua', b.locationUa);
  return out;
}

// ---------------------------------------------------------------------- next

/** Takes the next group off: its first contact becomes the request URI, the others branches. -2: none is left. */
export function nextContacts(ctx: Context, params: TmParams): number {
  if (!enabled(ctx, params)) return -1;
  const roots = ctx.env.xavps;
  const first = roots.fields(params.contacts_avp);
  if (first === undefined) return NO_MORE;
  roots.remove(params.contacts_avp, 0);
  setRequest(ctx, params, first);
  if (intField(first, 'q_flag') !== 0) return 1;
  roots.removeAll(params.contact_flows_avp);
  const instances = new Set<string>();
  const own = textField(first, 'instance');
  if (own !== null) instances.add(own);
  for (let more = true; more; ) more = takeBranch(ctx, params, instances);
  return 1;
}

/** False at the end of the group. A further flow of an instance waits for t_next_contact_flow(). */
function takeBranch(ctx: Context, params: TmParams, instances: Set<string>): boolean {
  const roots = ctx.env.xavps;
  const next = roots.fields(params.contacts_avp);
  if (next === undefined) return false;
  roots.remove(params.contacts_avp, 0);
  const last = intField(next, 'q_flag') !== 0;
  const instance = textField(next, 'instance');
  if (instance !== null && instances.has(instance)) {
    roots.add(params.contact_flows_avp, next);
    return !last;
  }
  if (instance !== null) instances.add(instance);
  addBranch(ctx, branchOf(ctx, next));
  return !last;
}

function setRequest(ctx: Context, params: TmParams, fields: XavpList): void {
  const { msg } = ctx;
  const b = branchOf(ctx, fields);
  msg.newUri = b.uri;
  msg.dstUri = b.dstUri;
  msg.path = b.path;
  msg.sendSocket = b.socket;
  msg.branchFlags = b.flags;
  msg.instance = b.instance;
  msg.ruid = b.ruid;
  msg.locationUa = b.locationUa;
  const extra = params.xavp_contact === '' ? undefined : fields.fields(params.xavp_contact);
  if (extra !== undefined) ctx.env.xavps.add(params.xavp_contact, extra);
}

function branchOf(ctx: Context, fields: XavpList): Branch {
  return branch(textField(fields, 'uri') ?? '', {
    dstUri: textField(fields, 'dst_uri'),
    path: textField(fields, 'path'),
    socket: socketOf(ctx, textField(fields, 'sock')),
    flags: intField(fields, 'flags'),
    instance: textField(fields, 'instance'),
    ruid: textField(fields, 'ruid'),
    locationUa: textField(fields, 'ua'),
  });
}

function textField(fields: XavpList, name: string): string | null {
  const value = fields.get(name)?.value;
  return value === undefined || value === null || value instanceof XavpList ? null : toText(value);
}

function intField(fields: XavpList, name: string): number {
  const value = fields.get(name)?.value;
  return value === undefined || value instanceof XavpList ? 0 : toInt(value);
}

function socketOf(ctx: Context, text: string | null): ListenSocket | null {
  return text === null ? null : (ctx.host.sockets.find((s) => s.text === text) ?? null);
}

/** In a failure route: the next flow of the instance of the failed branch. -2: none. */
export function nextContactFlow(ctx: Context, params: TmParams): number {
  if (!enabled(ctx, params)) return -1;
  const roots = ctx.env.xavps;
  const wanted = ctx.msg.instance;
  const count = roots.count(params.contact_flows_avp);
  for (let i = 0; i < count; i++) {
    const fields = roots.fields(params.contact_flows_avp, i);
    if (fields === undefined || textField(fields, 'instance') !== wanted) continue;
    roots.remove(params.contact_flows_avp, i);
    addBranch(ctx, branchOf(ctx, fields));
    return 1;
  }
  return NO_MORE;
}
