/** Is a text a number, letters, a telephone number? */
import { fn, str, toText, variable } from '../../runtime/module.js';
import { refused } from './support.js';

const NOT = -2;
const OTHER_CHARACTER = -3;

const TEL = /^(?:\+[1-9])?\d+$|^\+[1-9]$/;
const E164 = /^\+\d{2,15}$/;

export function isE164(text: string): boolean {
  return E164.test(text);
}

/** User of a URI by its first `:` and `@`, nothing else being looked at. */
function userOf(uri: string): string | undefined {
  const colon = uri.indexOf(':');
  const at = uri.indexOf('@', colon + 1);
  return at < 0 ? undefined : uri.slice(colon + 1, at);
}

function alphanumeric(text: string, extra: string): number {
  if (text === '') return NOT;
  for (const c of text) if (!/[0-9A-Za-z]/.test(c) && !extra.includes(c)) return OTHER_CHARACTER;
  return 1;
}

export const NUMBER_FUNCTIONS = {
  is_numeric: fn({
    doc: 'Is the text made of digits alone?',
    args: [str('text')],
    run: (_ctx, _p, text) => (/^\d+$/.test(text) ? 1 : NOT),
  }),
  is_tel_number: fn({
    doc: 'Is the text digits, or a plus, a digit from 1 on and more digits?',
    args: [str('text')],
    run: (_ctx, _p, text) => (TEL.test(text) ? 1 : NOT),
  }),
  is_alphanum: fn({
    doc: 'Is the text made of ASCII letters and digits alone?',
    args: [str('text')],
    run: (_ctx, _p, text) => alphanumeric(text, ''),
  }),
  is_alphanumex: fn({
    doc: 'Is the text made of ASCII letters, digits and the extra characters alone?',
    args: [str('text'), str('extra')],
    run: (_ctx, _p, text, extra) => alphanumeric(text, extra),
  }),
  is_e164: fn({
    doc: 'Is the value of the variable a plus and 2 to 15 digits?',
    args: [variable('number')],
    routes: ['request', 'failure', 'local'],
    run(ctx, _p, variableOf) {
      const value = variableOf.get(ctx);
      if (value === null || value === undefined) return refused(ctx, 'pseudo variable value is not string');
      return isE164(toText(value)) ? 1 : -1;
    },
  }),
  is_uri_user_e164: fn({
    doc: 'Is the user of the URI in the variable a plus and 2 to 15 digits?',
    args: [variable('uri')],
    run(ctx, _p, variableOf) {
      const value = variableOf.get(ctx);
      if (value === null || value === undefined) return refused(ctx, 'pseudo variable value is not string');
      const uri = toText(value);
      if (uri !== '' && !uri.includes(':')) return refused(ctx, 'parsing URI failed');
      return isE164(userOf(uri) ?? '') ? 1 : -1;
    },
  }),
};
