/** What is kept of a contact, read from its REGISTER. */
import type { Context } from '../../runtime/context.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import { toText } from '../../runtime/module.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { firstAddress } from '../../sip/address.js';
import { type Contact, callIdOf, cseqOf, methodId } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { headerMatcher } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import { bracketed } from '../../sip/transport.js';
import { parseUri, uriParam } from '../../sip/uri.js';
import { ALL_METHODS, type ContactInfo, type MatchKey, usrlocOf } from '../usrloc/index.js';
import { unescapeUser } from './aor.js';
import { qOf } from './expires.js';
import { PATH_MODE, registrarParams } from './params.js';
import type { ErrorName } from './reply.js';
import type { Registration } from './request.js';
import { intSetting, textSetting } from './settings.js';

type Failed = { readonly error: ErrorName };

const MAX_CALLID = 255;
const MAX_USER_AGENT = 255;
const MAX_RECEIVED = 255;

/** What all contacts of a request share. */
type Common = Omit<ContactInfo, 'ruid' | 'uri' | 'expires' | 'q' | 'methods' | 'instance' | 'regId'>;

/** Reads contacts one after the other: what one says of `received` and `reg-id` holds for those after it, as in Kamailio. */
export class InfoReader {
  readonly #ctx: Context;
  readonly #common: Common;
  readonly #useRegId: boolean;
  readonly #instance: string;
  #received: string;
  #regId = 0;

  private constructor(ctx: Context, common: Common, { contacts, useRegId }: Registration) {
    this.#ctx = ctx;
    this.#common = common;
    this.#useRegId = useRegId;
    this.#instance = contacts[0]?.param('+sip.instance') ?? '';
    this.#received = common.received;
  }

  static of(ctx: Context, flags: number, registration: Registration): InfoReader | Failed {
    const common = commonInfo(ctx, flags);
    if ('error' in common) return common;
    // Kamailio refuses it without a reason, and so answers 200 (seen)
    const first = registration.useRegId ? registration.contacts[0] : undefined;
    if (first?.param('+sip.instance') && badRegId(first.param('reg-id'))) return { error: 'NONE' };
    return new InfoReader(ctx, common, registration);
  }

  /** What `match` looks at, with the instance of the first contact for all, as Kamailio counts contacts. */
  key(uri: string): MatchKey {
    const { callId, path, cseq } = this.#common;
    return { uri, callId, path, cseq, instance: this.#instance, regId: this.#regId };
  }

  /** `expires`: seconds since the epoch, 0 to be removed. */
  read(contact: Contact, expires: number): ContactInfo | Failed {
    const q = qOf(this.#ctx, contact);
    if (q === undefined) return { error: 'INVALID_Q' };
    const received = this.#receivedOf(contact);
    if (received.length > MAX_RECEIVED) return { error: 'CONTACT_LEN' };
    const instance = contact.param('+sip.instance') ?? '';
    const regId = this.#useRegId && instance !== '' ? contact.param('reg-id') : undefined;
    if (regId !== undefined && regId !== '') {
      if (badRegId(regId)) return { error: 'INVALID_REGID' };
      this.#regId = Number(regId) >>> 0;
    }
    const { path, callId, cseq, flags, cflags, userAgent, socket, serverId, connection, lastModified, xavp } =
      this.#common;
    return {
      ruid: '',
      uri: contact.uri,
      received,
      path,
      expires,
      q,
      callId,
      cseq,
      flags,
      cflags,
      userAgent,
      socket,
      methods: methodsOf(this.#ctx.msg, contact),
      instance,
      regId: this.#regId,
      serverId,
      connection,
      lastModified,
      xavp,
    };
  }

  #receivedOf(contact: Contact): string {
    if (this.#received !== '') return this.#received;
    this.#received = contact.param('received') || receivedAvp(this.#ctx);
    return this.#received;
  }
}

function badRegId(text: string | undefined): boolean {
  return text !== undefined && text !== '' && !(/^\d+$/.test(text) && Number(text) > 0);
}

function commonInfo(ctx: Context, flags: number): Common | Failed {
  const { msg } = ctx;
  const usrloc = usrlocOf(ctx.host);
  const callId = (callIdOf(msg) ?? '').trimEnd();
  if (callId.length > MAX_CALLID) return { error: 'CALLID_LEN' };
  const number = cseqOf(msg)?.number ?? '';
  if (!/^\d+$/.test(number) || Number(number) > ALL_METHODS) return { error: 'INVALID_CSEQ' };
  const path = pathOf(ctx);
  if ('error' in path) return path;
  const viaPath = path.received !== '';
  return {
    callId,
    cseq: Number(number) | 0,
    socket: socketOf(ctx),
    connection: connectionOf(ctx),
    userAgent: userAgentOf(msg),
    path: path.path,
    received: path.received,
    lastModified: usrloc.now(),
    flags,
    cflags: (viaPath ? msg.branchFlags | usrloc.natFlag : msg.branchFlags) >>> 0,
    serverId: Number(ctx.program.core.values.get('server_id') ?? 0),
    xavp: keptXavp(ctx),
  };
}

function keptXavp(ctx: Context): ContactInfo['xavp'] {
  const name = usrlocOf(ctx.host).params.xavp_contact;
  const item = name ? ctx.env.xavps.get(name) : undefined;
  if (item === undefined) return null;
  const kept = ctx.env.xavps.fresh();
  kept.add(
    item.name,
    typeof item.value === 'object' && item.value !== null && 'clone' in item.value ? item.value.clone() : item.value,
  );
  return kept;
}

function userAgentOf(msg: SipMessage): string {
  const value = msg.firstValue(HDR.USERAGENT) ?? '';
  return value.length > 0 && value.length < MAX_USER_AGENT ? value : 'n/a';
}

function connectionOf(ctx: Context): number {
  const set = intSetting(ctx, 'tcpconn_id');
  if (set !== undefined && set > 0) return set;
  const { proto, connection } = ctx.msg.received;
  return proto === 'udp' || proto === 'sctp' ? -1 : connection;
}

function receivedAvp(ctx: Context): string {
  const spec = registrarParams(ctx.program).received_avp;
  const name = spec === null ? undefined : /^\$avp\((.+)\)$/.exec(spec)?.[1];
  const key = name === undefined ? undefined : avpKey(name);
  return key === undefined ? '' : toText(firstAvp(ctx.env, key)?.value);
}

// -------------------------------------------------------------------- socket

function socketOf(ctx: Context): ListenSocket | null {
  const { sock_mode, sock_flag } = registrarParams(ctx.program);
  const named = sock_flag >= 0 && (ctx.msg.flags & (1 << sock_flag)) !== 0 ? namedSocket(ctx) : undefined;
  const { socket } = ctx.msg.received;
  if (named !== undefined) return named;
  if ((sock_mode & 1) === 0 || socket.advertised === undefined) return socket;
  const { host, port } = socket.advertised;
  return { ...socket, text: `${socket.proto}:${bracketed(host || socket.ip)}:${port || socket.port}` };
}

function namedSocket(ctx: Context): ListenSocket | undefined {
  const header = registrarParams(ctx.program).sock_hdr_name;
  const text = header ? ctx.msg.headers.find(headerMatcher(header)) : undefined;
  const value = header ? (text === undefined ? '' : ctx.msg.value(text)) : textSetting(ctx, 'socket');
  const address = value.trim() === '' ? undefined : parseSocketAddress(value);
  return address === undefined ? undefined : ctx.host.findSocket(address.proto, address.host, address.port);
}

// ---------------------------------------------------------------------- path

const MAX_PATH = 256;

/** All Path values as one text, put on the message for the reply too. */
function pathOf(ctx: Context): { readonly path: string; readonly received: string } | Failed {
  const { use_path, path_mode, path_use_received } = registrarParams(ctx.program);
  const { msg } = ctx;
  if (use_path === 0) return { path: '', received: '' };
  const values = msg.headers.filter((h) => h.id === HDR.PATH).map((h) => msg.value(h));
  const path = values.join(',');
  if (path === '') return { path, received: '' };
  const first = firstUri(path);
  if (path.length + 1 >= MAX_PATH || first === undefined || uriParam(first, 'lr') === undefined)
    return { error: 'PARSE_PATH' };
  const escaped = path_use_received === 0 ? undefined : uriParam(first, 'received');
  const received = escaped === undefined ? '' : unescapeUser(escaped);
  if (received === undefined) return { error: 'PARSE_PATH' };
  if (path_mode !== PATH_MODE.OFF) msg.path = path;
  return { path, received };
}

function firstUri(path: string) {
  const text = firstAddress(path);
  return text === undefined ? undefined : parseUri(text);
}

// ------------------------------------------------------------------- methods

function methodBits(list: string): number {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .reduce((bits, name) => (bits | methodId(name)) >>> 0, 0);
}

function methodsOf(msg: SipMessage, contact: Contact): number {
  const own = contact.param('methods');
  if (own !== undefined) return methodBits(own);
  if (msg.first(HDR.ALLOW) === undefined) return ALL_METHODS;
  let bits = 0;
  for (const h of msg.headers) if (h.id === HDR.ALLOW) bits |= methodBits(msg.value(h));
  return bits >>> 0;
}
