/** Publishing elsewhere: PUBLISH requests, the tags that come back, and refreshes (RFC 3903). */
import { LEVEL, stateKey } from '../../runtime/host.js';
import type { Host } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';
import { HDR } from '../../sip/header-names.js';
import { newRequest, type RequestReply } from '../tm/api.js';
import type { PuaTable, Published } from './table.js';

export interface PuaParams {
  readonly db_url: string;
  readonly db_table: string;
  readonly min_expires: number;
  readonly default_expires: number;
  readonly update_period: number;
  readonly outbound_proxy: string | null;
  readonly dlginfo_increase_version: number;
  readonly db_mode: number;
}

export function puaParams(program: Program): PuaParams {
  return program.params('pua') as unknown as PuaParams;
}

/** What is to be published. */
export interface ToPublish {
  readonly uri: string;
  readonly id: string;
  readonly event: string;
  readonly source: number;
  readonly contentType: string;
  /** '': only its time is changed. */
  readonly body: string;
  /** Seconds; 0 takes it away, below 0 keeps it for good. */
  readonly seconds: number;
  readonly extraHeaders?: string;
  readonly outboundProxy?: string;
}

const CONDITION_FAILED = 412;
/** Seconds for which one that was not refreshed is remembered. */
const LATE = 10;

export class Pua {
  readonly host: Host;
  readonly table: PuaTable | undefined;
  readonly #published = new Map<string, Published>();
  /** What waits for the reply to the PUBLISH before it, by key: its tag is in that reply. */
  readonly #waiting = new Map<string, ToPublish[]>();

  constructor(host: Host, table: PuaTable | undefined) {
    this.host = host;
    this.table = table;
  }

  get params(): PuaParams {
    return puaParams(this.host.program);
  }

  get size(): number {
    return this.#published.size;
  }

  #now(): number {
    return Math.floor(this.host.clock.now() / 1000);
  }

  async restore(): Promise<void> {
    for (const p of (await this.table?.all()) ?? []) this.#published.set(keyOf(p), p);
  }

  /** Publishes; while an answer about the same document is awaited, it waits its turn. */
  publish(what: ToPublish): void {
    const key = keyOf(what);
    const line = this.#waiting.get(key);
    if (line !== undefined) {
      line.push(what);
      return;
    }
    this.#waiting.set(key, []);
    this.#send(key, what);
  }

  #next(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) this.#waiting.delete(key);
    else this.#send(key, next);
  }

  #send(key: string, what: ToPublish): void {
    const known = this.#published.get(key);
    if (known === undefined && (what.seconds === 0 || what.body === '')) {
      if (what.seconds !== 0) this.#error('a new document without a body');
      this.#next(key);
      return;
    }
    if (known !== undefined && what.seconds !== 0) known.version++;
    const body = what.seconds === 0 ? '' : this.#bodyOf(what, known?.version ?? 0);
    const proxy = what.outboundProxy ?? this.params.outbound_proxy;
    const sent = newRequest(
      this.host,
      {
        method: 'PUBLISH',
        uri: what.uri,
        from: what.uri,
        to: what.uri,
        headers: this.#headers(what, known, body !== ''),
        body,
        nextHop: proxy === '' ? null : proxy,
      },
      (reply) => {
        this.#answered(key, what, reply);
        this.#next(key);
      },
    );
    if (sent !== undefined) return;
    this.#error(`a PUBLISH to ${what.uri} cannot be sent`);
    this.#next(key);
  }

  /** With dlginfo_increase_version each dialog-info document has its number. */
  #bodyOf({ event, body }: ToPublish, version: number): string {
    if (event !== 'dialog' || this.params.dlginfo_increase_version === 0) return body;
    return body.replace(DIALOG_VERSION, (_all, start: string, quote: string) => `${start}${quote}${version}${quote}`);
  }

  #headers(what: ToPublish, known: Published | undefined, hasBody: boolean): string {
    const { default_expires, min_expires } = this.params;
    const seconds = what.seconds < 0 ? default_expires : what.seconds;
    const match = known === undefined ? '' : `SIP-If-Match: ${known.etag}\r\n`;
    const type = hasBody ? `Content-Type: ${what.contentType}\r\n` : '';
    // one second more, so that what is asked for is granted whole
    const expires = seconds <= 0 ? min_expires : seconds + 1;
    return `Max-Forwards: 70\r\nEvent: ${what.event}\r\nExpires: ${expires}\r\n${match}${type}${what.extraHeaders ?? ''}`;
  }

  #answered(key: string, what: ToPublish, { code, message }: RequestReply): void {
    if (code >= 300) {
      const known = this.#forget(key);
      // it is no longer there: published anew
      if (code === CONDITION_FAILED && known !== undefined && what.body !== '' && what.seconds !== 0)
        this.#waiting.get(key)?.unshift(what);
      return;
    }
    if (message === null) return;
    const granted = LEADING.exec(message.firstValue(HDR.EXPIRES) ?? '')?.[0];
    const etag = message.named('SIP-ETag')[0];
    if (granted === undefined || etag === undefined) {
      this.#error(`the answer to a PUBLISH for ${what.uri} lacks Expires or SIP-ETag`);
      return;
    }
    if (Number(granted) === 0) {
      this.#forget(key);
      return;
    }
    const { uri, id, event, source, extraHeaders = '' } = what;
    const known: Published = this.#published.get(key) ?? {
      ...{ uri, id, event, source, extraHeaders, version: 0, etag: '', expires: 0, desired: 0 },
    };
    known.etag = message.value(etag);
    known.expires = this.#now() + Number(granted);
    known.desired = what.seconds < 0 ? 0 : this.#now() + what.seconds;
    this.#published.set(key, known);
    this.#store(known);
  }

  #forget(key: string): Published | undefined {
    const known = this.#published.get(key);
    this.#published.delete(key);
    if (known !== undefined && this.table !== undefined) this.#write(this.table.remove(known));
    return known;
  }

  #store(p: Published): void {
    if (this.table !== undefined) this.#write(this.table.put(p));
  }

  #write(work: Promise<void>): void {
    const done = work.catch((e: unknown) => this.#error(e instanceof Error ? e.message : String(e)));
    this.host.detach(done, 'pua: writing to the database');
  }

  /** Refreshes what would end before the next time, and forgets what has ended. */
  refresh(): void {
    const { update_period, min_expires } = this.params;
    const now = this.#now();
    for (const [key, p] of this.#published) {
      if (p.expires - update_period >= now || this.#waiting.has(key)) continue;
      if (p.desired === 0 || p.desired > p.expires + min_expires) {
        const { uri, id, event, source, extraHeaders } = p;
        const seconds = p.desired === 0 ? -1 : p.desired - now;
        this.publish({ uri, id, event, source, contentType: '', body: '', seconds, extraHeaders });
      } else if (p.expires < now - LATE) this.#forget(key);
    }
  }

  #error(text: string): void {
    this.host.log.write(LEVEL.ERR, 'pua', `${text}\n`);
  }
}

const LEADING = /^\d+/;
const DIALOG_VERSION = /(<dialog-info\b[^>]*?\bversion=)(["'])[^"']*\2/;

function keyOf(p: Pick<Published, 'uri' | 'id' | 'event'>): string {
  return `${p.uri}\0${p.id}\0${p.event}`;
}

export const PUA = stateKey<Pua>('pua');
