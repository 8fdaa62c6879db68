/** Pieces of text that need a closer look than their first character: numbers, strings, addresses. */

const NUMBER = /^(?:0|[1-9]\d*|0x[0-9a-fA-F]+|0[0-7]+|[01]+b)$/;

/** The value of a number as written, or undefined for another word that starts with a digit. */
export function numberValue(word: string): number | undefined {
  if (!NUMBER.test(word)) return undefined;
  if (word.endsWith('b') && !word.startsWith('0x')) return low32(Number.parseInt(word, 2));
  if (word.startsWith('0x')) return low32(Number.parseInt(word, 16), word);
  return low32(Number.parseInt(word, word.startsWith('0') ? 8 : 10), word);
}

/** The low 32 bits, as Kamailio's int: what does not fit 64 bits is the greatest 64-bit number first. */
function low32(value: number, word = ''): number {
  if (Number.isSafeInteger(value)) return Number(BigInt.asIntN(32, BigInt(value)));
  if (value >= 2 ** 63) return -1;
  const exact = word.startsWith('0') && !word.startsWith('0x') ? `0o${word.slice(1)}` : word;
  return /^0[xo][0-9a-fA-F]+$|^\d+$/.test(exact) ? Number(BigInt.asIntN(32, BigInt(exact))) : value | 0;
}

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  a: '\x07',
  t: '\t',
  '"': '"',
  '\\': '\\',
  '\n': '',
};

const ESCAPE = /\\(?:x[0-9a-fA-F]{1,2}|[0-7]{2,3}|[nrat"\\\n])/g;

/** The text of a double-quoted string with its escapes resolved; an unknown escape stays as it is. */
export function resolveEscapes(raw: string): string {
  return raw.replace(ESCAPE, (match) => {
    const code = match.charAt(1);
    const simple = SIMPLE[code];
    if (simple !== undefined) return simple;
    const value = code === 'x' ? Number.parseInt(match.slice(2), 16) : Number.parseInt(match.slice(1), 8);
    return String.fromCharCode(value & 0xff);
  });
}

/** An address with `::`, or with all eight groups. */
export const IPV6 =
  /(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?:[0-9a-fA-F]{1,4}:){1,7}(?::[0-9a-fA-F]{1,4}){1,7}|:(?::[0-9a-fA-F]{1,4}){1,7}|(?:[0-9a-fA-F]{1,4}:){1,7}:|::/y;
