/** Strings in double and single quotes (language.md, section 2). */
import { parseProblem } from './problems.js';
import type { ScanOutput } from './scan-output.js';
import { BLANK, CLASS } from './symbols.js';
import { T } from './tokens.js';
import { resolveEscapes } from './words.js';

export function doubleQuoted(out: ScanOutput, pos: number): void {
  const r = out.reader;
  r.begin(pos);
  let value = '';
  let start = pos;
  for (;;) {
    const end = closingQuote(out, start + 1);
    if (end < 0) {
      if (r.extend()) continue;
      unclosedString(out, pos);
      return;
    }
    const raw = r.text.slice(start + 1, end);
    value += raw.includes('\\') ? resolveEscapes(raw) : raw;
    r.newlines(start, end);
    r.pos = end + 1;
    r.mark();
    start = nextPiece(out);
    if (start < 0) break;
  }
  pushString(out, '"', value);
}

/** Offset of the quote that ends a string, or -1. */
function closingQuote(out: ScanOutput, from: number): number {
  const { text } = out.reader;
  for (let i = from; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 34) return i;
    if (code === 92) i += 1;
  }
  return -1;
}

/** Goes over blanks and newlines to another piece of the same string; -1 when something else follows. */
function nextPiece(out: ScanOutput): number {
  const r = out.reader;
  for (;;) {
    while (r.pos < r.text.length) {
      const code = r.text.charCodeAt(r.pos);
      if (code === 10) {
        r.newline(r.pos);
        out.pendingNewline = true;
      } else if (CLASS[code] !== BLANK) break;
      r.pos += 1;
    }
    if (r.pos < r.text.length) return r.text.charCodeAt(r.pos) === 34 ? r.pos : -1;
    if (!r.isDefine || !r.pop()) return -1;
  }
}

export function singleQuoted(out: ScanOutput, pos: number): void {
  const r = out.reader;
  r.begin(pos);
  let end = r.text.indexOf("'", pos + 1);
  while (end < 0 && r.extend()) end = r.text.indexOf("'", pos + 1);
  if (end < 0) {
    unclosedString(out, pos);
    return;
  }
  r.newlines(pos, end);
  r.pos = end + 1;
  r.mark();
  pushString(out, "'", r.text.slice(pos + 1, end));
}

/** A NUL byte ends the value, as in C. */
function pushString(out: ScanOutput, quote: string, value: string): void {
  const nul = value.indexOf('\0');
  out.push(T.String, quote, out.directives.substitute(nul < 0 ? value : value.slice(0, nul)));
  out.firstOnLine = out.pendingNewline;
  out.pendingNewline = false;
}

function unclosedString(out: ScanOutput, pos: number): void {
  const r = out.reader;
  r.newlines(pos, r.text.length);
  r.pos = r.text.length;
  r.mark();
  const hint = 'the string that begins here has no closing quote';
  const problem = parseProblem('unclosed-string', {}, r.span(), { hint });
  if (r.depth === 0) out.unclosed = problem;
  else out.problems.push(problem);
}
