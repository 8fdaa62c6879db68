/**
 * A value of a script (variables.md, section 1): int (always 32 bit signed unless a Dual says otherwise), string
 * (latin1, one character a byte), null (`$null`), a text with a number beside it, or `undefined`, a read that failed
 * (prints as nothing, equals `$null`, assigns 0).
 */
export type Value = number | string | null | undefined | Dual;

/** A value with both texts: `isInt` false is Kamailio's "dual" (counts as string), true its "int with its own text". */
export class Dual {
  readonly text: string;
  readonly int: number;
  readonly isInt: boolean;
  constructor(text: string, int: number, isInt = false) {
    this.text = text;
    this.int = int;
    this.isInt = isInt;
  }
}

/**
 * A value as a variable hands it over: an int brings its text along, so that string-only targets take it
 * (`$rU = $var(i)` works where `$rU = 5` is refused; case pv/ruri-assign-null). For assignments whose right side is one
 * variable alone.
 */
export function withText(v: Value): Value {
  return typeof v === 'number' ? new Dual(`${v}`, v, true) : v;
}

/** Text of a value where a string is wanted; null and a failed read are "". */
export function toText(v: Value): string {
  if (typeof v === 'string') return v;
  if (typeof v === 'number') return `${v}`;
  return v instanceof Dual ? v.text : '';
}

/** Text of a value inside a format: null prints as `<null>`, a failed read as nothing. */
export function printed(v: Value): string {
  if (typeof v === 'string') return v;
  if (typeof v === 'number') return `${v}`;
  if (v === null) return '<null>';
  return v instanceof Dual ? v.text : '';
}

/** Is it an int (a number, or an int with its own text)? */
export function isInt(v: Value): v is number | Dual {
  return typeof v === 'number' || (v instanceof Dual && v.isInt);
}

const DECIMAL = /^[+-]?\d+$/;
const HEX = /^[+-]?0[xX][0-9a-fA-F]+$/;

/** Int of a text by Kamailio's str2sint rules (language.md, Conversions): undefined where that is no number. */
export function parseInt32(s: string): number | undefined {
  const n = DECIMAL.test(s) ? Number(s) : HEX.test(s) ? hex(s) : Number.NaN;
  return n >= -2147483648 && n <= 2147483647 ? n : undefined;
}

function hex(s: string): number {
  const neg = s[0] === '-';
  const n = Number.parseInt(s.replace(/^[+-]/, ''), 16);
  return neg ? -n : n;
}

/** Int of a value where a number is wanted: null, a failed read and a text that is no number are 0. */
export function toInt(v: Value): number {
  if (typeof v === 'number') return v;
  if (typeof v === 'string') return v === '' ? 0 : (parseInt32(v) ?? 0);
  return v instanceof Dual ? v.int : 0;
}
