/** Texts made unreadable for others: base64 in an alphabet that the key shuffles, the same in all servers with that key. */
import { createHash } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-';
const PAD = '*';

/** CRC of CCITT with the bits turned round (X.25). */
function crc(bytes: Buffer): number {
  let sum = 0xffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) !== 0 ? (sum >>> 1) ^ 0x8408 : sum >>> 1;
  }
  return ~sum & 0xffff;
}

function shuffled(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  const md5 = createHash('md5').update(bytes).update(bytes).digest();
  const sum = crc(bytes);
  const letters = [...ALPHABET];
  for (let last = letters.length; last > 1; last--) {
    const at = sum + last + bytes.length;
    const word = md5.readUInt32LE((at % 4) * 4);
    const pick = ((word + bytes.readInt8(at % bytes.length)) >>> 0) % last;
    const letter = letters[pick]!;
    letters[pick] = letters[last - 1]!;
    letters[last - 1] = letter;
  }
  return letters.join('');
}

export class Mask {
  readonly #letters: string;
  readonly #values = new Map<string, number>();

  constructor(key: string) {
    this.#letters = shuffled(key);
    for (const [i, letter] of [...this.#letters].entries()) this.#values.set(letter, i);
  }

  encode(text: string, prefix: string): string {
    const letter = (n: number) => this.#letters[n & 63]!;
    let out = prefix;
    for (let at = 0; at < text.length; at += 3) {
      const left = text.length - at;
      const second = left > 1 ? text.charCodeAt(at + 1) : 0;
      const third = left > 2 ? text.charCodeAt(at + 2) : 0;
      const block = (text.charCodeAt(at) << 16) | (second << 8) | third;
      out += letter(block >> 18) + letter(block >> 12);
      out += (left > 1 ? letter(block >> 6) : PAD) + (left > 2 ? letter(block) : PAD);
    }
    return out;
  }

  /** `text` behind its prefix, which is not looked at; undefined: it is not of this kind. */
  decode(text: string, prefix: string): string | undefined {
    const coded = text.replace(/\*+$/, '');
    const length = (((text.length - prefix.length) * 6) >> 3) - (text.length - coded.length);
    if (length <= 0) return undefined;
    let out = '';
    let block = 0;
    let bits = 0;
    for (const c of coded.slice(prefix.length)) {
      const value = this.#values.get(c);
      if (value === undefined) return undefined;
      block = ((block << 6) | value) & 0xffffff;
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      out += String.fromCharCode((block >> bits) & 0xff);
    }
    return out.slice(0, length);
  }
}
