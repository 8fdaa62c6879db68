/** Problems as text: for people, with the line in question; and as Kamailio prints them. */
import type { Problem, Severity, Span } from './problem.js';

export interface RenderOptions {
  /** With ANSI colours. */
  readonly color?: boolean;
}

const RED = '31';
const YELLOW = '33';
const CYAN = '36';
const BOLD = '1';
const SEVERITY_COLOR: Readonly<Record<Severity, string>> = { error: RED, warning: YELLOW, info: CYAN };

/** Longer lines are cut around the place in question. */
const MAX_WIDTH = 160;

/**
 * `FILE:LINE:COL: severity: message [code]`, the source line, carets under the place, the other place that matters,
 * the hint. `sources`: the texts of the files, latin1 as read (Script.sources).
 */
export function renderProblem(
  problem: Problem,
  sources: ReadonlyMap<string, string>,
  { color = false }: RenderOptions = {},
): string {
  const { severity, message, code, span, hint, cause } = problem;
  const paint = (text: string, style: string) => (color ? `\x1b[${style}m${text}\x1b[0m` : text);
  const where = span.line === 0 ? '' : `${span.file}:${span.line}:${span.column}: `;
  const style = SEVERITY_COLOR[severity];
  const lines = [`${paint(where, BOLD)}${paint(severity, `${BOLD};${style}`)}: ${message} [${code}]`];
  lines.push(...excerpt(span, sources, '', (text) => paint(text, style)));
  if (cause && !samePlace(cause.span, span)) {
    if (cause.span.file !== span.file) lines.push(`  ${cause.span.file}:${cause.span.line}:${cause.span.column}`);
    lines.push(...excerpt(cause.span, sources, cause.label, (text) => paint(text, CYAN)));
  }
  if (hint) lines.push(`  ${paint('hint', CYAN)}: ${hint}`);
  return lines.join('\n');
}

function samePlace(a: Span, b: Span): boolean {
  return a.file === b.file && a.line === b.line && a.column === b.column;
}

function excerpt(
  span: Span,
  sources: ReadonlyMap<string, string>,
  label: string,
  paint: (text: string) => string,
): string[] {
  const source = lineOf(sources.get(span.file), span.line);
  if (source === undefined) return [];
  const start = Math.max(0, Math.min(span.column - 1, source.length));
  const end = span.endLine > span.line ? source.length : Math.min(span.endColumn, source.length);
  const from = start > MAX_WIDTH / 2 ? start - MAX_WIDTH / 2 : 0;
  const text = source.slice(from, from + MAX_WIDTH);
  const carets = '^'.repeat(Math.max(1, Math.min(end - start, from + MAX_WIDTH - start)));
  // Tabs stay, so that the carets stand under the place however wide a tab is.
  const indent = source.slice(from, start).replace(/[^\t]/g, ' ');
  const number = String(span.line).padStart(4);
  const marked = label === '' ? carets : `${carets} ${label}`;
  return [`${number} | ${printable(text)}`, `${' '.repeat(number.length)} | ${indent}${paint(marked)}`];
}

/** Terminals must not be told what to do by a script. */
function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, ' ');
}

function lineOf(text: string | undefined, line: number): string | undefined {
  if (text === undefined || line < 1) return undefined;
  let start = 0;
  for (let n = 1; n < line; n += 1) {
    const lf = text.indexOf('\n', start);
    if (lf < 0) return undefined;
    start = lf + 1;
  }
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
}

/** Problems of the preprocessor: Kamailio gives their line only. */
const LINE_ONLY = new Set(['dash-in-define', 'env-not-defined', 'include-name', 'include-depth', 'include-not-found']);
/** Problems that Kamailio reports without a place. */
const PLACELESS = new Set(['unbalanced-directives', 'not-a-directive', 'stray-character', 'unclosed-comment']);

/** The line that Kamailio prints (language.md, section 1), without the log prefix. */
export function kamailioText({ severity, message, code, span, phase, cause }: Problem): string {
  if (PLACELESS.has(code) || span.line === 0 || (code === 'bad-subst' && !cause)) return message;
  if (LINE_ONLY.has(code)) return `error at ${span.file} line ${span.line}: ${message}`;
  if (code === 'directive-position') return `${message} - at ${span.file} line ${span.line}`;
  if (phase === 'fixup') return `${message} at ${span.file}:${span.line}`;
  const kind = severity === 'error' ? 'parse error' : 'warning';
  return `${kind} in config file ${span.file}, ${placeText(span)}: ${message}`;
}

function placeText({ line, column, endLine, endColumn }: Span): string {
  if (endLine !== line) return `from line ${line}, column ${column} to line ${endLine}, column ${endColumn}`;
  return `line ${line}, column ${endColumn > column ? `${column}-${endColumn}` : column}`;
}
