/** Keepalives to registered contacts, so that the NAT in between keeps its way open. */

import type { Context } from '../../runtime/context.js';
import { coreHash } from '../../runtime/corehash.js';
import { type Host, stateKey, type TimerHandle } from '../../runtime/host.js';
import { LEVEL } from '../../runtime/module.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { firstAddress } from '../../sip/address.js';
import { sentBy } from '../../sip/build.js';
import { callIdOf, cseqOf, fromOf, viasOf } from '../../sip/header.js';
import type { Destination, ListenSocket } from '../../sip/transport.js';
import { parseUri, uriTransport } from '../../sip/uri.js';
import { type Contact, hasUsrloc, isValid, usrlocOf } from '../usrloc/index.js';
import { type NathelperParams, nathelperParams } from './params.js';

/** What a UDP ping holds. */
const PING = '\0\0\0\0';
const SECOND = 1000;
const DEFAULT_PORT = 5060;
/** Seconds that a contact without answers still has. */
const LAST_CHANCE = 10;
const BRANCH_DIGITS = 10_000_000;

export interface Pinger {
  enabled: boolean;
  timer: TimerHandle | undefined;
  /** Constant part of the Call-IDs. */
  readonly callId: string;
  serial: number;
  /** Which part of the contacts is next. */
  turn: number;
}

export const PINGER = stateKey<Pinger>('nathelper');

const hex = (n: number): string => (n >>> 0).toString(16);
/** Digits from the lowest up, as Kamailio writes the hash of an AOR here. */
const reversedHex = (n: number): string => [...hex(n)].reverse().join('');

export function newPinger(host: Host): Pinger {
  return {
    enabled: true,
    timer: undefined,
    callId: hex(Math.floor(host.random() * 2 ** 32)),
    serial: Math.floor(host.random() * 2 ** 31),
    turn: 0,
  };
}

const bit = (n: number): number => (n < 0 ? 0 : (1 << n) >>> 0);

export function startPings(host: Host, pinger: Pinger): void {
  pinger.timer?.cancel();
  pinger.timer = undefined;
  if (nathelperParams(host.program).natping_interval > 0 && hasUsrloc(host))
    pinger.timer = host.clock.every(SECOND, () => pingNext(host, pinger));
}

/** Each second a part of the contacts, so that all have had theirs when the interval ends. */
function pingNext(host: Host, pinger: Pinger): void {
  const params = nathelperParams(host.program);
  const turn = pinger.turn;
  pinger.turn = (turn + 1) % params.natping_interval;
  if (!pinger.enabled) return;
  const usrloc = usrlocOf(host);
  const now = usrloc.now();
  const serverId = Number(host.program.core.values.get('server_id') ?? 0);
  for (const contact of usrloc.contacts(params.ping_nated_only === 0 ? 0 : usrloc.natFlag)) {
    if (coreHash(contact.aor) % params.natping_interval !== turn || !isValid(contact, now)) continue;
    if (params.filter_server_id !== 0 && contact.serverId !== serverId) continue;
    if ((contact.cflags & bit(params.natping_disable_bflag)) !== 0 || isSilent(contact, params, now)) continue;
    ping(host, pinger, params, contact);
  }
}

/** Has it not answered for too long? Then it is given up. */
function isSilent(contact: Contact, params: NathelperParams, now: number): boolean {
  const { keepalive_timeout: timeout } = params;
  if (timeout <= 0 || params.sipping_bflag < 0 || contact.lastKeepalive <= 0) return false;
  if (contact.socket?.proto !== 'udp' || contact.lastKeepalive + timeout >= now) return false;
  if (contact.expires > now + LAST_CHANCE) contact.expires = now + LAST_CHANCE;
  return true;
}

function ping(host: Host, pinger: Pinger, params: NathelperParams, contact: Contact): void {
  const flagged = (contact.cflags & bit(params.sipping_bflag)) !== 0;
  const bySip = params.sipping_bflag >= 0 && (flagged || params.ping_nated_only === 0);
  const target = contact.path !== '' && flagged ? firstAddress(contact.path) : contact.received || contact.uri;
  const uri = target === undefined ? undefined : parseUri(target);
  if (uri === undefined) {
    host.log.write(LEVEL.ERR, 'nathelper', "can't parse contact/received uri\n");
    return;
  }
  if ((uriTransport(uri) ?? 'udp') !== 'udp') return;
  const send = (ip: string, port: number) => {
    const socket = host.socketFor('udp', ip, forcedSocket(host, params) ?? contact.socket);
    if (socket === undefined) return;
    const to: Destination = { proto: 'udp', ip, port, socket };
    if (bySip) host.send(request(host, pinger, params, contact, socket), to);
    else host.send(PING, to, { asIs: true });
  };
  const found = host.resolver.resolve(uri.host, uri.port || DEFAULT_PORT, 'udp');
  if (!(found instanceof Promise)) {
    const first = found[0];
    if (first !== undefined) send(first.ip, first.port);
    return;
  }
  host.detach(
    found.then((all) => {
      if (all[0] !== undefined) send(all[0].ip, all[0].port);
    }),
    'a ping',
  );
}

function forcedSocket(host: Host, params: NathelperParams): ListenSocket | undefined {
  const address = params.force_socket ? parseSocketAddress(params.force_socket) : undefined;
  return address === undefined ? undefined : host.findSocket('udp', address.host, address.port);
}

function request(host: Host, pinger: Pinger, params: NathelperParams, contact: Contact, socket: ListenSocket): string {
  const serial = hex(pinger.serial++);
  const ticks = Math.floor((host.clock.now() - host.startTime) / SECOND);
  const branch = String(Math.floor(host.random() * BRANCH_DIGITS)).padStart(7, '1');
  const { sipping_method: method, sipping_from: from } = params;
  const tag = `${contact.ruid}-${reversedHex(coreHash(contact.aor))}-${serial}`;
  return [
    `${method} ${contact.uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${sentBy(socket)};branch=z9hG4bK${branch}`,
    ...(contact.path === '' ? [] : [`Route: ${contact.path}`]),
    `From: ${from};tag=${tag}`,
    `To: ${contact.uri}`,
    `Call-ID: ${pinger.callId}-${serial}-${hex(ticks)}@${socket.ip}`,
    `CSeq: 1 ${method}`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');
}

/** Takes the answers to SIP pings off; false: it was one. */
export function takeAnswer(ctx: Context): boolean {
  const { host, msg } = ctx;
  const params = nathelperParams(host.program);
  if (params.natping_interval <= 0 || params.sipping_bflag < 0) return true;
  if (viasOf(msg).length !== 1 || cseqOf(msg)?.method !== params.sipping_method) return true;
  if (params.keepalive_timeout > 0) refresh(ctx, params);
  return !(callIdOf(msg) ?? '').startsWith(`${host.state(PINGER).callId}-`);
}

function refresh({ host, msg }: Context, params: NathelperParams): void {
  const from = fromOf(msg);
  const ruid = /^(.+)-[0-9a-f]+-[0-9a-f]+$/i.exec(from?.tag ?? '')?.[1];
  if (ruid === undefined || from?.uri !== params.sipping_from) return;
  const usrloc = usrlocOf(host);
  for (const domain of usrloc.domains.values()) {
    const contact = domain.byRuid.get(ruid);
    if (contact !== undefined) contact.lastKeepalive = usrloc.now();
  }
}
