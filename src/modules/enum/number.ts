/** E.164 numbers and the names under which the DNS has them (RFC 6116). */

/** Longest user part, one more than its characters. */
const MAX_NUMBER = 33;

export function isE164(user: string): boolean {
  return user.length < MAX_NUMBER && /^\+\d+$/.test(user);
}

/** Digits of the country code; the argument is a number with its plus. 0: not even three digits. */
export function countryCodeLength(number: string): number {
  const digits = number.slice(1);
  if (digits.length < 3) return 0;
  if (/^[17]/.test(digits)) return 1;
  if (/^(?:2[07]|3[0-469]|4[^2]|5[1-8]|6[0-6]|8[1246]|9[0-58])/.test(digits)) return 2;
  return digits[0] === '0' ? 0 : 3;
}

const reversed = (digits: string): string => [...digits].reverse().join('.');

/** `+4930` under `e164.arpa.`: `0.3.9.4.e164.arpa.` */
export function domainOf(number: string, suffix: string): string {
  return `${reversed(number.slice(1))}.${suffix}`;
}

/** The same with a label between the first `digits` digits and the rest, for infrastructure ENUM; '': none. */
export function branchDomainOf(number: string, suffix: string, digits: number, label: string): string {
  const all = number.slice(1);
  // behind the last digit alone there is nothing to set apart
  if (label === '' || digits < 0 || digits >= all.length) return domainOf(number, suffix);
  const head = all.slice(0, digits);
  return `${reversed(all.slice(digits))}.${label}.${head === '' ? '' : `${reversed(head)}.`}${suffix}`;
}
