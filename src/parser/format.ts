/**
 * The formatter: blanks and indentation alone change. Comments, strings, variables and preprocessor lines stay letter for
 * letter, and each statement stays on its lines.
 */
import { type Piece, piecesOf } from './format-pieces.js';
import { parseScript } from './index.js';
import type { ParseOptions } from './source.js';

type Level = 'block' | 'switch' | 'paren';

/** Blanks stand on both sides of these within a block. */
const SPACED = new Set(['=', '==', '!=', '=~', '&&', '||', '<=', '>=']);
const LABELS = new Set(['case', 'default', 'default:', 'regex']);
const BEFORE_PAREN = new Set(['if', 'while', 'switch']);
const INDENT: Readonly<Record<Level, number>> = { block: 1, switch: 2, paren: 1 };

export function formatScript(text: string): string {
  const lines = new Formatter();
  let line: Piece[] = [];
  for (const piece of piecesOf(text)) {
    if (piece.kind !== 'newline') line.push(piece);
    else {
      lines.add(line);
      line = [];
    }
  }
  if (line.length > 0) lines.addLast(line);
  return lines.text;
}

/** Formats `text` and makes sure that it still says the same; undefined where it would not. */
export function formatSafely(file: string, text: string, options: Omit<ParseOptions, 'readFile'>): string | undefined {
  const formatted = formatScript(text);
  return meaning(file, text, options) === meaning(file, formatted, options) ? formatted : undefined;
}

/** What the parser makes of it, without the places. */
function meaning(file: string, text: string, options: Omit<ParseOptions, 'readFile'>): string {
  const { items, defines, comments, problems } = parseScript(file, {
    ...options,
    readFile: (path) => (path === file ? text : undefined),
  });
  const what = [items, [...defines], comments.map((c) => c.text.trimEnd()), problems.map((p) => p.code)];
  return JSON.stringify(what, (key, value: unknown) => (/span$/i.test(key) ? undefined : value));
}

class Formatter {
  readonly #out: string[] = [];
  #levels: Level[] = [];
  /** Levels where the `#!ifdef`s that are open began. */
  readonly #saved: Level[][] = [];
  /** Last piece of script, on whatever line. */
  #last = '';
  /** The last line of script is a label. */
  #afterLabel = false;
  /** A `switch` waits for its brace. */
  #switch = false;
  #openEnd = false;

  get text(): string {
    while (this.#out.at(-1) === '') this.#out.pop();
    const text = this.#out.join('\n');
    // A directive at the very end of a file is one only with a line end.
    return text === '' || this.#openEnd ? text : `${text}\n`;
  }

  add(line: readonly Piece[]): void {
    const first = line[0];
    if (first === undefined) {
      if (this.#out.length > 0 && this.#out.at(-1) !== '') this.#out.push('');
      return;
    }
    if (first.kind === 'directive') {
      this.#directive(first.text);
      this.#out.push(first.text);
      return;
    }
    const indent = this.#indentOf(line);
    this.#out.push(`${'\t'.repeat(indent)}${this.#textOf(line)}`.trimEnd());
  }

  /** A last line without a line end. */
  addLast(line: readonly Piece[]): void {
    this.add(line);
    this.#openEnd = line[0]?.kind === 'directive';
  }

  #directive(text: string): void {
    if (/^..ifn?def/.test(text)) this.#saved.push([...this.#levels]);
    else if (/^..else\b/.test(text)) this.#levels = [...(this.#saved.at(-1) ?? this.#levels)];
    else if (/^..endif/.test(text)) this.#saved.pop();
  }

  #indentOf(line: readonly Piece[]): number {
    const first = line[0]!;
    let closed = 0;
    while (line[closed]?.kind === 'symbol' && /^[})]$/.test(line[closed]!.text)) closed++;
    const levels = this.#levels.slice(0, Math.max(0, this.#levels.length - closed));
    const top = levels.at(-1);
    const isLabel = first.kind === 'word' && LABELS.has(first.text) && top === 'switch';
    const depth = levels.reduce((sum, level) => sum + INDENT[level], 0) - (isLabel ? 1 : 0);
    return depth + (closed === 0 && this.#continues(first, top) ? 1 : 0);
  }

  /** Does the line go on with the statement of the line before? */
  #continues(first: Piece, top: Level | undefined): boolean {
    if (top === undefined || top === 'paren' || first.text === '{' || this.#afterLabel) return false;
    if (first.kind === 'comment') return false;
    return !/^[;{}]?$/.test(this.#last);
  }

  #textOf(line: readonly Piece[]): string {
    const isLabel = LABELS.has(line[0]!.text) && this.#levels.at(-1) === 'switch';
    let text = '';
    let before: Piece | undefined;
    for (const piece of line) {
      text += this.#gap(before, piece) + piece.text;
      if (piece.kind !== 'comment') this.#step(piece);
      before = piece;
    }
    const code = line.filter((p) => p.kind !== 'comment');
    if (code.length > 0) this.#afterLabel = isLabel && /:$/.test(code.at(-1)!.text);
    return text;
  }

  /** Blanks between two pieces of a line. */
  #gap(before: Piece | undefined, piece: Piece): string {
    if (before === undefined) return '';
    const inBlock = this.#levels.some((level) => level !== 'paren');
    if (piece.kind === 'comment' || before.kind === 'comment') return piece.spaced === '' ? ' ' : piece.spaced;
    if (piece.text === '{' && piece.kind === 'symbol') return ' ';
    if (before.kind === 'symbol' && before.text === ',') return ' ';
    if (before.kind === 'symbol' && before.text === '}' && piece.text === 'else') return ' ';
    if (before.kind === 'word' && BEFORE_PAREN.has(before.text) && piece.text === '(') return ' ';
    if (piece.kind === 'symbol' && (piece.text === ';' || piece.text === ',')) return '';
    if (inBlock && (isSpaced(before) || isSpaced(piece))) return ' ';
    return piece.spaced === '' ? '' : ' ';
  }

  #step(piece: Piece): void {
    this.#last = piece.text;
    if (piece.kind === 'word' && piece.text === 'switch') this.#switch = true;
    if (piece.kind !== 'symbol') return;
    if (piece.text === '(') this.#levels.push('paren');
    else if (piece.text === ')' || piece.text === '}') this.#levels.pop();
    else if (piece.text === '{') {
      this.#levels.push(this.#switch ? 'switch' : 'block');
      this.#switch = false;
    }
  }
}

function isSpaced(piece: Piece): boolean {
  return piece.kind === 'symbol' && SPACED.has(piece.text);
}
