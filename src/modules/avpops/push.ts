/** avp_pushto(): values into the request URI, its parts, the next hop or new branches. */
import { addBranch } from '../../runtime/destination-set.js';
import type { BindEnv, BindResult, RouteContext } from '../../runtime/module.js';
import { changeUri } from '../../runtime/uri-rewrite.js';
import { branch } from '../../sip/message.js';
import { badFlag, bindValues, cutFlags, type Plain, parseFlags, unsignedText, type ValuesReader } from './names.js';

/** Puts one value at its place; `again`: it is not the first. False: it failed. */
export type Push = (ctx: RouteContext, value: Plain, again: boolean) => boolean;

/** The request URI as it was becomes a branch before the next value changes it. */
function keepUri(ctx: RouteContext, again: boolean): boolean {
  return !again || addBranch(ctx, branch(ctx.msg.uri));
}

const asText = (value: Plain): string => (typeof value === 'string' ? value : unsignedText(value));

const uri: Push = (ctx, value, again) => {
  if (!keepUri(ctx, again)) return false;
  ctx.msg.newUri = asText(value);
  return true;
};

function part(kind: 'user' | 'host'): Push {
  return (ctx, value, again) => keepUri(ctx, again) && changeUri(ctx.msg, { kind, text: asText(value) });
}

const nextHop: Push = (ctx, value) => {
  if (typeof value !== 'string') return false;
  ctx.msg.dstUri = value === '' ? null : value;
  return true;
};

const newBranch: Push = (ctx, value) =>
  typeof value === 'string' && addBranch(ctx, branch(value, { socket: ctx.msg.sendSocket }));

const PLACES: Readonly<Record<string, Push>> = {
  $ru: uri,
  $ruri: uri,
  '$ru/username': part('user'),
  '$ruri/username': part('user'),
  '$ru/domain': part('host'),
  '$ruri/domain': part('host'),
  $du: nextHop,
  $duri: nextHop,
  $br: newBranch,
};

export function parsePlace(text: string): BindResult<Push> {
  const { name, flags } = cutFlags(text);
  const key = flags === '' ? name : `${name}/${flags.toLowerCase()}`;
  const push = Object.hasOwn(PLACES, key) ? PLACES[key] : undefined;
  return push === undefined ? { error: `unsupported destination "${text}"; expected $ru,$du,$br` } : { ok: push };
}

export interface Source {
  readonly values: ValuesReader;
  readonly all: boolean;
}

export function parseSource(text: string, env: BindEnv): BindResult<Source> {
  if (text[0] !== '$') return { error: 'bad param 2; expected: $pseudo-variable ...' };
  const { name, flags: letters } = cutFlags(text);
  const flags = parseFlags(letters, 'g');
  if (flags === undefined) return badFlag(text);
  const values = bindValues(name, env);
  return 'error' in values ? values : { ok: { values: values.ok, all: flags.has('g') } };
}

export function runPush(ctx: RouteContext, push: Push, { values, all }: Source): boolean {
  const found = values.read(ctx);
  if (found === undefined) return false;
  return (all ? found : found.slice(0, 1)).every((value, i) => push(ctx, value, i > 0));
}
