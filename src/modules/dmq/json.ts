/**
 * JSON of the bus read without losing a byte. Bodies are latin1 text whose non-ASCII bytes are UTF-8; JSON.parse leaves
 * them alone, but turns `\u20ac` into one character, which has to become the UTF-8 bytes that stand for it.
 */

const NUMBERED = /\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|[\s\S])/g;

/** The value, or undefined when the text is no JSON. Never throws. */
export function parseJson(body: string): unknown {
  const text = body.includes('\\u') ? body.replace(NUMBERED, asBytes) : body;
  try {
    return JSON.parse(text.endsWith('\0') ? text.slice(0, text.indexOf('\0')) : text);
  } catch {
    return undefined;
  }
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

function asBytes(whole: string, hex: string | undefined, low: string | undefined): string {
  if (hex === undefined) return whole;
  const code = Number.parseInt(hex, 16);
  if (low !== undefined && isHigh(code)) return utf8(String.fromCharCode(code, Number.parseInt(low, 16)));
  const rest = low === undefined ? '' : utf8(String.fromCharCode(Number.parseInt(low, 16)));
  // Below 128 the escape stays: it may stand for a quote or a control character.
  return code < 128 ? `${whole.slice(0, 6)}${rest}` : utf8(String.fromCharCode(code)) + rest;
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number as Kamailio takes it into an int; 0 for anything else. */
export function intOf(value: unknown): number {
  if (typeof value !== 'number') return 0;
  if (value >= 2147483647) return 2147483647;
  return value <= -2147483648 ? -2147483648 : Math.trunc(value);
}
