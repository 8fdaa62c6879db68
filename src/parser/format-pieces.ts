/** A script cut into pieces for the formatter: the text itself, whatever the preprocessor would make of it. */

export type PieceKind =
  /** A `#!` or `!!` line with the lines that continue it. */
  | 'directive'
  | 'comment'
  /** Strings, variables, selects and names in brackets: nothing in them is touched. */
  | 'fixed'
  | 'word'
  | 'symbol'
  | 'newline';

export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
  /** Blanks stand before it. */
  readonly spaced: string;
}

const BLANKS = /[ \t\r\b]*/y;
const DIRECTIVE = /(?:#!|!!)\w(?:\\\n|[^\n])*/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const COMMENT_MARK = /\/\*|\*\//g;
const DOUBLE = /"(?:[^"\\]|\\[\s\S])*"/y;
const SINGLE = /'[^']*'/y;
const VARIABLE_NAME = /\$+[\w.:]*/y;
const SELECT = /@\w[\w.]*(?:\[[^\]\n]*\][\w.]*)*/y;
const BRACKETS = /\[[^\]\n]*\]/y;
const WORD = /[\w.:]+/y;
const SYMBOL = /==|!=|=~|&&|\|\||<=|>=|<<|>>|[^\s]/y;

function at(re: RegExp, text: string, pos: number): string | undefined {
  re.lastIndex = pos;
  return re.exec(text)?.[0];
}

export function piecesOf(text: string): Piece[] {
  const out: Piece[] = [];
  let lineStart = true;
  for (let pos = 0; pos < text.length; ) {
    const spaced = at(BLANKS, text, pos) ?? '';
    pos += spaced.length;
    if (pos >= text.length) break;
    const [kind, piece] = pieceAt(text, pos, lineStart);
    out.push({ kind, text: piece, spaced });
    pos += piece.length;
    lineStart = kind === 'newline';
  }
  return out;
}

function pieceAt(text: string, pos: number, lineStart: boolean): readonly [PieceKind, string] {
  const c = text[pos]!;
  if (c === '\n') return ['newline', c];
  if (lineStart && (c === '#' || c === '!')) {
    const directive = at(DIRECTIVE, text, pos);
    if (directive !== undefined) return ['directive', directive];
  }
  const comment = c === '#' || text.startsWith('//', pos) ? at(LINE_COMMENT, text, pos) : blockComment(text, pos);
  if (comment !== undefined) return ['comment', comment];
  const fixed = fixedAt(text, pos, c);
  if (fixed !== undefined) return ['fixed', fixed];
  const word = at(WORD, text, pos);
  return word === undefined ? ['symbol', at(SYMBOL, text, pos) ?? c] : ['word', word];
}

function fixedAt(text: string, pos: number, c: string): string | undefined {
  if (c === '"') return at(DOUBLE, text, pos);
  if (c === "'") return at(SINGLE, text, pos);
  if (c === '@') return at(SELECT, text, pos);
  if (c === '[') return at(BRACKETS, text, pos);
  if (c !== '$') return undefined;
  const name = at(VARIABLE_NAME, text, pos) ?? c;
  const end = text[pos + name.length] === '(' ? closing(text, pos + name.length) : undefined;
  return end === undefined ? name : text.slice(pos, end);
}

/** Offset behind the parenthesis that closes the one at `pos`, on the same line. */
function closing(text: string, pos: number): number | undefined {
  let depth = 0;
  for (let i = pos; i < text.length && text[i] !== '\n'; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i + 1;
  }
  return undefined;
}

/** Block comments nest. */
function blockComment(text: string, pos: number): string | undefined {
  if (!text.startsWith('/*', pos)) return undefined;
  let depth = 0;
  COMMENT_MARK.lastIndex = pos;
  for (let mark = COMMENT_MARK.exec(text); mark !== null; mark = COMMENT_MARK.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return text.slice(pos, COMMENT_MARK.lastIndex);
  }
  return text.slice(pos);
}
