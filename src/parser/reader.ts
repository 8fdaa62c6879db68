/** Reads through files, includes and the texts of defines, and knows for each character which place it came from. */
import type { Span } from './problem.js';

interface Frame {
  readonly file: string;
  readonly text: string;
  readonly pos: number;
  readonly line: number;
  readonly lineStart: number;
  readonly prefixEnd: number;
  readonly prefixSpan: Span | undefined;
  readonly isDefine: boolean;
  readonly active: ActiveDefine | undefined;
}

/** A define whose text is being read: active until only `rest` characters of the frame are left. */
interface ActiveDefine {
  readonly name: string;
  readonly rest: number;
  /** The one in whose text it is used; that ends later. */
  readonly outer: ActiveDefine | undefined;
}

const LF = 10;
const LONG_LINE = 2000;

/**
 * A stack of texts. The text of a define is put before the rest of the line it was used in, as a frame of its own, so
 * that unbalanced pieces join with what follows; up to `prefixEnd`, places are those of the use (`prefixSpan`).
 */
export class Reader {
  file = '';
  text = '';
  pos = 0;
  line = 1;
  /** Offset at which the column is 1. */
  lineStart = 0;
  /** Counts tokens, comments and problems: Span.order. */
  order = 0;
  #prefixEnd = 0;
  #prefixSpan: Span | undefined;
  #opened = false;
  #isDefine = false;
  #active: ActiveDefine | undefined;
  readonly #stack: Frame[] = [];

  #startLine = 1;
  #startColumn = 1;
  #startSpan: Span | undefined;
  #endLine = 1;
  #endColumn = 1;
  #endSpan: Span | undefined;

  /** A place of its own in the order. */
  next(): number {
    this.order += 1;
    return this.order;
  }

  get isDefine(): boolean {
    return this.#isDefine;
  }

  /** How many files are open above the first. */
  get depth(): number {
    return this.#stack.reduce((n, frame) => n + (frame.isDefine ? 0 : 1), this.#isDefine ? -1 : 0);
  }

  openFile(file: string, text: string): void {
    if (this.#opened) this.#push();
    this.#opened = true;
    this.file = file;
    this.#enter(text, false);
    this.line = 1;
    this.lineStart = 0;
    this.#prefixEnd = 0;
    this.#prefixSpan = undefined;
    this.#active = undefined;
  }

  /** Goes back to the text that opened this one; false at the end of the first file. */
  pop(): boolean {
    const frame = this.#stack.pop();
    if (!frame) return false;
    this.file = frame.file;
    this.text = frame.text;
    this.pos = frame.pos;
    this.line = frame.line;
    this.lineStart = frame.lineStart;
    this.#prefixEnd = frame.prefixEnd;
    this.#prefixSpan = frame.prefixSpan;
    this.#isDefine = frame.isDefine;
    this.#active = frame.active;
    return true;
  }

  /** Reads `value` instead of the identifier from `start` to the current position; false if that would never end. */
  expand(name: string, value: string, start: number): boolean {
    const end = this.pos;
    let outer = this.#active;
    while (outer && this.text.length - start <= outer.rest) outer = outer.outer;
    for (let other = outer; other; other = other.outer) if (other.name === name) return false;
    this.begin(start);
    this.mark();
    const span = this.span();
    const prefixRest = Math.max(0, this.#prefixEnd - end);
    let rest: string;
    if (this.#isDefine) rest = this.text.slice(end);
    else {
      const restEnd = this.#endOfRest(Math.max(end, this.#prefixEnd));
      rest = this.text.slice(end, restEnd);
      outer = shifted(outer, restEnd - this.text.length);
      const { line, lineStart } = this;
      this.pos = restEnd;
      if (restEnd > this.#prefixEnd && this.text.charCodeAt(restEnd - 1) === LF) {
        this.line += 1;
        this.lineStart = restEnd;
      }
      this.#push();
      this.line = line;
      this.lineStart = lineStart;
    }
    this.#active = { name, rest: rest.length, outer };
    this.#enter(value + rest, true);
    this.lineStart += value.length - end;
    this.#prefixEnd = value.length + prefixRest;
    // In the text of a define this already is the place where the outermost one was used.
    this.#prefixSpan = span;
    return true;
  }

  /** The end of the line; or of less where it is very long, or each use of a define would copy all of it. */
  #endOfRest(from: number): number {
    const lf = this.text.indexOf('\n', from);
    const lineEnd = lf < 0 ? this.text.length : lf + 1;
    if (lineEnd - from <= 2 * LONG_LINE) return lineEnd;
    const blank = this.text.indexOf(' ', from + LONG_LINE);
    return blank < 0 || blank >= lineEnd ? lineEnd : blank + 1;
  }

  /** Joins the rest of the file to a define's text, for a token that does not end in it. False in a file. */
  extend(): boolean {
    if (!this.#isDefine) return false;
    const parent = this.#stack.pop();
    if (!parent) return false;
    this.text += parent.text.slice(parent.pos);
    this.#active = shifted(this.#active, parent.text.length - parent.pos);
    this.#isDefine = false;
    return true;
  }

  /** Notes the newline at `pos`; the caller goes on behind it. */
  newline(pos: number): void {
    if (pos < this.#prefixEnd) return;
    this.line += 1;
    this.lineStart = pos + 1;
  }

  /** Notes all newlines from `from` up to `to`. */
  newlines(from: number, to: number): void {
    for (let i = this.text.indexOf('\n', from); i >= 0 && i < to; i = this.text.indexOf('\n', i + 1)) this.newline(i);
  }

  /** A token begins at `pos`. */
  begin(pos: number): void {
    this.#startSpan = pos < this.#prefixEnd ? this.#prefixSpan : undefined;
    this.#startLine = this.line;
    this.#startColumn = pos - this.lineStart + 1;
  }

  /** The token ends before the current position. */
  mark(): void {
    const last = this.pos - 1;
    this.#endSpan = last < this.#prefixEnd ? this.#prefixSpan : undefined;
    if (last >= 0 && this.text.charCodeAt(last) === LF && last >= this.#prefixEnd) {
      this.#endLine = this.line;
      this.#endColumn = 0;
    } else {
      this.#endLine = this.line;
      this.#endColumn = last - this.lineStart + 1;
    }
  }

  /** From begin() to mark(). */
  span(): Span {
    const start = this.#startSpan;
    const end = this.#endSpan;
    return {
      file: this.file,
      line: start ? start.line : this.#startLine,
      column: start ? start.column : this.#startColumn,
      endLine: end ? end.endLine : this.#endLine,
      endColumn: end ? end.endColumn : this.#endColumn,
      order: this.next(),
    };
  }

  #enter(text: string, isDefine: boolean): void {
    this.text = text;
    this.pos = 0;
    this.#isDefine = isDefine;
  }

  #push(): void {
    this.#stack.push({
      file: this.file,
      text: this.text,
      pos: this.pos,
      line: this.line,
      lineStart: this.lineStart,
      prefixEnd: this.#prefixEnd,
      prefixSpan: this.#prefixSpan,
      isDefine: this.#isDefine,
      active: this.#active,
    });
  }
}

/** The defines that are being read, as seen from an end of the text that is `by` characters further on. */
function shifted(active: ActiveDefine | undefined, by: number): ActiveDefine | undefined {
  return active && { name: active.name, rest: active.rest + by, outer: shifted(active.outer, by) };
}
