/** Bencode (BEP 3), the notation of RTPengine's control protocol. Texts have one character for each byte. */

export type Bencode = string | number | readonly Bencode[] | ReadonlyMap<string, Bencode>;

export function encode(value: Bencode): string {
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (value instanceof Map) {
    let out = 'd';
    for (const [key, item] of value as ReadonlyMap<string, Bencode>) out += encode(key) + encode(item);
    return `${out}e`;
  }
  return `l${(value as readonly Bencode[]).map(encode).join('')}e`;
}

/** Lists in lists beyond that are no answer of an RTPengine. */
const MAX_DEPTH = 32;

/** Undefined: it is none, or there is more behind it. */
export function decode(text: string): Bencode | undefined {
  const reader = new Reader(text);
  const value = reader.value(0);
  return reader.at === text.length ? value : undefined;
}

class Reader {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Bencode | undefined {
    const c = this.#text[this.at];
    if (depth > MAX_DEPTH || c === undefined) return undefined;
    if (c === 'i') return this.#number();
    if (c === 'l') return this.#list(depth);
    if (c === 'd') return this.#dictionary(depth);
    return this.#string();
  }

  #number(): number | undefined {
    const end = this.#text.indexOf('e', this.at);
    const digits = this.#text.slice(this.at + 1, end);
    if (end < 0 || !/^-?\d{1,20}$/.test(digits)) return undefined;
    this.at = end + 1;
    return Number(digits);
  }

  #string(): string | undefined {
    const colon = this.#text.indexOf(':', this.at);
    const digits = this.#text.slice(this.at, colon);
    if (colon < 0 || !/^\d{1,9}$/.test(digits)) return undefined;
    const end = colon + 1 + Number(digits);
    if (end > this.#text.length) return undefined;
    this.at = end;
    return this.#text.slice(colon + 1, end);
  }

  #list(depth: number): Bencode[] | undefined {
    const out: Bencode[] = [];
    this.at++;
    while (this.#text[this.at] !== 'e') {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      out.push(item);
    }
    this.at++;
    return out;
  }

  #dictionary(depth: number): Map<string, Bencode> | undefined {
    const out = new Map<string, Bencode>();
    this.at++;
    while (this.#text[this.at] !== 'e') {
      const key = this.#string();
      const item = key === undefined ? undefined : this.value(depth + 1);
      if (key === undefined || item === undefined) return undefined;
      out.set(key, item);
    }
    this.at++;
    return out;
  }
}

/** The entry of a dictionary; undefined where there is none or it is no dictionary. */
export const entry = (of: Bencode | undefined, key: string): Bencode | undefined =>
  of instanceof Map ? (of as ReadonlyMap<string, Bencode>).get(key) : undefined;

export function textEntry(of: Bencode | undefined, key: string): string | undefined {
  const value = entry(of, key);
  return typeof value === 'string' ? value : undefined;
}

export function numberEntry(of: Bencode | undefined, key: string): number | undefined {
  const value = entry(of, key);
  return typeof value === 'number' ? value : undefined;
}

/** As JSON knows it, for rtpengine_query_v() and the log. */
export function plain(value: Bencode): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...(value as ReadonlyMap<string, Bencode>)].map(([k, v]) => [k, plain(v)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
