/** Problems of a script for people and for machines. */
import { type Problem, renderProblem } from '../parser/index.js';

export const FORMATS = ['text', 'json', 'github', 'sarif'] as const;
export type Format = (typeof FORMATS)[number];

export interface Checked {
  readonly file: string;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, string>;
}

export function report(checked: readonly Checked[], format: Format, color: boolean): string {
  switch (format) {
    case 'text':
      return checked.map((c) => textOf(c, color)).join('');
    case 'json':
      return `${JSON.stringify(checked.map(jsonOf), null, 2)}\n`;
    case 'github':
      return checked.flatMap((c) => c.problems.map(githubLine)).join('');
    case 'sarif':
      return `${JSON.stringify(sarifOf(checked), null, 2)}\n`;
  }
}

function textOf(c: Checked, color: boolean): string {
  const errors = c.problems.filter((p) => p.severity === 'error').length;
  const warnings = c.problems.length - errors;
  const body = c.problems.map((p) => `${renderProblem(p, c.sources, { color })}\n`).join('');
  const verdict =
    errors > 0
      ? `${count(errors, 'error')}, ${count(warnings, 'warning')}`
      : warnings > 0
        ? `ok, ${count(warnings, 'warning')}`
        : 'ok';
  return `${body}${c.file}: ${verdict}\n`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function jsonOf(c: Checked) {
  return {
    file: c.file,
    ok: c.problems.every((p) => p.severity !== 'error'),
    problems: c.problems.map(({ severity, code, message, span, phase, hint }) => ({
      severity,
      code,
      message,
      hint: hint ?? null,
      phase,
      file: span.file,
      line: span.line,
      column: span.column,
      endLine: span.endLine,
      endColumn: span.endColumn,
    })),
  };
}

const GITHUB_LEVEL = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** A workflow command of GitHub Actions: `::error file=…,line=…::message`. */
function githubLine(p: Problem): string {
  const data = (s: string) => s.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  const property = (s: string) => data(s).replace(/:/g, '%3A').replace(/,/g, '%2C');
  const { file, line, column, endLine, endColumn } = p.span;
  const place = `file=${property(file)},line=${line},col=${column},endLine=${endLine},endColumn=${endColumn}`;
  const text = p.hint ? `${p.message}\nhint: ${p.hint}` : p.message;
  return `::${GITHUB_LEVEL[p.severity]} ${place},title=${property(p.code)}::${data(text)}\n`;
}

const SARIF_LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const;

/** SARIF 2.1.0 (OASIS), one run. */
function sarifOf(checked: readonly Checked[]) {
  const problems = checked.flatMap((c) => c.problems);
  const rules = [...new Set(problems.map((p) => p.code))].map((id) => ({ id }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'kamscript', rules } },
        results: problems.map((p) => ({
          ruleId: p.code,
          level: SARIF_LEVEL[p.severity],
          message: { text: p.hint ? `${p.message} (${p.hint})` : p.message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: p.span.file },
                region: {
                  startLine: Math.max(1, p.span.line),
                  startColumn: Math.max(1, p.span.column),
                  endLine: Math.max(1, p.span.endLine),
                  endColumn: Math.max(1, p.span.endColumn) + 1,
                },
              },
            },
          ],
        })),
      },
    ],
  };
}
