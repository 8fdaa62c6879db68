/** Source text of a routing script -> syntax tree and problems. */
import { FileRules } from './grammar-file.js';
import type { Problem } from './problem.js';
import { parseProblem } from './problems.js';
import { type Scan, Scanner } from './scanner.js';
import type { ParseOptions } from './source.js';
import type { Item, Script } from './tree.js';

export * from './core-params.js';
export * from './core-statements.js';
export { nearest } from './nearest.js';
export * from './problem.js';
export { PARSE_PROBLEMS } from './problems.js';
export { kamailioText, renderProblem } from './render.js';
export * from './source.js';
export { KEYWORDS } from './tokens.js';
export * from './tree.js';

/** Built on first use: analysing the grammar costs some milliseconds. */
let grammar: FileRules | undefined;

/**
 * Reads a script with all its includes. Never throws: what is wrong is in `problems`, in the order in which one pass
 * finds it, and the rest of the tree is still there.
 */
export function parseScript(file: string, options: ParseOptions): Script {
  const scan = new Scanner(options).scan(file);
  const problems: Problem[] = [];
  grammar ??= new FileRules();
  let items: Item[] = [];
  try {
    grammar.start(scan.tokens, scan.end, problems);
    items = grammar.file() ?? [];
  } catch (error) {
    // The nesting limit is well below the stack, unless the caller has used it up.
    if (!(error instanceof RangeError)) throw error;
    problems.push(parseProblem('too-deep', { limit: 'a few' }, scan.end));
    grammar = undefined;
  }
  const all = [...scan.problems, ...withUnclosed(problems, scan)];
  const failed = all.some(({ severity, code }) => severity === 'error' && code !== 'unbalanced-directives');
  // A `;` is an item too, though there is nothing of it in the tree.
  if (scan.tokens.length === 0 && !failed) {
    all.push(
      parseProblem('syntax-error', { text: '' }, scan.end, { hint: 'the script is empty: it needs a request_route' }),
    );
  }
  return {
    file,
    items,
    comments: scan.comments,
    defines: scan.defines,
    compat: scan.compat,
    sources: scan.sources,
    problems: all.sort((a, b) => a.span.order - b.span.order),
  };
}

/** What is missing at the end is missing because of the string that is not closed; without that it only is odd. */
function withUnclosed(problems: readonly Problem[], { unclosed, end }: Scan): readonly Problem[] {
  if (!unclosed) return problems;
  const before = problems.filter(({ span }) => span.order < end.order);
  return [...before, before.length < problems.length ? unclosed : { ...unclosed, severity: 'warning' }];
}
