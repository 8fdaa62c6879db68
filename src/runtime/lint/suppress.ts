/** Comments that keep a rule quiet: `# kamscript-disable-line CODE`, `…-next-line CODE`, `…-file CODE`. */
import type { Problem } from '../../parser/problem.js';
import type { Script } from '../../parser/tree.js';

const MARK = /kamscript-disable-(line|next-line|file)(?:[ \t]+([\w, \t-]*))?/;

/** Says whether a problem is suppressed. Without a code, every rule is. */
export function suppressions(script: Script): (p: Problem) => boolean {
  const lines = new Map<string, Set<string>>();
  const files = new Map<string, Set<string>>();
  for (const { text, span } of script.comments) {
    const match = MARK.exec(text);
    if (match === null) continue;
    const codes = (match[2] ?? '').split(/[,\s]+/).filter((c) => c !== '');
    const [into, key] =
      match[1] === 'file'
        ? [files, span.file]
        : [lines, `${span.file}:${match[1] === 'line' ? span.line : span.endLine + 1}`];
    const known = into.get(key) ?? new Set();
    for (const code of codes.length > 0 ? codes : ['*']) known.add(code);
    into.set(key, known);
  }
  const has = (codes: Set<string> | undefined, code: string) => codes?.has(code) || codes?.has('*');
  return ({ code, span }) =>
    has(lines.get(`${span.file}:${span.line}`), code) || has(files.get(span.file), code) || false;
}
