/**
 * Chevrotain, from its one-file bundle. The package's own entry imports the whole of lodash-es, more than 600 files: that
 * is some 400 ms of every start of the command, against 20 ms for the bundle, which its `exports` don't name.
 */
import type * as Chevrotain from 'chevrotain';

async function load(): Promise<typeof Chevrotain> {
  try {
    const bundle = new URL('../chevrotain.min.mjs', import.meta.resolve('chevrotain'));
    return (await import(/* @vite-ignore */ bundle.href)) as typeof Chevrotain;
  } catch {
    // Bundled into something else, or no import.meta.resolve: the long way gives the same library.
    return await import('chevrotain');
  }
}

export const { createToken, EarlyExitException, EmbeddedActionsParser, EOF, Lexer, NoViableAltException } =
  await load();
export type { IOrAlt, IParserErrorMessageProvider, IToken, TokenType } from 'chevrotain';
