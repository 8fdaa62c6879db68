/** Keepalives of usrloc's own (ka_mode): requests to the contacts, and their answers. */
import type { Context } from '../../runtime/context.js';
import { bindFormat, type Format } from '../../runtime/format.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import type { BindEnv } from '../../runtime/module.js';
import { firstAddress } from '../../sip/address.js';
import { sentBy } from '../../sip/build.js';
import { cseqOf, fromOf, viasOf } from '../../sip/header.js';
import { type Destination, type ListenSocket, type Proto, uriProto } from '../../sip/transport.js';
import { parseUri, uriTransport } from '../../sip/uri.js';
import type { AorRecord, Contact } from './contact.js';
import { type UsrlocParams, usrlocParams } from './params.js';
import { type Usrloc, usrlocOf } from './usrloc.js';

/** Bits of ka_mode. */
const MODE = { NAT: 2, UDP: 4 } as const;
/** Bit of ka_filter: contacts of this server only. */
const OWN_SERVER = 1;
/** Level that stands for no log line. */
const NO_LOG = 255;
/** Seconds that a contact without answers still has. */
const LAST_CHANCE = 10;
const DEFAULT_PORT = 5060;

const hex = (n: number): string => (n >>> 0).toString(16);

/** How many rounds there were, for branches and tags. */
const rounds = new WeakMap<Usrloc, number>();

/** One request to each contact that ka_mode means. */
export function sendKeepalives(host: Host, usrloc: Usrloc): void {
  if (usrloc.params.ka_mode === 0) return;
  for (const domain of usrloc.domains.values()) {
    for (const record of domain.records.values()) {
      const round = ((rounds.get(usrloc) ?? 0) + 1) >>> 0;
      rounds.set(usrloc, round);
      pingRecord(host, usrloc, record, round);
    }
  }
}

function pingRecord(host: Host, usrloc: Usrloc, record: AorRecord, round: number): void {
  const { params } = usrloc;
  const now = usrloc.now();
  let n = 0;
  for (const contact of record.contacts) {
    if (!isMeant(host, usrloc, contact) || isSilent(contact, params, now)) continue;
    ping(host, params, { record, contact, serial: `${round}.${++n}`, tail: `${hex(round)}.${hex(n)}` });
  }
}

function isMeant(host: Host, usrloc: Usrloc, contact: Contact): boolean {
  const { ka_mode, ka_filter } = usrloc.params;
  if (contact.uri === '') return false;
  if ((ka_filter & OWN_SERVER) !== 0 && contact.serverId !== Number(host.program.core.values.get('server_id') ?? 0))
    return false;
  const nat = usrloc.natFlag;
  return (ka_mode & MODE.NAT) === 0 || (nat !== 0 && (contact.cflags & nat) >>> 0 === nat);
}

/** Has it not answered for ka_timeout seconds? Then it is given up. */
function isSilent(contact: Contact, { ka_timeout }: UsrlocParams, now: number): boolean {
  if (ka_timeout <= 0 || contact.lastKeepalive <= 0 || contact.lastKeepalive + ka_timeout >= now) return false;
  if (contact.expires <= now + LAST_CHANCE) return false;
  contact.expires = now + LAST_CHANCE;
  return true;
}

interface Ping {
  readonly record: AorRecord;
  readonly contact: Contact;
  readonly serial: string;
  readonly tail: string;
}

function ping(host: Host, params: UsrlocParams, what: Ping): void {
  const { contact } = what;
  const target = contact.received || (contact.path === '' ? contact.uri : firstAddress(contact.path));
  const uri = target === undefined ? undefined : parseUri(target);
  if (uri === undefined) {
    host.log.write(LEVEL.ERR, 'usrloc', 'cannot parse next hop uri\n');
    return;
  }
  const proto = uriTransport(uri) ?? (uri.scheme === 'sips' ? 'tls' : 'udp');
  if ((params.ka_mode & MODE.UDP) !== 0 && proto !== 'udp') return;
  const send = (ip: string, port: number): void => sendTo(host, params, what, proto, ip, port);
  const found = host.resolver.resolve(uri.host, uri.port || DEFAULT_PORT, proto);
  if (found instanceof Promise) {
    host.detach(
      found.then(([first]) => first && send(first.ip, first.port)),
      'a keepalive',
    );
  } else if (found[0] !== undefined) send(found[0].ip, found[0].port);
}

function sendTo(host: Host, params: UsrlocParams, what: Ping, proto: Proto, ip: string, port: number): void {
  const { contact } = what;
  const socket = contact.socket ?? host.socketFor(proto, ip, null);
  if (socket === undefined) {
    host.log.write(LEVEL.ERR, 'usrloc', 'cannot get sending socket\n');
    return;
  }
  const to: Destination = { proto, ip, port, socket };
  host.send(
    text(host, params, what, proto, socket),
    contact.connection > 0 ? { ...to, connection: contact.connection } : to,
  );
}

const MICROS = 1_000_000;

function text(
  host: Host,
  params: UsrlocParams,
  { record, contact, serial, tail }: Ping,
  proto: Proto,
  socket: ListenSocket,
): string {
  const micros = host.clock.micros();
  const tag = [
    contact.ruid,
    hex(record.hash),
    Math.floor(micros / MICROS).toString(16),
    hex(micros % MICROS),
    tail,
  ].join('-');
  const aor = record.aor.includes('@') ? record.aor : `${record.aor}@${params.ka_domain}`;
  return [
    `${params.ka_method} ${contact.uri} SIP/2.0`,
    `Via: SIP/2.0/${uriProto(proto).toUpperCase()} ${sentBy(socket)};branch=z9hG4bKx.${serial}.0`,
    ...(contact.path === '' ? [] : [`Route: ${contact.path}`]),
    `From: <${params.ka_from}>;tag=${tag}`,
    `To: <sip:${aor}>`,
    `Call-ID: ksrulka-${hex(Math.floor(host.random() * 2 ** 31))}-${hex(host.pid)}-${tail}`,
    `CSeq: 80 ${params.ka_method}`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');
}

// ------------------------------------------------------------------- answers

const formats = new WeakMap<object, Format>();

/** ka_logmsg, bound once for each version of the script. */
export function bindLogMessage(values: Readonly<Record<string, unknown>>, env: BindEnv): string[] {
  const bound = bindFormat(`${values.ka_logmsg ?? ''}`, env);
  if ('error' in bound) return [`ka_logmsg: ${bound.error}`];
  formats.set(values, bound.ok);
  return [];
}

const TAG = /^(.+)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-[0-9a-f]+\.[0-9a-f]+$/i;

/** A reply to a keepalive tells that its contact is alive; it goes on like any other. */
export function takeReply(ctx: Context): void {
  const { host, msg } = ctx;
  const params = usrlocParams(host.program);
  if (params.ka_mode === 0 || cseqOf(msg)?.method !== params.ka_method || viasOf(msg).length !== 1) return;
  const from = fromOf(msg);
  if (from?.uri !== params.ka_from) return;
  const [, ruid = '', , seconds = '', rest = ''] = TAG.exec(from.tag ?? '') ?? [];
  if (ruid === '') return;
  const sent = Number.parseInt(seconds, 16) * MICROS + Number.parseInt(rest, 16);
  const roundtrip = Math.max(Math.round(host.clock.micros() - sent), 0);
  const usrloc = usrlocOf(host);
  for (const domain of usrloc.domains.values()) {
    const contact = domain.byRuid.get(ruid);
    if (contact === undefined) continue;
    contact.lastKeepalive = usrloc.now();
    contact.roundtrip = roundtrip;
  }
  if (params.ka_loglevel !== NO_LOG) writeLine(ctx, params, ruid, roundtrip);
}

function writeLine(ctx: Context, params: UsrlocParams, ruid: string, roundtrip: number): void {
  const more = formats.get(params)?.get(ctx) ?? '';
  const time = `${Math.floor(roundtrip / MICROS)}.${`${roundtrip % MICROS}`.padStart(6, '0')}`;
  ctx.host.log.write(params.ka_loglevel, 'usrloc', `keepalive roundtrip: ${time} sec - ruid [${ruid}]${more}\n`);
}
