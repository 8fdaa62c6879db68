/** What the module keeps, and what becomes of a traced message: a row, and a copy. */
import { type Database, type DbRecord, DbTime } from '../../runtime/database.js';
import { allAvps, type MessageEnv } from '../../runtime/message-env.js';
import { type Host, LEVEL, stateKey, toText } from '../../runtime/module.js';
import type { Destination, ListenSocket } from '../../sip/transport.js';
import { parseUri, uriTarget } from '../../sip/uri.js';
import { HEP_LOG, hep3, hep12 } from './hep.js';
import { avpOf, MODE, type SiptraceParams } from './params.js';
import { readXHeaders, type Traced, withXHeaders } from './traced.js';

export const SIPTRACE = stateKey<Siptrace>('siptrace');

const SIP_PORT = 5060;
const MILLION = 1_000_000;

type Place = Omit<Destination, 'socket'>;

export class Siptrace {
  readonly host: Host;
  params: SiptraceParams;
  /** Changed by the RPC command. */
  on: boolean;
  #userAvp: string | undefined;
  #tableAvp: string | undefined;
  db: Database | undefined;

  constructor(host: Host, params: SiptraceParams) {
    this.host = host;
    this.params = params;
    this.on = params.trace_on !== 0;
    this.configure(params);
  }

  configure(params: SiptraceParams): void {
    this.params = params;
    this.#userAvp = avpOf(params.traced_user_avp);
    this.#tableAvp = avpOf(params.trace_table_avp);
  }

  complain(text: string): undefined {
    this.host.log.write(LEVEL.ERR, 'siptrace', `${text}\n`);
  }

  warn(text: string): void {
    this.host.log.write(LEVEL.WARN, 'siptrace', `${text}\n`);
  }

  users(env: MessageEnv): readonly string[] {
    return this.#userAvp === undefined ? [] : allAvps(env, this.#userAvp).map((avp) => toText(avp.value));
  }

  get usesDatabase(): boolean {
    return this.params.trace_to_database !== 0 || (this.params.trace_mode & MODE.DB) !== 0;
  }

  /**
   * Writes the rows and sends the copy. `to`: a destination of its own, else that of duplicate_uri. False: the message has
   * not the headers that it should have.
   */
  store(traced: Traced, env: MessageEnv, to?: Target, correlationId = ''): boolean {
    const { params } = this;
    const read = params.xheaders_read !== 0 ? readXHeaders(traced) : traced;
    if (read === undefined) {
      this.complain(`message without x-headers from ${traced.from}, callid ${traced.callId}`);
      return false;
    }
    this.write(read, env);
    const body = this.bodyOfCopy(read);
    if (body === undefined) return false;
    if (params.hep_mode_on !== 0) this.sendHep({ ...read, body }, to, correlationId);
    else if (to !== undefined || params.trace_to_database === 0) this.sendCopy(body, traced.socket, to);
    return true;
  }

  /** With the headers that tell of the message where these are asked for. */
  bodyOfCopy(traced: Traced): string | undefined {
    if (this.params.xheaders_write === 0) return traced.body;
    return withXHeaders(traced) ?? this.complain('malformed message');
  }

  // ---------------------------------------------------------------- database

  write(traced: Traced, env: MessageEnv): void {
    const { db, host } = this;
    if (!this.usesDatabase || db === undefined) return;
    const named = this.#tableAvp === undefined ? undefined : allAvps(env, this.#tableAvp)[0]?.value;
    const table = typeof named === 'string' && named !== '' ? named : this.params.table;
    const insert = (user: string) => host.detach(db.insert(table, this.#row(traced, user)), 'siptrace');
    if (this.on) {
      insert('');
      host.count(traced.isReply ? 'siptrace.traced_replies' : 'siptrace.traced_requests');
    }
    for (const user of this.users(env)) insert(user);
  }

  #row(traced: Traced, user: string): DbRecord {
    const { params: p } = this;
    return {
      [p.msg_column]: traced.body,
      [p.callid_column]: traced.callId,
      [p.method_column]: traced.method,
      [p.status_column]: traced.status,
      [p.fromip_column]: traced.from,
      [p.toip_column]: traced.to,
      [p.date_column]: new DbTime(Math.floor(traced.micros / MILLION)),
      [p.direction_column]: traced.direction,
      [p.fromtag_column]: traced.fromTag,
      [p.traced_user_column]: user,
      time_us: traced.micros % MILLION,
      [p.totag_column]: traced.toTag,
    };
  }

  // ------------------------------------------------------------------ copies

  /** Where a URI leads to; undefined: it is none. The port counts as written: no SRV records are asked for. */
  target(uri: string): Target | undefined {
    const parsed = parseUri(uri);
    if (parsed === undefined) return this.complain('bad dup uri');
    const { host, port, proto } = uriTarget(parsed);
    return this.host.resolver.resolve(host, port || SIP_PORT, proto ?? 'udp');
  }

  #default(): Target | undefined {
    const { duplicate_uri: uri } = this.params;
    return uri ? this.target(uri) : undefined;
  }

  sendCopy(body: string, bound: ListenSocket, to?: Target): void {
    const target = to ?? this.#default();
    if (target === undefined) this.warn('Neither dup_uri modparam or siptrace destination uri param used!');
    else this.#send(target, bound, body);
  }

  sendHep(traced: Traced, to?: Target, correlationId = ''): void {
    const { params } = this;
    const source = {
      from: traced.from,
      to: traced.to,
      payload: traced.body,
      micros: this.host.clock.micros(),
      captureId: params.hep_capture_id,
    };
    // versions 1 and 2 are sent only where there is a duplicate_uri
    if (params.hep_version < 3 && !params.duplicate_uri) return;
    const packet =
      params.hep_version === 3
        ? hep3({ ...source, authKey: params.auth_key ?? '', correlationId })
        : hep12(params.hep_version === 2 ? 2 : 1, source);
    const target = to ?? this.#default();
    if (packet !== undefined && target !== undefined) this.#send(target, traced.socket, packet.toString('latin1'));
  }

  /** A line of a log, by HEP version 3. False: there is no duplicate_uri. */
  sendLog(correlationId: string, message: string, bound: ListenSocket): boolean {
    const target = this.#default();
    if (target === undefined) return false;
    this.#send(target, bound, (place, socket) => {
      const packet = hep3({
        from: `udp:${socket.ip}:${socket.port}`,
        to: `udp:${place.ip}:${place.port}`,
        payload: message,
        micros: this.host.clock.micros(),
        captureId: this.params.hep_capture_id,
        authKey: this.params.auth_key ?? '',
        correlationId,
        type: HEP_LOG,
      });
      return packet?.toString('latin1');
    });
    return true;
  }

  #send(
    target: Target,
    bound: ListenSocket,
    data: string | ((place: Place, socket: ListenSocket) => string | undefined),
  ): void {
    const go = (places: readonly Place[]): void => {
      const [place] = places;
      if (place === undefined) return void this.complain('bad host name in uri');
      const socket = this.#socket(place, bound);
      if (socket === undefined) return void this.complain(`cannot forward to ${place.proto}:${place.ip}: no socket`);
      const text = typeof data === 'string' ? data : data(place, socket);
      if (text !== undefined) this.host.send(text, { ...place, socket }, TRACE);
    };
    if (target instanceof Promise) this.host.detach(target.then(go), 'siptrace');
    else go(target);
  }

  #socket(place: Place, bound: ListenSocket): ListenSocket | undefined {
    const { force_send_sock: address, send_sock_name: name } = this.params;
    const forced = name ? this.host.sockets.find((s) => s.name === name) : this.#addressed(address);
    if ((name || address) && forced === undefined) this.warn('cannot find send socket info');
    return forced ?? this.host.socketFor(place.proto, place.ip, null, bound);
  }

  #addressed(uri: string | null): ListenSocket | undefined {
    const parsed = uri ? parseUri(uri) : undefined;
    if (parsed === undefined) return undefined;
    const { host, port, proto } = uriTarget(parsed);
    return this.host.findSocket(proto ?? 'udp', host, port || SIP_PORT);
  }
}

/** Places that a name leads to. */
export type Target = readonly Place[] | Promise<readonly Place[]>;

/** Marks what this module sends, which is not traced in turn. */
export const TRACE = { asIs: true } as const;
