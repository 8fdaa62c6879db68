/** Patterns that are regular in the strict sense run on the automaton of the POSIX ones, in linear time. */

import { Dfa } from '../../runtime/regex/dfa.js';
import type { RegexNode } from '../../runtime/regex/node.js';
import { compileProgram } from '../../runtime/regex/program.js';
import { byteSet } from './classes.js';
import type { PcreNode } from './node.js';

/**
 * A test for the pattern; undefined where it holds what no automaton can say. Greedy or lazy and the numbers of groups do not
 * matter: only whether there is a match is asked.
 */
export function automaton(root: PcreNode): ((text: string) => boolean) | undefined {
  const node = regular(root, true);
  const program = node && compileProgram(node, 0);
  if (program === undefined) return undefined;
  const dfa = new Dfa(program, false, true);
  return (text) => dfa.test(text, false);
}

const TEXT_END: RegexNode = { kind: 'assert', what: 'text-end' };
const NEWLINE: RegexNode = { kind: 'set', set: byteSet(10) };

/** `last`: nothing of the pattern follows. */
function regular(node: PcreNode, last: boolean): RegexNode | undefined {
  switch (node.kind) {
    case 'empty':
      return { kind: 'empty' };
    case 'set':
      return node;
    case 'group':
      return regular(node.body, last);
    case 'cat':
      return sequence(node.parts, last);
    case 'alt': {
      const branches = node.branches.map((b) => regular(b, last));
      return branches.every((b) => b !== undefined) ? { kind: 'alt', branches } : undefined;
    }
    case 'repeat': {
      const body = regular(node.body, false);
      return body && { kind: 'repeat', body, min: node.min, max: node.max };
    }
    case 'place':
      return regularPlace(node.what, last);
    default:
      return undefined;
  }
}

function sequence(nodes: readonly PcreNode[], last: boolean): RegexNode | undefined {
  const parts: RegexNode[] = [];
  for (const [i, part] of nodes.entries()) {
    const made = regular(part, last && i === nodes.length - 1);
    if (made === undefined) return undefined;
    parts.push(made);
  }
  return { kind: 'cat', parts };
}

function regularPlace(what: string, last: boolean): RegexNode | undefined {
  switch (what) {
    case 'start':
      return { kind: 'assert', what: 'text-start' };
    case 'end':
      return TEXT_END;
    case 'word-edge':
    case 'no-word-edge':
      return { kind: 'assert', what };
    case 'end-or-newline':
      // Where nothing follows, the newline may as well be taken.
      return last ? { kind: 'alt', branches: [TEXT_END, { kind: 'cat', parts: [NEWLINE, TEXT_END] }] } : undefined;
    default:
      return undefined;
  }
}
