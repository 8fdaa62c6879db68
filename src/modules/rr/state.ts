/** What rr knows of a message, and what it offers to other modules (dialog, uac, nathelper …). */
import type { Context } from '../../runtime/context.js';
import { type Host, stateKey } from '../../runtime/host.js';
import type { Program } from '../../runtime/program.js';
import { fromOf, routesOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { parseUri, type SipUri, uriParam } from '../../sip/uri.js';

export interface RrParams {
  readonly append_fromtag: number;
  readonly enable_double_rr: number;
  readonly enable_full_lr: number;
  readonly add_username: number;
  readonly enable_socket_mismatch_warning: number;
  readonly custom_user_avp: string | null;
  readonly force_send_socket: number;
  readonly ignore_sips: number;
  readonly ignore_user: string | null;
  readonly sockname_mode: number;
}

export function rrParamsOf(program: Program): RrParams {
  return program.params('rr') as unknown as RrParams;
}

export interface Rr {
  /** Called by loose_route() with the parameters of our own Route, where it has any. */
  readonly onRoute: ((ctx: Context, params: string) => void)[];
}

export const RR = stateKey<Rr>('rr');

export function hasRr(host: Host): boolean {
  return host.hasState(RR);
}

/** Calls `fn` whenever loose_route() took off a Route of ours that had parameters. */
export function onRoute(host: Host, fn: (ctx: Context, params: string) => void): void {
  host.state(RR).onRoute.push(fn);
}

export const UPSTREAM = 2;
export const DOWNSTREAM = 1;

/** Kept with a message; its copies share it, so it is replaced and never changed. */
interface Known {
  /** Parameters of the Route handled; undefined: not handled yet. */
  readonly params?: string;
  readonly direction?: number;
  /** add_rr_param() before record_route(). */
  readonly pending?: string;
}

const SLOT = {};
const NOTHING: Known = {};

function known(msg: SipMessage): Known {
  return (msg.slots.get(SLOT) as Known | undefined) ?? NOTHING;
}

export function remember(msg: SipMessage, more: Known): void {
  const old = msg.slots.get(SLOT) as Known | undefined;
  msg.slots.set(SLOT, old === undefined ? more : { ...old, ...more });
}

/** Parameters that wait for record_route(). */
export function pendingParams(msg: SipMessage): string {
  return known(msg).pending ?? '';
}

/** Is the URI one of ours? A GRUU is not, nor is the user that `ignore_user` names. */
export function isOurs(ctx: Context, uri: SipUri): boolean {
  if (uri.host === '' || uriParam(uri, 'gr') !== undefined) return false;
  const ignored = rrParamsOf(ctx.program).ignore_user;
  if (ignored && ignored === uri.user) return false;
  return ctx.host.isMyself(uri.host, uri.port === 0 ? DEFAULT_PORT : uri.port);
}

const DEFAULT_PORT = 5060;

/** Parameters (raw, no leading `;`) of the Route of ours that the request came by; undefined where there is none. */
export function routeParams(ctx: Context): string | undefined {
  const { msg } = ctx;
  if (!msg.isRequest) return undefined;
  const first = routesOf(msg, HDR.ROUTE)[0];
  if (first === undefined) return undefined;
  const handled = known(msg).params;
  if (handled) return handled;
  const uri = parseUri(first.uri);
  return uri !== undefined && isOurs(ctx, uri) && uri.params !== '' ? uri.params : undefined;
}

/** One parameter of that Route; '' where it has no value, undefined where it is not there. */
export function routeParam(ctx: Context, name: string): string | undefined {
  const params = routeParams(ctx);
  if (params === undefined) return undefined;
  for (const part of params.split(';')) {
    const eq = part.indexOf('=');
    const key = (eq < 0 ? part : part.slice(0, eq)).trim();
    if (key === name)
      return eq < 0
        ? ''
        : part
            .slice(eq + 1)
            .trim()
            .replace(/^(["'])(.*)\1$/, '$2');
  }
  return undefined;
}

/** UPSTREAM for a request from callee to caller (ftag differs from the From tag), else DOWNSTREAM; told once a message. */
export function directionOf(ctx: Context): number {
  const { msg } = ctx;
  const told = known(msg).direction;
  if (told !== undefined) return told;
  const ftag = routeParam(ctx, 'ftag');
  const tag = fromOf(msg)?.tag;
  const direction = !ftag || !tag || ftag === tag ? DOWNSTREAM : UPSTREAM;
  // without Route it is told anew as quickly
  if (ftag !== undefined) remember(msg, { direction });
  return direction;
}
