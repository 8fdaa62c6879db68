/** Comments that were probably meant as directives. */
import { nearest } from './nearest.js';
import { DIRECTIVES } from './preprocessor.js';

/** Directives of newer versions, which are comments here. */
const NEWER: Readonly<Record<string, string>> = {
  ifexp: 'Kamailio 5.6 has no #!ifexp; use #!ifdef',
  defexp: 'Kamailio 5.6 has no #!defexp; use #!define',
  defexps: 'Kamailio 5.6 has no #!defexps; use #!substdefs',
};

/** What is wrong with `#!word`, or undefined for a comment that means to be one; `atEnd`: no newline follows. */
export function nearMissHint(word: string, atEnd: boolean): string | undefined {
  if (word === 'else' || word === 'endif') {
    return atEnd
      ? `a newline must follow #!${word}`
      : `nothing but blanks may follow #!${word}: put the comment on a line of its own`;
  }
  if (Object.hasOwn(NEWER, word)) return NEWER[word];
  if (DIRECTIVES.includes(word)) return `#!${word} needs a name behind it`;
  const meant = word.length > 2 ? nearest(word, DIRECTIVES) : undefined;
  return meant ? `did you mean #!${meant}?` : undefined;
}
