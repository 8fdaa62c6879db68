/** avp_op(): arithmetic on AVPs, the results put on top. */
import { type Avp, addAvp, allAvps } from '../../runtime/message-env.js';
import type { BindEnv, BindResult, RouteContext } from '../../runtime/module.js';
import { logError } from '../../runtime/variables/support.js';
import { dropAvp } from './drop.js';
import {
  type AvpName,
  badFlag,
  bindAvpName,
  bindValues,
  cutFlags,
  fixedValue,
  type Plain,
  parseFlags,
  slash,
  type ValuesReader,
} from './names.js';

type Arithmetic = (a: number, b: number) => number;

const OPERATIONS: Readonly<Record<string, Arithmetic>> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b) | 0),
  mod: (a, b) => (b === 0 ? 0 : (a % b) | 0),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (_, b) => ~b,
};

/** `source/target`: without a target results go to the source. */
export interface Pair {
  readonly source: AvpName;
  readonly target: AvpName;
}

export function parsePair(text: string, env: BindEnv): BindResult<Pair> {
  const { name, flags: target } = cutFlags(text);
  const source = bindAvpName(name, env);
  if ('error' in source) return source;
  if (target === '') return { ok: { source: source.ok, target: source.ok } };
  const bound = bindAvpName(target, env);
  return 'error' in bound ? bound : { ok: { source: source.ok, target: bound.ok } };
}

export interface Operation {
  readonly name: string;
  readonly run: Arithmetic;
  readonly values: ValuesReader;
  /** Takes the values worked on away. */
  readonly removes: boolean;
}

/** Reads `operator/value/flags`. */
export function parseOperation(source: string, env: BindEnv): BindResult<Operation> {
  const first = source.indexOf('/');
  const name = source.slice(0, Math.max(first, 0)).toLowerCase();
  const run = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (run === undefined) return { error: `unknown operation in <${source}>` };
  const second = slash(source, first + 1);
  const operand = source.slice(first + 1, second < 0 ? source.length : second);
  const flags = parseFlags(second < 0 ? '' : source.slice(second + 1), 'gd');
  if (flags === undefined) return badFlag(source);
  const values = operand[0] === '$' ? bindValues(operand, env) : fixed(operand);
  return 'error' in values ? values : { ok: { name, run, values: values.ok, removes: flags.has('d') } };
}

function fixed(operand: string): BindResult<ValuesReader> {
  const value = fixedValue(operand);
  if (typeof value !== 'number') return { error: 'operations requires integer values' };
  return { ok: { read: () => [value] } };
}

const isNumber = (v: Plain): v is number => typeof v === 'number';

/**
 * Works on every int of the source, whatever the flag g says (5.6.3). With several ints as operand the second works on
 * the result of the first.
 */
export function runOperation(ctx: RouteContext, { source, target }: Pair, operation: Operation): boolean {
  const from = source.key(ctx);
  const to = target.key(ctx);
  if (from === undefined || to === undefined) return false;
  const all = allAvps(ctx.env, from);
  const ints = all.filter((avp): avp is Avp & { value: number } => typeof avp.value === 'number');
  if (all.length === 0 || (ints.length === 0 && operation.name !== 'not')) return false;
  const operands = operation.values.read(ctx)?.filter(isNumber) ?? [];
  if (operands.length === 0) return logError(ctx, 'no int to work with');
  const works: readonly (Avp | undefined)[] = ints.length === 0 ? [undefined] : ints;
  for (const avp of works) {
    let result = typeof avp?.value === 'number' ? avp.value : 0;
    for (const operand of operands) {
      result = operation.run(result, operand);
      addAvp(ctx.env, to, result);
    }
    if (operation.removes && avp !== undefined) dropAvp(ctx, from, avp);
  }
  return true;
}
