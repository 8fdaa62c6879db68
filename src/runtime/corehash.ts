/** Kamailio's string hash (variables.md, section 13): core_hash(), {s.corehash}, slots of hash tables, dispatcher. */

/** One byte as a signed C char. */
function signed(byte: number): number {
  return byte > 127 ? byte - 256 : byte;
}

/** ASCII letters in lower case. */
function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

const same = (byte: number) => byte;

function add(h: number, text: string, spell: (byte: number) => number): number {
  const n = text.length;
  let at = 0;
  for (; at + 4 <= n; at += 4) {
    let v = 0;
    for (let i = 0; i < 4; i++) v = (v * 256 + signed(spell(text.charCodeAt(at + i)))) | 0;
    h = (h + ((v ^ (v >>> 3)) >>> 0)) >>> 0;
  }
  let v = 0;
  for (; at < n; at++) v = ((v << 8) + signed(spell(text.charCodeAt(at)))) | 0;
  return (h + ((v ^ (v >>> 3)) >>> 0)) >>> 0;
}

/** The raw sum of one or two texts, not yet brought to a size. */
export function hashSum(first: string, second?: string, ignoreCase = false): number {
  const spell = ignoreCase ? lower : same;
  const h = add(0, first, spell);
  const sum = second === undefined ? h : add(h, second, spell);
  return (sum + (sum >>> 11) + (sum >>> 13) + (sum >>> 23)) >>> 0;
}

/** Hash of one text, or of one continued by a second; `size` is a power of two, 0 for all 32 bits. */
export function coreHash(first: string, second?: string, size = 0): number {
  const h = hashSum(first, second);
  return size === 0 ? h : (h & (size - 1)) >>> 0;
}

/** As `coreHash`, ASCII letters in lower case. */
export function coreCaseHash(first: string, second?: string, size = 0): number {
  const h = hashSum(first, second, true);
  return size === 0 ? h : (h & (size - 1)) >>> 0;
}
