/**
 * MD5 (RFC 1321) of latin1 text. Digest authentication hashes a few short texts for each request: handing one over to
 * OpenSSL costs several times what the hash of one or two blocks does.
 */

const BLOCK = 64;
/** Bytes of a block that the text may take where its length has to fit in too. */
const ROOM = 56;

/** `floor(2^32 × abs(sin(i + 1)))`. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));
const HEX = Array.from('0123456789abcdef', (c) => c.charCodeAt(0));

const words = new Int32Array(BLOCK / 4);
const state = new Int32Array(4);

/** Of the texts with a colon between each and the next, as digests have it: 32 digits in lower case. */
export function md5(...texts: readonly string[]): string {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  words.fill(0);
  let used = 0;
  let length = texts.length - 1;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!;
    length += text.length;
    used = add(text, used);
    if (i + 1 < texts.length) used = add(':', used);
  }
  // a 1 bit ends the text
  words[used >> 2]! |= 0x80 << ((used & 3) << 3);
  if (used >= ROOM) mix();
  words[14] = length << 3;
  words[15] = length >>> 29;
  mix();
  return hex(state[0], state[1], state[2], state[3]);
}

/** Puts text behind the `used` bytes of the block; gives how many of it are used then. A full one is mixed in. */
function add(text: string, used: number): number {
  let at = used;
  for (let i = 0; i < text.length; i++) {
    words[at >> 2]! |= (text.charCodeAt(i) & 255) << ((at & 3) << 3);
    if (++at === BLOCK) {
      mix();
      at = 0;
    }
  }
  return at;
}

function turned(sum: number, bits: number, b: number): number {
  return (((sum << bits) | (sum >>> (32 - bits))) + b) | 0;
}

/** Mixes the block into the state and empties it: four rounds of 16 steps, four of which bring each word to its place again. */
function mix(): void {
  const x = words;
  const s = SINES;
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  for (let i = 0; i < 16; i += 4) {
    a = turned((a + (d ^ (b & (c ^ d))) + x[i]! + s[i]!) | 0, 7, b);
    d = turned((d + (c ^ (a & (b ^ c))) + x[i + 1]! + s[i + 1]!) | 0, 12, a);
    c = turned((c + (b ^ (d & (a ^ b))) + x[i + 2]! + s[i + 2]!) | 0, 17, d);
    b = turned((b + (a ^ (c & (d ^ a))) + x[i + 3]! + s[i + 3]!) | 0, 22, c);
  }
  for (let i = 16; i < 32; i += 4) {
    a = turned((a + (c ^ (d & (b ^ c))) + x[(5 * i + 1) & 15]! + s[i]!) | 0, 5, b);
    d = turned((d + (b ^ (c & (a ^ b))) + x[(5 * i + 6) & 15]! + s[i + 1]!) | 0, 9, a);
    c = turned((c + (a ^ (b & (d ^ a))) + x[(5 * i + 11) & 15]! + s[i + 2]!) | 0, 14, d);
    b = turned((b + (d ^ (a & (c ^ d))) + x[(5 * i + 16) & 15]! + s[i + 3]!) | 0, 20, c);
  }
  for (let i = 32; i < 48; i += 4) {
    a = turned((a + (b ^ c ^ d) + x[(3 * i + 5) & 15]! + s[i]!) | 0, 4, b);
    d = turned((d + (a ^ b ^ c) + x[(3 * i + 8) & 15]! + s[i + 1]!) | 0, 11, a);
    c = turned((c + (d ^ a ^ b) + x[(3 * i + 11) & 15]! + s[i + 2]!) | 0, 16, d);
    b = turned((b + (c ^ d ^ a) + x[(3 * i + 14) & 15]! + s[i + 3]!) | 0, 23, c);
  }
  for (let i = 48; i < 64; i += 4) {
    a = turned((a + (c ^ (b | ~d)) + x[(7 * i) & 15]! + s[i]!) | 0, 6, b);
    d = turned((d + (b ^ (a | ~c)) + x[(7 * i + 7) & 15]! + s[i + 1]!) | 0, 10, a);
    c = turned((c + (a ^ (d | ~b)) + x[(7 * i + 14) & 15]! + s[i + 2]!) | 0, 15, d);
    b = turned((b + (d ^ (c | ~a)) + x[(7 * i + 21) & 15]! + s[i + 3]!) | 0, 21, c);
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  x.fill(0);
}

/** The bytes of the words, the lowest of each first. */
function hex(a: number, b: number, c: number, d: number): string {
  return String.fromCharCode(
    HEX[(a >> 4) & 15]!,
    HEX[a & 15]!,
    HEX[(a >> 12) & 15]!,
    HEX[(a >> 8) & 15]!,
    HEX[(a >> 20) & 15]!,
    HEX[(a >> 16) & 15]!,
    HEX[(a >> 28) & 15]!,
    HEX[(a >> 24) & 15]!,
    HEX[(b >> 4) & 15]!,
    HEX[b & 15]!,
    HEX[(b >> 12) & 15]!,
    HEX[(b >> 8) & 15]!,
    HEX[(b >> 20) & 15]!,
    HEX[(b >> 16) & 15]!,
    HEX[(b >> 28) & 15]!,
    HEX[(b >> 24) & 15]!,
    HEX[(c >> 4) & 15]!,
    HEX[c & 15]!,
    HEX[(c >> 12) & 15]!,
    HEX[(c >> 8) & 15]!,
    HEX[(c >> 20) & 15]!,
    HEX[(c >> 16) & 15]!,
    HEX[(c >> 28) & 15]!,
    HEX[(c >> 24) & 15]!,
    HEX[(d >> 4) & 15]!,
    HEX[d & 15]!,
    HEX[(d >> 12) & 15]!,
    HEX[(d >> 8) & 15]!,
    HEX[(d >> 20) & 15]!,
    HEX[(d >> 16) & 15]!,
    HEX[(d >> 28) & 15]!,
    HEX[(d >> 24) & 15]!,
  );
}
