/** Comments: to the end of the line, and nesting blocks (language.md, section 2). */
import { parseProblem } from './problems.js';
import type { ScanOutput } from './scan-output.js';
import { COMMENT_MARK } from './symbols.js';

export function lineComment(out: ScanOutput, pos: number): void {
  const r = out.reader;
  out.directives.nearMiss(pos);
  r.begin(pos);
  let lf = r.text.indexOf('\n', pos);
  if (lf < 0 && r.extend()) lf = r.text.indexOf('\n', pos);
  r.pos = lf < 0 ? r.text.length : lf;
  r.mark();
  out.comments.push({ text: r.text.slice(pos, r.pos), span: r.span() });
}

export function blockComment(out: ScanOutput, pos: number): void {
  const r = out.reader;
  r.begin(pos);
  let depth = 0;
  /** The depth at `start`: more than 0 when the comment was opened in an include. */
  let outer = 0;
  COMMENT_MARK.lastIndex = pos;
  let start = pos;
  for (;;) {
    const mark = COMMENT_MARK.exec(r.text);
    if (mark) {
      depth += mark[0] === '/*' ? 1 : -1;
      if (depth > 0) continue;
      r.newlines(start, COMMENT_MARK.lastIndex);
      r.pos = COMMENT_MARK.lastIndex;
      r.mark();
      out.comments.push({ text: r.text.slice(start, r.pos), span: r.span() });
      return;
    }
    if (r.extend()) {
      // Marks may join over the seam; begin again.
      depth = outer;
      COMMENT_MARK.lastIndex = start;
      continue;
    }
    r.newlines(start, r.text.length);
    r.pos = r.text.length;
    r.mark();
    const span = r.span();
    out.comments.push({ text: r.text.slice(start), span });
    out.problems.push(
      parseProblem('unclosed-comment', { depth }, span, { hint: 'block comments nest: each /* needs its own */' }),
    );
    out.last = span;
    // An unclosed comment in an include goes on behind it.
    if (!r.pop()) return;
    outer = depth;
    start = r.pos;
    r.begin(start);
    COMMENT_MARK.lastIndex = start;
  }
}
