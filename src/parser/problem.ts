/** A place in a source text. Lines and columns count from 1; a tab is one column (as Kamailio counts). */
export interface Span {
  /** Path as the user gave it, or as the include named it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  /** Column of the last character, inclusive. */
  readonly endColumn: number;
  /** Position in the order in which the text was read through all includes; sorts problems as one pass would find them. */
  readonly order: number;
}

export const NOWHERE: Span = { file: '', line: 0, column: 0, endLine: 0, endColumn: 0, order: 0 };

export type Severity = 'error' | 'warning' | 'info';

/**
 * When Kamailio would notice: `parse` problems fail `kamailio -c`; `init` and `fixup` ones only refuse the start
 * (language.md, section 1).
 */
export type Phase = 'parse' | 'init' | 'fixup';

/** What is wrong with a script: a value, never thrown. */
export interface Problem {
  readonly severity: Severity;
  /** Public code, a key of the table of codes. */
  readonly code: string;
  readonly message: string;
  readonly span: Span;
  readonly phase: Phase;
  /** The way out, where one is known. */
  readonly hint?: string;
  /** Another place that matters: where a `;` is missing, where a brace was opened, where the first of two stands. */
  readonly cause?: { readonly span: Span; readonly label: string };
}

export interface ProblemKind {
  readonly severity: Severity;
  /** Message with `{name}` places to fill. */
  readonly text: string;
  readonly phase?: Phase;
}

export type ProblemTable = Readonly<Record<string, ProblemKind>>;

/** Makes the function that turns an entry of `table` into a Problem; `hint` and `phase` override the table's. */
export function problemsOf<T extends ProblemTable>(table: T) {
  return (
    code: keyof T & string,
    values: Readonly<Record<string, string | number>>,
    span: Span,
    extra: { hint?: string; phase?: Phase; cause?: Problem['cause'] } = {},
  ): Problem => {
    const kind = table[code] as ProblemKind;
    const message = kind.text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
    const phase = extra.phase ?? kind.phase ?? 'parse';
    return {
      severity: kind.severity,
      code,
      message,
      span,
      phase,
      ...(extra.hint ? { hint: extra.hint } : {}),
      ...(extra.cause ? { cause: extra.cause } : {}),
    };
  };
}

/** The span from the start of `a` to the end of `b`. */
export function join(a: Span, b: Span): Span {
  return { file: a.file, line: a.line, column: a.column, endLine: b.endLine, endColumn: b.endColumn, order: a.order };
}
