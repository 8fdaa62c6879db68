const PRIME = 0x01000193;

/** 32-bit FNV-1a over latin1 text; unsigned. `seed` makes another hash of it. */
export function fnv1a(text: string, seed = 0x811c9dc5): number {
  return fnv1aOf(text, 0, text.length, seed);
}

/** `fnv1a` of the text from `from` to `to`; the hash of what came before makes one of both in a row. */
export function fnv1aOf(text: string, from: number, to: number, seed = 0x811c9dc5): number {
  let h = seed | 0;
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), PRIME);
  return h >>> 0;
}

/** `fnv1a` of a number's decimal digits. */
export function fnv1aNumber(n: number, seed: number): number {
  let h = seed | 0;
  let power = 1;
  while (power * 10 <= n) power *= 10;
  for (; power >= 1; power = Math.floor(power / 10)) h = Math.imul(h ^ (48 + (Math.floor(n / power) % 10)), PRIME);
  return h >>> 0;
}
