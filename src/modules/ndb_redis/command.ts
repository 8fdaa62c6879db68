/** The words of a redis command, as the client library of Kamailio's ndb_redis cuts its format text. */

/**
 * Splits at blanks and puts `args` in the places of `%s` (and `%b`), whole, blanks and all; `%%` is a percent sign.
 * @returns the words, or why they cannot be had
 */
export function commandWords(format: string, args: readonly string[]): string[] | string {
  const words: string[] = [];
  let word: string | undefined;
  let used = 0;
  for (let i = 0; i < format.length; i++) {
    const c = format[i]!;
    if (c === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= '';
    if (c !== '%' || i === format.length - 1) {
      word += c;
      continue;
    }
    const what = format[++i]!;
    if (what === '%') word += '%';
    else if (what !== 's' && what !== 'b') return `%${what} in a command is not built in kamscript: %s takes any value`;
    else if (used === args.length) return 'command argument specifier found, but no params';
    else word += args[used++]!;
  }
  if (word !== undefined) words.push(word);
  return words.length === 0 ? 'the command is empty' : words;
}
