/** Variables: `$name`, `$name(…)`, `$(…)` and, outside the mode KAMAILIO, attributes (language.md, section 2). */
import { parseProblem } from './problems.js';
import type { ScanOutput } from './scan-output.js';
import { ATTRIBUTE, ATTRIBUTE_CLASS, VARIABLE_NAME } from './symbols.js';
import { T } from './tokens.js';

export function variable(out: ScanOutput, pos: number): void {
  const r = out.reader;
  const { text } = r;
  const next = text.charCodeAt(pos + 1);
  if (next === 40) {
    variableInParens(out, pos, pos + 1);
    return;
  }
  const fixed =
    next === 63 ? '$?' : text.startsWith('$retcode', pos) ? '$retcode' : text.startsWith('$rc', pos) && '$rc';
  if (fixed) {
    out.emit(T.Variable, pos, pos + fixed.length, fixed);
    return;
  }
  ATTRIBUTE_CLASS.lastIndex = pos + 1;
  const isClass = out.mode !== 'KAMAILIO' && ATTRIBUTE_CLASS.test(text);
  VARIABLE_NAME.lastIndex = pos + 1;
  if (!VARIABLE_NAME.test(text)) {
    // Kamailio looks for a name up to the end of the file, and takes one that finds nothing for nothing.
    if (!r.isDefine && text.slice(pos + 1, pos + 100).trim() === '' && text.slice(pos + 1).trim() === '') {
      r.pos = pos + 1;
      return;
    }
    out.emit(T.Bad, pos, pos + 1);
    return;
  }
  let end = VARIABLE_NAME.lastIndex;
  if (isClass || (out.mode !== 'KAMAILIO' && text.charCodeAt(end) === 91)) {
    ATTRIBUTE.lastIndex = pos + 1;
    ATTRIBUTE.test(text);
    end = ATTRIBUTE.lastIndex;
  } else if (text.charCodeAt(end) === 40) {
    variableInParens(out, pos, end);
    return;
  }
  r.begin(pos);
  r.pos = end;
  r.mark();
  const image = text.slice(pos, end);
  out.push(T.Variable, image, out.directives.substitute(image));
}

/** `$…(` up to the matching parenthesis, which must be on the same line. */
function variableInParens(out: ScanOutput, pos: number, from: number): void {
  const r = out.reader;
  r.begin(pos);
  let open = 0;
  let i = from;
  for (; i < r.text.length || r.extend(); i += 1) {
    const code = r.text.charCodeAt(i);
    if (code === 40) open += 1;
    else if (code === 41) {
      open -= 1;
      if (open === 0) break;
    } else if (code === 10) break;
  }
  const closed = open === 0 && i < r.text.length;
  r.pos = closed ? i + 1 : endOfBroken(out, from, i);
  r.mark();
  const image = r.text.slice(pos, r.pos);
  if (closed) {
    out.push(T.Variable, image, out.directives.substitute(image));
    return;
  }
  const hint = `the parenthesis of ${image} is not closed on its line`;
  out.problems.push(parseProblem('unclosed-variable', { open }, r.span(), { hint }));
  out.push(T.Variable, image, `${image}${')'.repeat(open)}`);
}

/** Where a variable without closing parenthesis probably ends: behind the word in it. */
function endOfBroken(out: ScanOutput, from: number, lineEnd: number): number {
  const { text } = out.reader;
  let i = from + 1;
  while (i < lineEnd && /[\w$(.:-]/.test(text.charAt(i))) i += 1;
  return i;
}
