/** Trusted peers: by source address, transport, and expressions on From and request URI. */
import type { Context } from '../../runtime/context.js';
import { type Database, DbError, type DbResult, type DbValue } from '../../runtime/database.js';
import { LEVEL } from '../../runtime/host.js';
import { addAvp } from '../../runtime/message-env.js';
import { compileRegex, type Regex } from '../../runtime/regex.js';
import { fromOf } from '../../sip/header.js';
import type { PermissionsParams } from './params.js';
import { tagKey } from './tag.js';

export interface Peer {
  readonly source: string;
  /** Lower case; `any` for all. */
  readonly proto: string;
  readonly from: string | null;
  readonly ruri: string | null;
  readonly tag: string | null;
  readonly priority: number;
}

const text = (v: DbValue | undefined): string | null => (v === null || v === undefined ? null : `${v}`);

function peersOf(result: DbResult): Peer[] {
  return result.rows.map(([source, proto, from, ruri, tag, priority]) => ({
    source: text(source) ?? '',
    proto: (text(proto) ?? 'any').toLowerCase(),
    from: text(from),
    ruri: text(ruri),
    tag: text(tag),
    priority: Number(priority ?? 0),
  }));
}

const PROTOS: ReadonlySet<string> = new Set(['any', 'udp', 'tcp', 'tls', 'sctp', 'ws', 'wss']);

/** Transports that a caller of allow_trusted() may name. */
export const isProto = (name: string): boolean => PROTOS.has(name);

/** By source; the greater the priority, the earlier. Throws a DbError for an unknown transport; `none` is left out. */
export function peersBySource(peers: readonly Peer[]): ReadonlyMap<string, readonly Peer[]> {
  const out = new Map<string, Peer[]>();
  for (const peer of peers.toSorted((a, b) => b.priority - a.priority)) {
    if (peer.proto === 'none') continue;
    if (!PROTOS.has(peer.proto)) throw new DbError(`${peer.source}: unknown protocol ${peer.proto}`);
    const known = out.get(peer.source);
    if (known === undefined) out.set(peer.source, [peer]);
    else known.push(peer);
  }
  return out;
}

/** All of the table, or those of one source by their priority. Rejects with a DbError. */
export async function readPeers(db: Database, p: PermissionsParams, source?: string): Promise<readonly Peer[]> {
  const columns = [p.source_col, p.proto_col, p.from_col, p.ruri_col, p.tag_col, p.priority_col];
  const result = await db.query({
    table: p.trusted_table,
    columns,
    ...(source === undefined
      ? {}
      : { where: [{ column: p.source_col, op: '=', value: source } as const], orderBy: p.priority_col }),
  });
  if (result.rows.some((row) => row.length !== columns.length)) throw new DbError(`bad rows in ${p.trusted_table}`);
  return peersOf(result);
}

/** What of a request is compared. */
export interface Subject {
  readonly source: string;
  readonly proto: string;
  readonly from: string;
}

export function ownSubject({ msg }: Context): Subject {
  const { srcIp, proto } = msg.received;
  return { source: srcIp, proto, from: fromOf(msg)?.uri ?? '' };
}

/** A basic expression (regcomp without REG_EXTENDED) as an extended one. */
export function extended(basic: string): string {
  return basic.replace(/\\?[(){}|+?]/g, (c) => (c.length === 2 ? c[1]! : `\\${c}`));
}

const compiled = new Map<string, Regex | undefined>();
const MAX_COMPILED = 1000;

function expression(source: string): Regex | undefined {
  if (!compiled.has(source)) {
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    const made = compileRegex(extended(source), {});
    compiled.set(source, 'ok' in made ? made.ok : undefined);
  }
  return compiled.get(source);
}

function fits(peer: Peer, subject: Subject, ctx: Context): boolean {
  if (peer.source !== subject.source) return false;
  if (peer.proto !== 'any' && peer.proto !== '' && subject.proto !== 'any' && peer.proto !== subject.proto)
    return false;
  if (!ctx.msg.isRequest) return true;
  if (peer.from !== null && expression(peer.from)?.test(subject.from) !== true) return false;
  return peer.ruri === null || expression(peer.ruri)?.test(ctx.msg.originalUri) === true;
}

/** allow_trusted(): 1, or with peer_tag_mode 1 how many fit; -1 none. */
export function matchPeers(ctx: Context, peers: readonly Peer[], subject: Subject, p: PermissionsParams): number {
  const key = tagKey(ctx);
  let count = 0;
  for (const peer of peers) {
    if (!fits(peer, subject, ctx)) continue;
    if (key !== undefined && peer.tag !== null) addAvp(ctx.env, key, peer.tag);
    count++;
    if (p.peer_tag_mode === 0) return 1;
  }
  return count === 0 ? -1 : count;
}

export function logNoDatabase(ctx: Context): number {
  ctx.host.log.write(LEVEL.ERR, 'permissions', 'no connection to database\n');
  return -1;
}
