/** The tables by which the scanner tells tokens apart (language.md, section 2). */
import type { TokenType } from './chevrotain.js';
import { T } from './tokens.js';

export const WORD = 1;
export const BLANK = 2;

/** The class of a character by its code: WORD, BLANK or 0. */
export const CLASS = new Uint8Array(256);
for (let c = 0; c < 256; c += 1) {
  if (/\w/.test(String.fromCharCode(c))) CLASS[c] = WORD;
}
for (const blank of ' \t\b\r') CLASS[blank.charCodeAt(0)] = BLANK;

type SymbolEntry = readonly [text: string, type: TokenType];

const SYMBOLS: readonly SymbolEntry[] = [
  ['(int)', T.IntCast],
  ['(str)', T.StrCast],
  ['||', T.Or],
  ['&&', T.And],
  ['<<', T.ShiftLeft],
  ['>>', T.ShiftRight],
  ['==', T.Equals],
  ['!=', T.Differs],
  ['=~', T.Match],
  ['<=', T.LessEq],
  ['>=', T.GreaterEq],
  ['+=', T.Bad],
  [';', T.Semicolon],
  ['(', T.LParen],
  [')', T.RParen],
  ['{', T.LBrace],
  ['}', T.RBrace],
  ['[', T.LBracket],
  [']', T.RBracket],
  [',', T.Comma],
  [':', T.Colon],
  ['.', T.Dot],
  ['=', T.Equal],
  ['|', T.BitOr],
  ['&', T.BitAnd],
  ['^', T.BitXor],
  ['<', T.Less],
  ['>', T.Greater],
  ['+', T.Plus],
  ['-', T.Minus],
  ['*', T.Star],
  ['/', T.Slash],
  ['!', T.Not],
  ['~', T.BitNot],
  ['%', T.Bad],
];
/** By first character, longest first. */
export const SYMBOL_TABLE: (readonly SymbolEntry[] | undefined)[] = [];
for (const [text] of SYMBOLS) {
  SYMBOL_TABLE[text.charCodeAt(0)] ??= SYMBOLS.filter(([other]) => other.charAt(0) === text.charAt(0));
}

/** Tokens of two words with a colon, by their first word. */
export const COLON_WORDS: ReadonlyMap<string, readonly SymbolEntry[]> = new Map([
  ['msg', [[':len', T.IntOperand]]],
  [
    'uri',
    [
      [':host', T.UriHost],
      [':port', T.UriPort],
    ],
  ],
]);

export const VARIABLE_NAME = /[A-Za-z_]\w*/y;
/** `$f.name`, `$name[index]`: attributes, outside the mode KAMAILIO. */
export const ATTRIBUTE = /(?:(?:[ft][rud]?|g)\.)?[A-Za-z_]\w*(?:\[-?\w*\])?/y;
export const ATTRIBUTE_CLASS = /(?:[ft][rud]?|g)\.[A-Za-z_]/y;
const SELECT_INDEX = String.raw`(?:\[(?:-?\w+|"[^"\n]*")\])?`;
export const SELECT = new RegExp(String.raw`@[A-Za-z_]\w*${SELECT_INDEX}(?:\.[A-Za-z_]\w*${SELECT_INDEX})*`, 'y');
export const EVENT_NAME = /[a-zA-Z][0-9a-zA-Z-]*(?::[a-zA-Z][0-9a-zA-Z_-]*)+/g;
export const COMMENT_MARK = /\/\*|\*\//g;
