/** A source map (version 3) from generated lines to lines of the script. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function vlq(n: number): string {
  let v = n < 0 ? (-n << 1) | 1 : n << 1;
  let out = '';
  do {
    const digit = v & 31;
    v >>>= 5;
    out += DIGITS[v > 0 ? digit | 32 : digit];
  } while (v > 0);
  return out;
}

export interface MappedLine {
  readonly text: string;
  /** Where the line comes from; undefined for glue. */
  readonly from?: { readonly file: string; readonly line: number; readonly column: number };
}

/** `offset`: lines that stand before the first one in what the engine sees. */
export function sourceMap(lines: readonly MappedLine[], sources: ReadonlyMap<string, string>, offset: number): string {
  const files = [...sources.keys()];
  const index = new Map(files.map((f, i) => [f, i]));
  let file = 0;
  let line = 0;
  let column = 0;
  const rows = lines.map(({ from }) => {
    const at = from === undefined ? undefined : index.get(from.file);
    if (from === undefined || at === undefined) return '';
    const row = vlq(0) + vlq(at - file) + vlq(from.line - 1 - line) + vlq(from.column - 1 - column);
    file = at;
    line = from.line - 1;
    column = from.column - 1;
    return row;
  });
  const mappings = `${';'.repeat(offset)}${rows.join(';')}`;
  return JSON.stringify({
    version: 3,
    sources: files,
    sourcesContent: files.map((f) => sources.get(f)),
    names: [],
    mappings,
  });
}
