/** avp_copy(), avp_delete() and is_avp_set(). */
import { type Avp, addAvp, allAvps, popAvp, removeAvps } from '../../runtime/message-env.js';
import type { BindEnv, BindResult, RouteContext, Value } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { indexReader, logError } from '../../runtime/variables/support.js';
import { dropAvp } from './drop.js';
import { type AvpName, badFlag, bindAvpName, cutFlags, parseFlags, plain, unsignedText } from './names.js';

// ------------------------------------------------------------------- copy

export interface CopyTarget {
  readonly name: AvpName;
  readonly flags: ReadonlySet<string>;
}

export function parseCopyTarget(text: string, env: BindEnv): BindResult<CopyTarget> {
  const { name, flags: letters } = cutFlags(text);
  const flags = parseFlags(letters, 'gdns');
  if (flags === undefined) return badFlag(text);
  const bound = bindAvpName(name, env);
  return 'error' in bound ? bound : { ok: { name: bound.ok, flags } };
}

/** The value in the type that flag n or s asks for; undefined: it cannot be had. */
function cast(value: Value, flags: ReadonlySet<string>): number | string | undefined {
  const v = plain(value);
  if (typeof v === 'string' && flags.has('n')) return /^\d+$/.test(v) ? parseInt32(v) : undefined;
  return typeof v === 'number' && flags.has('s') ? unsignedText(v) : v;
}

export function runCopy(ctx: RouteContext, source: AvpName, { name, flags }: CopyTarget): boolean {
  const from = source.key(ctx);
  const to = name.key(ctx);
  if (from === undefined || to === undefined) return false;
  const all = allAvps(ctx.env, from).slice(0, flags.has('g') ? undefined : 1);
  for (const avp of all) {
    const value = cast(avp.value, flags);
    if (value === undefined) return logError(ctx, 'cannot convert str to int');
    addAvp(ctx.env, to, value);
    if (flags.has('d')) dropAvp(ctx, from, avp);
  }
  return all.length > 0;
}

// ----------------------------------------------------------------- delete

/** Which AVPs go: one name's, or all with names of a kind. */
export type Deletion =
  | { readonly kind: 'name'; readonly name: AvpName; readonly all: boolean }
  | { readonly kind: 'prefix'; readonly prefix: string };

const KINDS: Readonly<Record<string, string>> = { s: 's:', i: 'i:', a: '', '*': '' };

export function parseDeletion(text: string, env: BindEnv): BindResult<Deletion> {
  const { name, flags: letters } = cutFlags(text);
  const flags = parseFlags(letters, 'g');
  if (flags === undefined) return badFlag(text);
  if (name[0] === '$') {
    const bound = bindAvpName(name, env);
    return 'error' in bound ? bound : { ok: { kind: 'name', name: bound.ok, all: flags.has('g') } };
  }
  const kind = /^([a*si])\d*$/i.exec(name)?.[1]?.toLowerCase();
  const prefix = kind === undefined ? undefined : KINDS[kind];
  if (prefix === undefined) return { error: 'bad param - expected : $avp(name), *, s or i value' };
  return { ok: { kind: 'prefix', prefix } };
}

export function runDeletion(ctx: RouteContext, deletion: Deletion): boolean {
  if (deletion.kind === 'prefix') {
    const keys = [...ctx.env.avps.keys()].filter((key) => key.startsWith(deletion.prefix));
    for (const key of keys) removeAvps(ctx.env, key);
    return keys.length > 0;
  }
  const key = deletion.name.key(ctx);
  if (key === undefined) return false;
  return deletion.all ? removeAvps(ctx.env, key) > 0 : popAvp(ctx.env, key);
}

// ------------------------------------------------------------- is_avp_set

export interface Existence {
  readonly name: AvpName;
  readonly flags: ReadonlySet<string>;
}

export function parseExistence(text: string, env: BindEnv): BindResult<Existence> {
  const { name, flags: letters } = cutFlags(text);
  const flags = parseFlags(letters, 'ens');
  if (flags === undefined || (flags.has('n') && flags.has('s'))) return badFlag(text);
  const bound = bindAvpName(name, env);
  return 'error' in bound ? bound : { ok: { name: bound.ok, flags } };
}

export function runExistence(ctx: RouteContext, { name, flags }: Existence): boolean {
  const key = name.key(ctx);
  const index = indexReader(name.index)(ctx);
  if (key === undefined || index === undefined) return false;
  const avp = allAvps(ctx.env, key)[index === '*' ? 0 : Math.max(index, 0)];
  return avp !== undefined && (flags.size === 0 || passes(avp, flags));
}

function passes({ value }: Avp, flags: ReadonlySet<string>): boolean {
  const isInt = typeof value === 'number';
  if ((flags.has('s') && isInt) || (flags.has('n') && !isInt)) return false;
  return !flags.has('e') || value === '' || value === 0;
}
