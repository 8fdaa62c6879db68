/** One destination: its URI, state, attributes, and the address it stands for. */
import { type Host, LEVEL } from '../../runtime/host.js';
import { parseInt32 } from '../../runtime/values.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { unquote } from '../../sip/header.js';
import { ipBytes } from '../../sip/ip.js';
import { type ListenSocket, PROTO_ID, type Proto } from '../../sip/transport.js';
import { parseParams, parseUri, type SipUri, uriTransport } from '../../sip/uri.js';
import { Latency } from './latency.js';
import { type DispatcherParams, DNS } from './params.js';

/** Bits of a destination's flags. */
export const STATE = { INACTIVE: 1, TRYING: 2, DISABLED: 4, PROBING: 8, NO_DNS: 16, ALL: 31 } as const;

/** Is it out of use? */
export const isDown = (flags: number): boolean => (flags & (STATE.INACTIVE | STATE.DISABLED)) !== 0;

export interface Attributes {
  /** As written; null where there are none. */
  body: string | null;
  duid: string | null;
  maxload: number;
  weight: number;
  rweight: number;
  congestionControl: number;
  socket: string | null;
  sockname: string | null;
  pingFrom: string | null;
  obproxy: string | null;
}

/** What a line of the list or a row of the table says. */
export interface DestinationSpec {
  readonly set: number;
  readonly uri: string;
  readonly flags: number;
  readonly priority: number;
  readonly attrs: string;
  /** Calls that are on it (algorithm 10). */
  readonly load?: number;
}

export class Destination {
  readonly uri: string;
  flags: number;
  readonly priority: number;
  readonly attrs: Attributes;
  readonly latency: Latency;
  readonly socket: ListenSocket | null;
  readonly host: string;
  /** 0: none. */
  port: number;
  /** Number of the transport, 0: none is named. */
  proto: number;
  /** Comparable form of its address (`addressKey`); '' where it is not known. */
  address = '';
  /** The address as text, for dispatcher.list. */
  ip = '';
  /** Flag 16: its name is not looked up. */
  readonly noAddress: boolean;
  /** Milliseconds since the epoch of the last lookup by the timer; 0 none. */
  dnsTime = 0;
  /** Probes in a row that spoke against its state. */
  messages = 0;
  load: number;

  constructor(spec: DestinationSpec, uri: string, parts: SipUri, own: Own) {
    this.uri = uri;
    this.flags = spec.flags;
    this.priority = spec.priority;
    this.load = spec.load ?? 0;
    this.attrs = own.attrs;
    this.latency = own.latency;
    this.socket = own.socket;
    this.host = parts.host;
    this.port = parts.port;
    this.proto = protoId(uriTransport(parts));
    this.noAddress = (spec.flags & STATE.NO_DNS) !== 0;
  }

  get down(): boolean {
    return isDown(this.flags);
  }
}

interface Own {
  readonly attrs: Attributes;
  readonly latency: Latency;
  readonly socket: ListenSocket | null;
}

export const protoId = (proto: Proto | undefined): number => (proto === undefined ? 0 : PROTO_ID[proto]);

function protoOfId(id: number): Proto | undefined {
  return (Object.keys(PROTO_ID) as Proto[]).find((p) => PROTO_ID[p] === id);
}

/** A form of an address in which equal ones are the same text; undefined for a name. */
export function addressKey(text: string): string | undefined {
  return ipBytes(text)?.join('.');
}

const MAX_LATENCY_SAMPLES = 10000;

type Reader = (value: string) => Partial<Attributes>;

/** A percentage; 0 for anything else. */
function percentage(value: string): number {
  const n = parseInt32(value) ?? 0;
  return n >= 1 && n <= 100 ? n : 0;
}

const READERS: Readonly<Record<string, Reader>> = {
  duid: (duid) => ({ duid }),
  cc: (v) => ({ congestionControl: parseInt32(v) ?? 0 }),
  weight: (v) => ({ weight: percentage(v) }),
  rweight: (v) => ({ rweight: percentage(v) }),
  maxload: (v) => ({ maxload: parseInt32(v) ?? 0 }),
  socket: (socket) => ({ socket }),
  sockname: (sockname) => ({ sockname }),
  ping_from: (pingFrom) => ({ pingFrom }),
  obproxy: (obproxy) => ({ obproxy }),
};

/** A blank within a value that is not in quotes. */
const BLANK_INSIDE = /^[^"].*\s/s;

/** Undefined where they are no parameters. */
function readAttributes(text: string, none: boolean, latency: Latency): Attributes | undefined {
  const written = text === '' && none ? 'none=yes' : text;
  const body = written.endsWith(';') ? written.slice(0, -1) : written;
  const attrs: Attributes = {
    body: written === '' ? null : body,
    duid: null,
    maxload: 0,
    weight: 0,
    rweight: 0,
    congestionControl: 0,
    socket: null,
    sockname: null,
    pingFrom: null,
    obproxy: null,
  };
  for (const [name, value] of parseParams(body).reverse()) {
    if (/\s/.test(name) || BLANK_INSIDE.test(value ?? '')) return undefined;
    const key = name.toLowerCase();
    const text = unquote(value ?? '');
    if (Object.hasOwn(READERS, key)) Object.assign(attrs, READERS[key]!(text));
    const ms = key === 'latency' ? parseInt32(text) : undefined;
    if (ms !== undefined) latency.begin(ms, MAX_LATENCY_SAMPLES);
  }
  return attrs;
}

/** The own socket with that address, or that name; undefined where there is none. */
export function ownSocket(host: Host, name: string | null, address: string | null): ListenSocket | null | undefined {
  if (name) return host.sockets.find((s) => s.name === name);
  if (!address) return null;
  const at = parseSocketAddress(address);
  return at === undefined ? undefined : host.findSocket(at.proto, at.host, at.port);
}

/** The destination that a line means, its name looked up; undefined (and a line in the log) where it cannot be used. */
export async function makeDestination(
  host: Host,
  p: DispatcherParams,
  spec: DestinationSpec,
): Promise<Destination | undefined> {
  const uri = parseUri(spec.uri) === undefined && !spec.uri.startsWith('sip:') ? `sip:${spec.uri}` : spec.uri;
  const parts = parseUri(uri);
  if (parts === undefined) return refuse(host, `bad uri [${spec.uri}]`);
  const latency = new Latency();
  const attrs = readAttributes(spec.attrs, p.ds_attrs_none !== 0, latency);
  if (attrs === undefined) return refuse(host, 'cannot set attributes!');
  const named =
    attrs.sockname || attrs.socket ? attrs : { sockname: p.ds_default_sockname, socket: p.ds_default_socket };
  const socket = ownSocket(host, named.sockname, named.socket);
  if (socket === undefined) return refuse(host, `non-local socket <${named.sockname || named.socket}>`);
  const made = new Destination(spec, uri, parts, { attrs, latency, socket });
  if (made.noAddress || (p.ds_dns_mode & (DNS.INIT | DNS.TIMER)) === 0) return made;
  if (await resolveDestination(host, p, made)) return made;
  return refuse(host, `could not resolve ${parts.host} (missing no-probing flag?!?)`);
}

function refuse(host: Host, why: string): undefined {
  host.log.write(LEVEL.ERR, 'dispatcher', why);
  return undefined;
}

const SIP_PORT = 5060;

export interface Place {
  readonly ip: string;
  /** 0: none. */
  readonly port: number;
  /** 0: none. */
  readonly proto: number;
}

/** Where a host with port and transport is; undefined where the name is unknown. */
export async function lookUp(
  host: Host,
  name: string,
  port: number,
  proto: number,
  p: Pick<DispatcherParams, 'ds_dns_mode' | 'ds_dns_ttl'>,
): Promise<Place | undefined> {
  if (addressKey(name) !== undefined) return { ip: name, port, proto };
  const withSrv = (p.ds_dns_mode & DNS.SRV) !== 0;
  const sought = withSrv ? port : port || SIP_PORT;
  try {
    // a port keeps SRV records out of it
    const target = (await host.resolver.resolve(name, sought, protoOfId(proto), false, p.ds_dns_ttl))[0];
    if (target === undefined) return undefined;
    return withSrv
      ? { ip: target.ip, port: target.port, proto: protoId(target.proto) }
      : { ip: target.ip, port, proto };
  } catch {
    return undefined;
  }
}

/** Looks its name up and keeps the address; false where the name is unknown. */
export async function resolveDestination(host: Host, p: DispatcherParams, d: Destination): Promise<boolean> {
  const found = await lookUp(host, d.host, d.port, d.proto, p);
  if (found === undefined) return false;
  d.ip = found.ip.replace(/^\[|\]$/g, '');
  d.address = addressKey(found.ip) ?? '';
  d.port = found.port;
  d.proto = found.proto;
  return true;
}
