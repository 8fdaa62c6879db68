/** Where a script reads and writes `$var`. */
import type { Span } from '../../parser/problem.js';
import { walk } from '../../parser/walk.js';
import type { LintScript } from './rule.js';

export interface VarUse {
  readonly name: string;
  readonly span: Span;
}

export interface VarUses {
  /** Written by an assignment, or handed to a function, which may write it. */
  readonly written: ReadonlySet<string>;
  readonly assigned: readonly VarUse[];
  readonly read: readonly VarUse[];
}

const USE = /\$\(?(?:var|vz)\(([\w.-]+)\)/g;
const WHOLE = /^\$(?:var|vz)\(([\w.-]+)\)$/;

export function varUses(on: LintScript): VarUses {
  const written = new Set<string>();
  const assigned: VarUse[] = [];
  const read: VarUse[] = [];
  const reads = (text: string, span: Span) => {
    for (const [, name] of text.matchAll(USE)) read.push({ name: name!, span });
  };
  for (const item of on.script.items) {
    if (item.kind !== 'modparam') continue;
    const text = typeof item.value === 'object' ? item.value.text : `${item.value}`;
    for (const [, name] of text.matchAll(USE)) written.add(name!);
    reads(text, item.valueSpan);
  }
  for (const block of on.blocks) {
    const targets = new Set<unknown>();
    for (const node of on.nodes(block)) {
      if (node.kind === 'assign') {
        const name = node.target.kind === 'variable' ? WHOLE.exec(node.target.text)?.[1] : undefined;
        if (name === undefined) continue;
        targets.add(node.target);
        written.add(name);
        assigned.push({ name, span: node.target.span });
      } else if (node.kind === 'call') {
        for (const arg of node.args.flatMap((a) => [...walk(a)])) {
          const text = arg.kind === 'variable' ? arg.text : arg.kind === 'string' ? arg.value : '';
          const name = WHOLE.exec(text)?.[1];
          if (name !== undefined) written.add(name);
        }
      }
      if (node.kind === 'variable' && !targets.has(node)) reads(node.text, node.span);
      else if (node.kind === 'string') reads(node.value, node.span);
    }
  }
  return { written, assigned, read };
}
