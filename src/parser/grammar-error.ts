/** What a rule throws when the text does not fit; the names are chevrotain's. */

/** The next token is none that the rule takes. */
export class MismatchedTokenException extends Error {
  override readonly name = 'MismatchedTokenException';
}

/** No alternative begins with the next token. */
export class NoViableAltException extends Error {
  override readonly name = 'NoViableAltException';
}

/** What must be there once is not. */
export class EarlyExitException extends Error {
  override readonly name = 'EarlyExitException';
}

const NAMES = new Set(['MismatchedTokenException', 'NoViableAltException', 'EarlyExitException']);

/** Is it one of them, chevrotain's own included? */
export function isGrammarError(error: unknown): error is Error {
  return error instanceof Error && NAMES.has(error.name);
}
