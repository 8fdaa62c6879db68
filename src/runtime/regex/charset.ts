/** Sets of bytes, as the C locale of Kamailio's processes has them: letters are ASCII, nothing above 127 folds. */

/** 256 entries, 1 where the byte belongs to the set. */
export type ByteSet = Uint8Array;

export const NEWLINE = 10;

export function emptySet(): ByteSet {
  return new Uint8Array(256);
}

export function setOf(test: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (test(byte) ? 1 : 0));
}

export function complement(set: ByteSet): ByteSet {
  return set.map((inside) => 1 - inside);
}

export function addAll(to: ByteSet, from: ByteSet): void {
  for (let byte = 0; byte < 256; byte++) if (from[byte]) to[byte] = 1;
}

const between = (low: string, high: string) => (byte: number) =>
  byte >= low.charCodeAt(0) && byte <= high.charCodeAt(0);
const isUpper = between('A', 'Z');
const isLower = between('a', 'z');
const isDigit = between('0', '9');
const isAlpha = (byte: number) => isUpper(byte) || isLower(byte);
const isAlnum = (byte: number) => isAlpha(byte) || isDigit(byte);
const isGraph = (byte: number) => byte > 32 && byte < 127;

/** The classes of `[[:name:]]`. */
const CLASSES: Readonly<Record<string, (byte: number) => boolean>> = {
  alnum: isAlnum,
  alpha: isAlpha,
  blank: (byte) => byte === 32 || byte === 9,
  cntrl: (byte) => byte < 32 || byte === 127,
  digit: isDigit,
  graph: isGraph,
  lower: isLower,
  print: (byte) => byte === 32 || isGraph(byte),
  punct: (byte) => isGraph(byte) && !isAlnum(byte),
  space: (byte) => byte === 32 || (byte >= 9 && byte <= 13),
  upper: isUpper,
  xdigit: (byte) => isDigit(byte) || between('a', 'f')(byte) || between('A', 'F')(byte),
};

export function classSet(name: string): ByteSet | undefined {
  const test = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  return test === undefined ? undefined : setOf(test);
}

export const WORD: ByteSet = setOf((byte) => isAlnum(byte) || byte === 95);
export const SPACE: ByteSet = setOf((byte) => byte === 32 || (byte >= 9 && byte <= 13));
export const ANY: ByteSet = setOf(() => true);
export const ANY_BUT_NEWLINE: ByteSet = setOf((byte) => byte !== NEWLINE);

/** Byte in upper case, ASCII only: glibc folds pattern and subject so when case is ignored. */
export function upper(byte: number): number {
  return isLower(byte) ? byte - 32 : byte;
}

/** The bytes whose upper case is in the set. */
export function folded(set: ByteSet): ByteSet {
  return setOf((byte) => set[upper(byte)] === 1);
}
