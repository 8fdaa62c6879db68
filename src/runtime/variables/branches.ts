/** The destination set: `$branch`, `$br`, `$bR`, `$ds`, and the scratch branch `$sbranch` (variables.md, section 4). */
import { type Branch, branch, type SipMessage } from '../../sip/message.js';
import type { Context } from '../context.js';
import { addBranch, qText, redirectContact } from '../destination-set.js';
import type { Host } from '../host.js';
import { type BindResult, type PvAccessor, type PvDefinition, type PvUse, pv, pvWith } from '../module.js';
import type { Value } from '../values.js';
import { socketOf } from './addresses.js';
import { assignedInt, assignedText, indexReader, isNull, logError, orNull, unsigned } from './support.js';

interface Attribute {
  readonly get: (b: Branch) => Value;
  /** Missing: an assignment changes nothing. False: refused. */
  readonly set?: (ctx: Context, b: Branch, value: Value) => boolean;
}

function textAttribute(field: 'dstUri' | 'path', what: string): Attribute {
  return {
    get: (b) => orNull(b[field]),
    set(ctx, b, value) {
      const text = isNull(value) ? '' : assignedText(value);
      if (text === undefined) return logError(ctx, `str value required to set branch ${what}`);
      b[field] = text === '' ? null : text;
      return true;
    },
  };
}

function numberAttribute(field: 'q' | 'flags' | 'otcpid', unset: number, get: (b: Branch) => Value): Attribute {
  return {
    get,
    set(ctx, b, value) {
      const n = isNull(value) ? unset : assignedInt(value);
      if (n === undefined) return logError(ctx, `int value required to set branch ${field}`);
      b[field] = n;
      return true;
    },
  };
}

function setSocket(ctx: Context, b: Branch, value: Value): boolean {
  const text = isNull(value) ? '' : assignedText(value);
  if (text === undefined) return logError(ctx, 'str value required to set branch send sock');
  const socket = text === '' ? null : socketOf(ctx, text);
  if (socket === undefined) return logError(ctx, 'invalid socket specification');
  b.socket = socket;
  return true;
}

const Q = numberAttribute('q', -1, (b) => (b.q < 0 ? null : b.q));

/** All but `uri` and `count`. */
const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  dst_uri: textAttribute('dstUri', 'dst uri'),
  path: textAttribute('path', 'path'),
  q: Q,
  Q,
  send_socket: { get: (b) => b.socket?.text ?? null, set: setSocket },
  flags: numberAttribute('flags', 0, (b) => unsigned(b.flags)),
  ruid: { get: (b) => orNull(b.ruid) },
  location_ua: { get: (b) => orNull(b.locationUa) },
  otcpid: numberAttribute('otcpid', 0, (b) => b.otcpid),
  instance: { get: (b) => orNull(b.instance) },
};

/** Where the branch of an accessor lives. */
interface Holder {
  read(ctx: Context): Branch | null | undefined;
  write(ctx: Context): Branch | undefined;
  drop(ctx: Context): void;
  count(ctx: Context): Value;
}

function accessor(name: string, holder: Holder): PvAccessor | undefined {
  if (name === 'count') return { get: (ctx) => holder.count(ctx), set: () => true };
  if (name === 'uri') return uriAccessor(holder);
  const attribute = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
  if (attribute === undefined) return undefined;
  return {
    get(ctx) {
      const b = holder.read(ctx);
      return b === null || b === undefined ? null : attribute.get(b);
    },
    set(ctx, value) {
      const b = holder.write(ctx);
      if (b === undefined) return logError(ctx, 'no branch to operate on');
      return attribute.set?.(ctx, b, value) ?? true;
    },
  };
}

function uriAccessor(holder: Holder): PvAccessor {
  return {
    get: (ctx) => holder.read(ctx)?.uri ?? null,
    set(ctx, value) {
      const b = holder.write(ctx);
      if (b === undefined) return logError(ctx, 'no branch to operate on');
      const text = isNull(value) ? '' : assignedText(value);
      if (text === undefined) return logError(ctx, 'str value required to set branch uri');
      if (text === '') holder.drop(ctx);
      else b.uri = text;
      return true;
    },
  };
}

// ----------------------------------------------------------------- $branch

function indexedHolder(use: PvUse): Holder {
  const index = indexReader(use.index);
  const at = (ctx: Context): number => {
    const i = index(ctx);
    if (i === undefined) return -1;
    const n = i === '*' ? 0 : i;
    return n < 0 ? ctx.msg.branches.length + n : n;
  };
  return {
    read: (ctx) => ctx.msg.branches[at(ctx)],
    write: (ctx) => ctx.msg.branches[at(ctx)],
    drop: (ctx) => void ctx.msg.branches.splice(at(ctx), 1),
    // with no branch at all there is nothing to ask for its count (case pv/branches)
    count: (ctx) => (ctx.msg.branches[at(ctx)] === undefined ? null : ctx.msg.branches.length),
  };
}

function bindBranch(use: PvUse): BindResult<PvAccessor> {
  const found = accessor(use.key?.text ?? '', indexedHolder(use));
  return found === undefined ? { error: `unknown PV branch name ${use.key?.text ?? ''}` } : { ok: found };
}

// ---------------------------------------------------------------- $sbranch

const SCRATCH = new WeakMap<Host, { branch: Branch }>();

/** The one scratch branch of a server; its uri is '' while it is empty. */
export function scratchBranch(host: Host): { branch: Branch } {
  const known = SCRATCH.get(host);
  if (known !== undefined) return known;
  const made = { branch: branch('') };
  SCRATCH.set(host, made);
  return made;
}

const scratchHolder: Holder = {
  read: (ctx) => {
    const b = scratchBranch(ctx.host).branch;
    return b.uri === '' ? null : b;
  },
  write: (ctx) => scratchBranch(ctx.host).branch,
  drop: (ctx) => {
    scratchBranch(ctx.host).branch = branch('');
  },
  count: (ctx) => ctx.msg.branches.length,
};

function bindScratch(use: PvUse): BindResult<PvAccessor> {
  const found = accessor(use.key?.text ?? '', scratchHolder);
  return found === undefined ? { error: `unknown PV branch name ${use.key?.text ?? ''}` } : { ok: found };
}

// --------------------------------------------------------- $br, $bR and $ds

const withQ = (b: Branch): string => (b.q < 0 ? b.uri : `<${b.uri}>;q=${qText(b.q)}`);

function appendBranch(ctx: Context, value: Value): boolean {
  const uri = assignedText(value);
  if (uri === undefined || uri === '') return logError(ctx, 'str value required to set the branch');
  return addBranch(ctx, branch(uri, { socket: ctx.msg.sendSocket }));
}

const inRequest =
  (read: (msg: SipMessage) => Value) =>
  ({ msg }: Context): Value =>
    msg.isRequest ? read(msg) : null;

const names = [...Object.keys(ATTRIBUTES).filter((n) => n !== 'Q'), 'uri', 'count'].join(', ');

export const BRANCHES: Readonly<Record<string, PvDefinition>> = {
  branch: pvWith({
    doc: `Attributes of an additional branch, [i] which one. Keys: ${names}.`,
    index: true,
    writable: true,
    example:
      'append_branch("sip:carol@example.org");\nxlog("$branch(count) $(branch(uri)[0])\\n");\n#> 1 sip:carol@example.org',
    bind: bindBranch,
  }),
  sbranch: pvWith({ doc: `Attributes of the scratch branch. Keys: ${names}.`, writable: true, bind: bindScratch }),
  br: pv(
    'URI of the first additional branch; an assignment appends one.',
    inRequest((msg) => msg.branches[0]?.uri ?? null),
    appendBranch,
  ),
  bR: pv(
    'All additional branches.',
    inRequest((msg) => (msg.branches.length === 0 ? null : msg.branches.map(withQ).join(', '))),
  ),
  ds: pv('The destination set as a Contact header line.', ({ msg }) => redirectContact(msg)?.slice(0, -2) ?? null),
  ruid: pv(
    'Record id of the contact taken from location.',
    inRequest((msg) => orNull(msg.ruid)),
  ),
  location_ua: pv(
    'User agent of the contact taken from location.',
    inRequest((msg) => orNull(msg.locationUa)),
  ),
};
