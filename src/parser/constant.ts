/** What is known of an expression without running it: enough for `case` labels (language.md, sections 5 and 7). */
import type { Expr } from './tree.js';

export type ConstantType = 'int' | 'string';

/** The type of a constant expression; undefined when it is not constant. */
export function constantType(expr: Expr): ConstantType | undefined {
  switch (expr.kind) {
    case 'number':
      return 'int';
    case 'string':
      return 'string';
    case 'group':
      return constantType(expr.inner);
    case 'unary':
      return constantType(expr.operand) && 'int';
    case 'strlen':
    case 'strempty':
    case 'defined':
    case '(int)':
      return constantType(expr.operand) && 'int';
    case '(str)':
      return constantType(expr.operand) && 'string';
    case 'binary': {
      const left = constantType(expr.left);
      if (!left || !constantType(expr.right)) return undefined;
      return expr.op === '+' ? left : 'int';
    }
    default:
      return undefined;
  }
}
