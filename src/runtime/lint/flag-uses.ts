/** Where a script sets and tests flags of the transaction. */

import type { Span } from '../../parser/problem.js';
import type { CoreArg } from '../../parser/tree.js';
import type { LintScript } from './rule.js';

export interface FlagUse {
  readonly flag: string;
  readonly span: Span;
}

/** Uses of the core statements of these names, with the flag as the script writes it (defines are resolved). */
export function flagUses(on: LintScript, names: readonly string[]): FlagUse[] {
  return on.blocks.flatMap((block) =>
    on.nodes(block).flatMap((node) => {
      const arg = node.kind === 'core' && names.includes(node.name) ? node.args[0] : undefined;
      const flag = arg === undefined ? undefined : number(arg, on);
      return flag === undefined ? [] : [{ flag, span: node.span }];
    }),
  );
}

function number(arg: CoreArg, on: LintScript): string | undefined {
  if (!('value' in arg)) return undefined;
  const known = on.program.flags.get(`${arg.value}`);
  return known === undefined ? `${arg.value}` : `${known}`;
}

/** Does a module, or a variable, look at flags by number or as a whole? */
export function flagsReadElsewhere(on: LintScript, flag: string): boolean {
  if (on.script.items.some((i) => i.kind === 'modparam' && /flag/.test(i.param) && `${i.value}` === flag)) return true;
  if (on.calls.some(({ call }) => /flag/.test(call.name))) return true;
  return [...on.texts()].some((text) => /\$\(?(?:mf|mF)\b/.test(text));
}
