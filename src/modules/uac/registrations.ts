/** Accounts that this server registers elsewhere: the table in memory, and the REGISTERs. */
import { type Host, LEVEL } from '../../runtime/module.js';
import { contactsOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import { type NewRequest, newRequest, type RequestReply } from '../tm/api.js';
import { answerLine, challengeOf } from './challenge.js';
import { paramsOf } from './params.js';
import { again, socketNamed } from './request.js';

/** Bits of `flags`, as in the database and as uac.reg_dump shows them. */
export const REG = { DISABLED: 1, ONGOING: 2, ONLINE: 4, AUTH_SENT: 8, INIT: 16 } as const;

/** One row of the table. */
export interface Account {
  readonly uuid: string;
  readonly localUser: string;
  readonly localDomain: string;
  readonly remoteUser: string;
  readonly remoteDomain: string;
  readonly realm: string;
  readonly authUser: string;
  readonly password: string;
  /** Lower case. */
  readonly ha1: string;
  readonly proxy: string;
  readonly contact: string;
  readonly socket: string;
  readonly delay: number;
}

export class Registration {
  readonly account: Account;
  flags: number;
  /** Seconds; 0: it is not registered. */
  expires: number;
  /** When it runs out, in seconds since the epoch. */
  runsOut = 0;
  /** Seconds of its first REGISTER's delay. */
  readonly delay: number;
  /** When it was loaded. */
  readonly since: number;
  callId = '';
  cseq = 0;

  constructor(account: Account, flags: number, expires: number, delay: number, since: number) {
    this.account = account;
    this.flags = flags;
    this.expires = expires;
    this.delay = delay;
    this.since = since;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

const now = (host: Host): number => Math.floor(host.clock.now() / 1000);

/** Attributes by which commands and functions name an account. */
const FILTERS: Readonly<Record<string, (a: Account) => string>> = {
  l_uuid: (a) => a.uuid,
  l_username: (a) => a.localUser,
  r_username: (a) => a.remoteUser,
  auth_username: (a) => a.authUser,
};

export class Registrations {
  readonly host: Host;
  readonly byUuid = new Map<string, Registration>();
  active: boolean;
  /** When uac.reg_reload read the table last, in ms. */
  reloaded = 0;

  constructor(host: Host, active: boolean) {
    this.host = host;
    this.active = active;
  }

  add(account: Account, flags: number, expires: number): void {
    const { reg_random_delay } = paramsOf(this.host.program);
    const random = reg_random_delay > 0 ? Math.floor(this.host.random() * reg_random_delay) : 0;
    this.byUuid.set(account.uuid, new Registration(account, flags, expires, account.delay || random, now(this.host)));
  }

  byUser(user: string, domain: string | undefined): Registration | undefined {
    for (const r of this.byUuid.values()) {
      if (r.account.localUser === user && (domain === undefined || r.account.localDomain === domain)) return r;
    }
    return undefined;
  }

  /** Undefined: there is none; null: accounts are not found by that attribute. */
  find(attribute: string, value: string): Registration | undefined | null {
    const of = Object.hasOwn(FILTERS, attribute) ? FILTERS[attribute] : undefined;
    if (of === undefined) return null;
    if (attribute === 'l_uuid') return this.byUuid.get(value);
    for (const r of this.byUuid.values()) if (of(r.account) === value) return r;
    return undefined;
  }

  count(flag: number): number {
    let n = 0;
    for (const r of this.byUuid.values()) if (r.has(flag)) n++;
    return n;
  }

  setDisabled(r: Registration, disabled: boolean): void {
    r.flags = disabled ? r.flags | REG.DISABLED : r.flags & ~REG.DISABLED;
    r.runsOut = now(this.host) + 1;
  }

  isOnline(r: Registration): boolean {
    return r.has(REG.ONLINE) && r.runsOut > now(this.host);
  }

  // --------------------------------------------------------------- REGISTER

  /** Sends what is due. */
  look(): void {
    for (const r of this.byUuid.values()) this.#update(r);
  }

  #update(r: Registration): void {
    const { reg_retry_interval, reg_timer_interval } = paramsOf(this.host.program);
    const at = now(this.host);
    if (r.expires === 0) return;
    if (r.has(REG.ONGOING)) {
      if (r.runsOut > at - reg_retry_interval) return;
      r.flags &= ~(REG.ONLINE | REG.AUTH_SENT);
    }
    if (!this.active || r.has(REG.DISABLED)) return;
    if (!r.has(REG.INIT)) {
      if (at < r.since + r.delay) return;
      r.flags |= REG.INIT;
    }
    if (r.runsOut > at + reg_timer_interval + SLACK) return;
    this.register(r);
  }

  register(r: Registration): void {
    const { account } = r;
    r.runsOut = now(this.host);
    r.flags |= REG.ONGOING;
    const self = `sip:${account.remoteUser}@${account.remoteDomain}`;
    const keep =
      paramsOf(this.host.program).reg_keep_callid !== 0 && r.has(REG.ONLINE) && r.cseq > 0 && r.callId !== '';
    const same = keep ? { callId: r.callId, cseq: r.cseq + 1 } : {};
    r.flags &= ~REG.ONLINE;
    const sent = this.#send(r, { from: self, to: self, ...same }, '');
    if (!sent) {
      this.#fail(r, `failed to send request for [${account.uuid}]`);
      r.flags &= ~REG.ONGOING;
    }
  }

  #send(
    r: Registration,
    dialog: Pick<NewRequest, 'from' | 'to' | 'callId' | 'cseq' | 'fromTag'>,
    line: string,
  ): boolean {
    const { account } = r;
    const { default_socket } = paramsOf(this.host.program);
    const request: NewRequest = {
      ...dialog,
      method: 'REGISTER',
      uri: `sip:${account.remoteDomain}`,
      nextHop: account.proxy,
      headers: `Contact: <sip:${account.uuid}@${account.contact}>\r\nExpires: ${r.expires}\r\n${line}`,
      socket: socketNamed(this.host, account.socket || default_socket || ''),
    };
    return newRequest(this.host, request, (reply) => this.#answered(account.uuid, reply)) !== undefined;
  }

  #answered(uuid: string, { code, message }: RequestReply): void {
    const r = this.byUuid.get(uuid);
    if (r === undefined) return;
    if ((code === 401 || code === 407) && message !== null) {
      const why = this.#authenticate(r, code, message);
      if (why === undefined) return;
      this.#fail(r, why);
    } else if (code === 200 && message !== null) this.#accepted(r, message);
    else if (code === 423 && message !== null) {
      const least = Number.parseInt(message.firstValue(HDR.MINEXPIRES) ?? '', 10);
      r.expires = Number.isNaN(least) ? r.expires * 2 : least;
    } else this.#fail(r, `got sip response ${code} while registering [${uuid}]`);
    r.flags &= ~(REG.ONGOING | REG.AUTH_SENT);
  }

  /** Our Contact among those of the 200 says for how long. */
  #accepted(r: Registration, reply: SipMessage): void {
    const contacts = contactsOf(reply);
    if (contacts.length === 0) {
      this.#fail(r, 'no Contact found');
      return;
    }
    const own = contacts.find((c) => parseUri(c.uri)?.user === r.account.uuid);
    if (own === undefined) return;
    const seconds = Number.parseInt(own.expires ?? reply.firstValue(HDR.EXPIRES) ?? '0', 10);
    r.runsOut += Number.isNaN(seconds) ? 0 : seconds;
    r.flags |= REG.ONLINE;
    if (paramsOf(this.host.program).reg_keep_callid === 0) return;
    const { callId, cseq } = again(reply);
    r.callId = callId;
    r.cseq = cseq - 1;
  }

  /** Undefined: sent; else why not. */
  #authenticate(r: Registration, code: number, reply: SipMessage): string | undefined {
    const { account } = r;
    if (r.has(REG.AUTH_SENT)) return `authentication failed for <${account.uuid}>`;
    const challenge = challengeOf(reply, code);
    if (typeof challenge === 'string') return challenge;
    if (account.realm !== '' && challenge.realm !== account.realm)
      return `realms do not match. requested realm: [${challenge.realm}]`;
    const hashed = account.ha1 !== '';
    const secret = { user: account.authUser, password: hashed ? account.ha1 : account.password, hashed };
    const asked = { method: 'REGISTER', uri: `sip:${account.remoteDomain}`, body: '' };
    if (!this.#send(r, again(reply), answerLine(code, challenge, secret, asked)))
      return `failed to send request with authentication for [${account.uuid}]`;
    r.flags |= REG.AUTH_SENT;
    return undefined;
  }

  /** Tried again later where reg_retry_interval says so. */
  #fail(r: Registration, why: string): void {
    this.host.log.write(LEVEL.ERR, 'uac', `${why}\n`);
    const { reg_retry_interval } = paramsOf(this.host.program);
    if (reg_retry_interval > 0) r.runsOut = now(this.host) + reg_retry_interval;
    else r.flags |= REG.DISABLED;
    r.cseq = 0;
  }
}

/** Seconds before its end in which a registration is refreshed, beside the interval itself. */
const SLACK = 3;
