/** A flat list of operands and operators to a tree, by the table of language.md, section 5. */
import type { TokenType } from './chevrotain.js';
import { join } from './problem.js';
import { T, type Token } from './tokens.js';
import type { BinaryOp, Expr } from './tree.js';

/** Loosest first; all associate to the left. The bit operators are looser than comparison. */
const LEVELS: readonly (readonly (readonly [TokenType, BinaryOp])[])[] = [
  [[T.Or, '||']],
  [[T.And, '&&']],
  [[T.BitOr, '|']],
  [[T.BitAnd, '&']],
  [[T.BitXor, '^']],
  [[T.ShiftLeft, '<<']],
  [[T.ShiftRight, '>>']],
  [
    [T.Equals, '=='],
    [T.Differs, '!='],
    [T.Match, '=~'],
    [T.IntEq, 'ieq'],
    [T.IntNe, 'ine'],
    [T.StrEq, 'eq'],
    [T.StrNe, 'ne'],
  ],
  [
    [T.Less, '<'],
    [T.Greater, '>'],
    [T.LessEq, '<='],
    [T.GreaterEq, '>='],
  ],
  [
    [T.Plus, '+'],
    [T.Minus, '-'],
  ],
  [
    [T.Star, '*'],
    [T.Slash, '/'],
    [T.Mod, 'mod'],
  ],
];

const OPERATORS = new Map(LEVELS.flatMap((level, i) => level.map(([type, op]) => [type, { op, level: i }] as const)));

/** `operands` has one more than `operators`. */
export function byPrecedence(operands: readonly Expr[], operators: readonly Token[]): Expr {
  const stack: { left: Expr; op: BinaryOp; level: number }[] = [];
  let current = operands[0] as Expr;
  operators.forEach((token, i) => {
    const { op, level } = OPERATORS.get(token.tokenType) as { op: BinaryOp; level: number };
    while (stack.length > 0 && (stack.at(-1)?.level ?? -1) >= level) current = reduce(stack.pop(), current);
    stack.push({ left: current, op, level });
    current = operands[i + 1] as Expr;
  });
  while (stack.length > 0) current = reduce(stack.pop(), current);
  return current;
}

function reduce(entry: { left: Expr; op: BinaryOp } | undefined, right: Expr): Expr {
  if (!entry) return right;
  const { left, op } = entry;
  return { kind: 'binary', op, left, right, span: join(left.span, right.span) };
}
