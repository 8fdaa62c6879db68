/** Questions about texts and lists. */

const BLANKS = /^[ \t\r\n]+|[ \t\r\n]+$/g;

function items(list: string, separator: string): string[] {
  return list.split(separator).map((item) => item.replace(BLANKS, ''));
}

/** Is `value` one of the items? Case matters; an empty value never is. */
export function inList(value: string, list: string, separator: string): boolean {
  return value !== '' && list !== '' && items(list, separator).includes(value);
}

/** Does `value` begin with one of the items? */
export function inListPrefix(value: string, list: string, separator: string): boolean {
  if (value === '' || list === '') return false;
  return items(list, separator).some((item) => item !== '' && value.startsWith(item));
}

/** 1 equal, -1 the first is greater, -2 the second is: by bytes, a prefix is smaller. */
export function compared(a: string, b: string): number {
  if (a === b) return 1;
  return a > b ? -1 : -2;
}

/** As `compared`, ASCII letters as if in lower case. */
export function comparedIgnoringCase(a: string, b: string): number {
  return compared(lower(a), lower(b));
}

const UPPER = /[A-Z]+/g;

/** ASCII letters in lower case; other bytes stay. */
export function lower(text: string): string {
  return text.replace(UPPER, (s) => s.toLowerCase());
}

/** Position of `part` from 1; -1 when it is not there. */
export function positionOf(text: string, part: string): number {
  const at = text.indexOf(part);
  return at < 0 ? -1 : at + 1;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Date: Sat, 13 Nov 2010 23:29:00 GMT` and CRLF (RFC 3261, 20.17). */
export function dateHeader(ms: number): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  const day = `${DAYS[d.getUTCDay()]}, ${two(d.getUTCDate())} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
  return `Date: ${day} ${time} GMT\r\n`;
}

const PRIVACY = ['critical', 'header', 'history', 'id', 'none', 'session', 'user'];

/** A value of Privacy (RFC 3323), in lower case; undefined when it is none. */
export function privacyValue(text: string): string | undefined {
  const name = text.toLowerCase();
  return PRIVACY.includes(name) ? name : undefined;
}

/** Does a Privacy header's value hold `name`? A value that is not all right holds nothing. */
export function privacyHolds(header: string, name: string): boolean {
  const values = header.split(';').map((v) => privacyValue(v.trim()));
  if (values.includes(undefined) || (values.includes('none') && values.length > 1)) return false;
  return values.includes(name);
}
