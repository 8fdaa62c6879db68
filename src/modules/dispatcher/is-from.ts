/** Is the sender one of the destinations? */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { PROTO_ID } from '../../sip/transport.js';
import { parseUri, uriTransport } from '../../sip/uri.js';
import { addressKey, type Destination, lookUp, type Place, protoId, resolveDestination } from './destination.js';
import { boundParams, DNS, dispatcherParams } from './params.js';
import type { DestinationSet } from './set.js';
import { DISPATCHER } from './state.js';

/** Bits of the mode. */
export const MATCH = { NO_PORT: 1, NO_PROTO: 2, ACTIVE: 4 } as const;

const ANY_SET = -1;

/** Must destinations be looked up at each call? */
export const looksUpAlways = (mode: number): boolean => (mode & DNS.ALWAYS) !== 0;

interface Question {
  readonly address: string;
  readonly port: number;
  readonly proto: number;
  readonly mode: number;
  readonly set: number;
}

/** Is the source of the message, or the place of `uri`, a destination of the set (-1 any)? 1 or -1. */
export function isFrom(ctx: Context, set: number, mode: number, uri?: string): number | Promise<number> {
  if (uri) return isUriFrom(ctx, set, mode, uri);
  const { srcIp, srcPort, proto } = ctx.msg.received;
  return ask(ctx, { address: addressKey(srcIp) ?? srcIp, port: srcPort, proto: PROTO_ID[proto], mode, set });
}

function isUriFrom(ctx: Context, set: number, mode: number, text: string): number | Promise<number> {
  const uri = parseUri(text);
  if (uri === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'dispatcher', `bad uri [${text}]`);
    return -1;
  }
  const about = ({ ip, port, proto }: Place) => ({ address: addressKey(ip) ?? '', port, proto, mode, set });
  const proto = protoId(uriTransport(uri));
  if (addressKey(uri.host) !== undefined) return ask(ctx, about({ ip: uri.host, port: uri.port, proto }));
  return lookUp(ctx.host, uri.host, uri.port, proto, dispatcherParams(ctx.program)).then((found) => {
    if (found !== undefined) return ask(ctx, about(found), true);
    ctx.host.log.write(LEVEL.ERR, 'dispatcher', `could not resolve ${uri.host}`);
    return -1;
  });
}

/** `late`: the run has waited, and what is written now counts only when it goes on. */
function ask(ctx: Context, question: Question, late = false): number | Promise<number> {
  const { sets } = ctx.host.state(DISPATCHER);
  const one = sets.get(question.set);
  const searched = question.set === ANY_SET ? sets.values() : one === undefined ? [] : [one];
  if (!looksUpAlways(dispatcherParams(ctx.program).ds_dns_mode)) return find(ctx, searched, question, late);
  return refresh(ctx.host, searched).then(() => find(ctx, searched, question, true));
}

/** Looks up all names anew. */
export async function refresh(host: Host, sets: Iterable<DestinationSet>, when?: number): Promise<void> {
  const p = dispatcherParams(host.program);
  for (const set of sets)
    for (const d of set.destinations) {
      if (d.noAddress) continue;
      if (await resolveDestination(host, p, d)) d.dnsTime = when ?? d.dnsTime;
      else host.log.write(LEVEL.WARN, 'dispatcher', `could not resolve ${d.host} (skipping)`);
    }
}

function find(ctx: Context, sets: readonly DestinationSet[], question: Question, late: boolean): number {
  for (const set of sets) {
    const found = set.destinations.find((d) => fits(d, question));
    if (found === undefined) continue;
    if (!late) return tell(ctx, set, found, question);
    ctx.onResume = () => void tell(ctx, set, found, question);
    return 1;
  }
  return -1;
}

/** setid_pvname and attrs_pvname: 1, or a code that says which could not be written. */
function tell(ctx: Context, set: DestinationSet, found: Destination, question: Question): number {
  const { setId, attrs } = boundParams(ctx.program);
  if (question.set === ANY_SET && setId?.set?.(ctx, set.id) === false) return -2;
  if (found.attrs.body && attrs?.set?.(ctx, found.attrs.body) === false) return -3;
  return 1;
}

function fits(d: Destination, { address, port, proto, mode }: Question): boolean {
  return (
    d.address === address &&
    ((mode & MATCH.NO_PORT) !== 0 || d.port === 0 || d.port === port) &&
    ((mode & MATCH.NO_PROTO) !== 0 || d.proto === proto) &&
    ((mode & MATCH.ACTIVE) === 0 || !d.down)
  );
}

/** ds_is_active(): is one of the set up, or that one? */
export function isActive(ctx: Context, set: number, uri = ''): number {
  const all = ctx.host.state(DISPATCHER).sets.get(set)?.destinations ?? [];
  return all.some((d) => !d.down && (uri === '' || d.uri === uri)) ? 1 : -1;
}
