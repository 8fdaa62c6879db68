/** Values of constant expressions, and the static types that Kamailio's parser knows (language.md, section 5). */
import type { BinaryExpr, BinaryOp, Expr } from '../../parser/tree.js';
import { parseInt32 } from '../values.js';

export type Constant = number | string;
export type StaticType = 'int' | 'str' | undefined;

const INT_OPS: Partial<Record<BinaryOp, (a: number, b: number) => number | undefined>> = {
  '||': (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
  '&&': (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  '|': (a, b) => a | b,
  '&': (a, b) => a & b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '<': (a, b) => (a < b ? 1 : 0),
  '>': (a, b) => (a > b ? 1 : 0),
  '<=': (a, b) => (a <= b ? 1 : 0),
  '>=': (a, b) => (a >= b ? 1 : 0),
  '-': (a, b) => (a - b) | 0,
  '*': (a, b) => Math.imul(a, b),
  '/': (a, b) => (b === 0 ? undefined : (a / b) | 0),
  mod: (a, b) => (b === 0 ? undefined : (a % b) | 0),
  ieq: (a, b) => (a === b ? 1 : 0),
  ine: (a, b) => (a !== b ? 1 : 0),
};

export function intOf(c: Constant): number {
  return typeof c === 'number' ? c : (parseInt32(c) ?? 0);
}

/** Value of an expression made of constants only; undefined when it is none, or has none (a division by zero). */
export function constantValue(e: Expr): Constant | undefined {
  switch (e.kind) {
    case 'number':
    case 'string':
      return e.value;
    case 'group':
      return constantValue(e.inner);
    case 'unary': {
      const v = constantValue(e.operand);
      if (v === undefined || typeof v === 'string') return undefined;
      return e.op === '!' ? (v === 0 ? 1 : 0) : e.op === '-' ? -v | 0 : ~v;
    }
    case 'strlen':
    case 'strempty':
    case '(int)':
    case '(str)': {
      const v = constantValue(e.operand);
      if (v === undefined) return undefined;
      if (e.kind === 'strlen') return `${v}`.length;
      if (e.kind === 'strempty') return `${v}` === '' ? 1 : 0;
      return e.kind === '(int)' ? intOf(v) : `${v}`;
    }
    case 'binary':
      return binaryConstant(e);
    default:
      return undefined;
  }
}

function binaryConstant(e: BinaryExpr): Constant | undefined {
  const a = constantValue(e.left);
  const b = constantValue(e.right);
  if (a === undefined || b === undefined) return undefined;
  // What the parser refuses for its types has no value.
  if (typeof b === 'string' && typeof a === 'number') return undefined;
  if (e.op === '+') return typeof a === 'number' ? (a + intOf(b)) | 0 : a + b;
  if (e.op === '==' || e.op === '!=') {
    const same = typeof a === 'number' ? a === intOf(b) : a === `${b}`;
    return same === (e.op === '==') ? 1 : 0;
  }
  if (e.op === 'eq' || e.op === 'ne') return (`${a}` === `${b}`) === (e.op === 'eq') ? 1 : 0;
  const comparison = e.op === '<' || e.op === '>' || e.op === '<=' || e.op === '>=' || e.op === 'ieq' || e.op === 'ine';
  if ((typeof a === 'string' || typeof b === 'string') && !comparison) return undefined;
  return INT_OPS[e.op]?.(intOf(a), intOf(b));
}

/** Type known while parsing; variables, selects and selval have none. */
export function staticType(e: Expr): StaticType {
  switch (e.kind) {
    case 'string':
    case '(str)':
      return 'str';
    case 'variable':
    case 'select':
    case 'selval':
      return undefined;
    case 'group':
      return staticType(e.inner);
    case 'binary':
      return e.op === '+' ? staticType(e.left) : 'int';
    default:
      return 'int';
  }
}
