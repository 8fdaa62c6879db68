/** Which lines and routes of scripts the tests ran. */
import type { Script } from '../../parser/tree.js';
import { statementLists } from '../../parser/walk.js';
import type { CoverageCollector } from '../../testing/coverage.js';

export interface RouteCoverage {
  readonly name: string;
  readonly line: number;
  readonly count: number;
}

export interface FileCoverage {
  readonly file: string;
  readonly routes: readonly RouteCoverage[];
  /** Lines that hold a statement, with how often the first of them ran. */
  readonly lines: readonly (readonly [line: number, count: number])[];
}

interface Counted {
  readonly routes: Map<number, { readonly name: string; count: number }>;
  readonly lines: Map<number, number>;
}

export class Coverage implements CoverageCollector {
  readonly #files = new Map<string, Counted>();

  loaded(script: Script): void {
    for (const item of script.items) {
      if (item.kind !== 'block') continue;
      const { file, line } = item.span;
      const of = this.#of(file);
      const name = item.name === undefined ? item.keyword : `${item.keyword}[${item.name}]`;
      if (!of.routes.has(line)) of.routes.set(line, { name, count: 0 });
      for (const list of statementLists(item.body)) {
        for (const s of list) {
          if (s.kind === 'empty') continue;
          const { lines } = this.#of(s.span.file);
          if (!lines.has(s.span.line)) lines.set(s.span.line, 0);
        }
      }
    }
  }

  ran({ file, line }: { readonly file: string; readonly line: number }, isBlock = false): void {
    const of = this.#of(file);
    const route = isBlock ? of.routes.get(line) : undefined;
    if (route !== undefined) route.count++;
    else of.lines.set(line, (of.lines.get(line) ?? 0) + 1);
  }

  result(): FileCoverage[] {
    return [...this.#files].map(([file, { routes, lines }]) => ({
      file,
      routes: [...routes].map(([line, r]) => ({ ...r, line })).sort((a, b) => a.line - b.line),
      lines: [...lines].sort(([a], [b]) => a - b),
    }));
  }

  #of(file: string): Counted {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const fresh: Counted = { routes: new Map(), lines: new Map() };
    this.#files.set(file, fresh);
    return fresh;
  }
}

/** A table for people: each file, its routes, and the lines that never ran. */
export function coverageText(files: readonly FileCoverage[]): string {
  const out = ['Coverage'];
  for (const { file, routes, lines } of files) {
    const ran = lines.filter(([, n]) => n > 0).length;
    const missed = lines.filter(([, n]) => n === 0).map(([line]) => line);
    out.push(`${file}: ${percent(ran, lines.length)} of lines (${ran}/${lines.length})`);
    for (const r of routes)
      out.push(`  ${r.count === 0 ? 'never' : `${r.count}x`.padStart(5)}  ${r.name} (line ${r.line})`);
    if (missed.length > 0) out.push(`  lines that never ran: ${ranges(missed)}`);
  }
  return `${out.join('\n')}\n`;
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '100 %' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `3-5, 9` */
function ranges(numbers: readonly number[]): string {
  const out: [number, number][] = [];
  for (const n of numbers) {
    const last = out.at(-1);
    if (last !== undefined && n === last[1] + 1) last[1] = n;
    else out.push([n, n]);
  }
  return out.map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`)).join(', ');
}

/** The tracefile format of lcov (geninfo(1)). */
export function lcov(files: readonly FileCoverage[]): string {
  return files
    .map(({ file, routes, lines }) =>
      [
        'TN:',
        `SF:${file}`,
        ...routes.map((r) => `FN:${r.line},${r.name}`),
        ...routes.map((r) => `FNDA:${r.count},${r.name}`),
        `FNF:${routes.length}`,
        `FNH:${routes.filter((r) => r.count > 0).length}`,
        ...lines.map(([line, n]) => `DA:${line},${n}`),
        `LF:${lines.length}`,
        `LH:${lines.filter(([, n]) => n > 0).length}`,
        'end_of_record\n',
      ].join('\n'),
    )
    .join('');
}
