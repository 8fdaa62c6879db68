/**
 * Nonces that need no memory: time, serial number and a keyed hash of both. What has been used is kept only where counts
 * or single use are asked for, and only until it expires.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { joined } from '../../sip/text.js';

export type NonceState = 'good' | 'stale' | 'replayed' | 'used' | 'unreadable';

const HEX = 8;
const MAC = 32;
const PROVEN = 4096;
const FORM = /^[0-9a-f]{48}$/;

export class Nonces {
  readonly #secret: string;
  readonly #now: () => number;
  #serial: number;
  /** Highest nonce count seen, by nonce; oldest first. */
  readonly #counts = new Map<string, number>();
  readonly #used = new Set<string>();
  /** Nonces whose hash was found right, so that it need not be worked out for each request of a client. */
  readonly #proven = new Set<string>();

  /** `now`: milliseconds. `first`: where the serial numbers begin, so that a restart does not repeat them. */
  constructor(secret: string, now: () => number, first: number) {
    this.#secret = secret;
    this.#now = now;
    this.#serial = first >>> 0;
  }

  /** Good for `seconds`. */
  make(seconds: number): string {
    this.#serial = (this.#serial + 1) >>> 0;
    const body = hex(Math.floor(this.#now() / 1000) + seconds) + hex(this.#serial);
    return body + this.#mac(body);
  }

  #mac(body: string): string {
    return createHmac('sha256', this.#secret).update(body, 'latin1').digest('hex').slice(0, MAC);
  }

  /** What a nonce is worth, before the response is looked at. */
  check(nonce: string): 'good' | 'stale' | 'unreadable' {
    if (!this.#proven.has(nonce) && !this.#isOurs(nonce)) return 'unreadable';
    // Whole seconds, as Kamailio counts: a nonce lives at least as long as it was made for.
    return Number.parseInt(nonce.slice(0, HEX), 16) < Math.floor(this.#now() / 1000) ? 'stale' : 'good';
  }

  #isOurs(nonce: string): boolean {
    if (!FORM.test(nonce)) return false;
    const body = nonce.slice(0, 2 * HEX);
    const same = timingSafeEqual(Buffer.from(nonce.slice(2 * HEX), 'latin1'), Buffer.from(this.#mac(body), 'latin1'));
    if (!same) return false;
    if (this.#proven.size >= PROVEN) this.#proven.clear();
    this.#proven.add(joined(nonce));
    return true;
  }

  /** Takes a nonce count in: `replayed` where it is not above the last one. */
  count(nonce: string, nc: string): 'good' | 'replayed' {
    const n = Number.parseInt(nc, 16);
    const last = this.#counts.get(nonce) ?? 0;
    if (!(n > last)) return 'replayed';
    this.#counts.set(nonce, n);
    this.#forget(this.#counts);
    return 'good';
  }

  wasUsed(nonce: string): boolean {
    return this.#used.has(nonce);
  }

  use(nonce: string): void {
    this.#used.add(nonce);
    this.#forget(this.#used);
  }

  /** Drops what has expired, from the oldest on. */
  #forget(kept: Map<string, unknown> | Set<string>): void {
    for (const nonce of kept.keys()) {
      if (this.check(nonce) === 'good') return;
      kept.delete(nonce);
    }
  }
}

function hex(n: number): string {
  return (n >>> 0).toString(16).padStart(HEX, '0');
}
