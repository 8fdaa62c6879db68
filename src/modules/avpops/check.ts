/** avp_check(): compares values with values. */
import type { BindEnv, BindResult, RouteContext } from '../../runtime/module.js';
import { compileRegex } from '../../runtime/regex.js';
import { logError } from '../../runtime/variables/support.js';
import { fnmatch } from '../textopsx/fnmatch.js';
import { badFlag, bindValues, fixedValue, type Plain, parseFlags, slash, type ValuesReader } from './names.js';

type TextTest = (a: string, b: string) => boolean;
type IntTest = (a: number, b: number) => boolean;

const lower = (text: string): string => text.toLowerCase();

/** Order of two texts, case ignored (strncasecmp). */
function order(a: string, b: string): number {
  const x = lower(a);
  const y = lower(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

function textTests(ignoreCase: boolean): Readonly<Record<string, TextTest>> {
  const same: TextTest = ignoreCase ? (a, b) => lower(a) === lower(b) : (a, b) => a === b;
  return {
    eq: same,
    ne: (a, b) => !same(a, b),
    lt: (a, b) => order(a, b) < 0,
    le: (a, b) => order(a, b) <= 0,
    gt: (a, b) => order(a, b) > 0,
    ge: (a, b) => order(a, b) >= 0,
    // flag i is lost here: 5.6.3 is built without FNM_CASEFOLD
    fm: (a, b) => fnmatch(b, a),
    re: matches,
  };
}

/** The pattern comes from a variable. */
function matches(text: string, pattern: string): boolean {
  const regex = compileRegex(pattern, { ignoreCase: true, newline: true });
  return 'ok' in regex && regex.ok.test(text);
}

const INT_TESTS: Readonly<Record<string, IntTest>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  and: (a, b) => (a & b) !== 0,
  or: (a, b) => (a | b) !== 0,
  xor: (a, b) => (a ^ b) !== 0,
};

const OPERATORS: ReadonlySet<string> = new Set([...Object.keys(INT_TESTS), 'fm', 're']);

export interface Check {
  /** Every value of the first operand, not its newest alone. */
  readonly all: boolean;
  readonly values: ValuesReader;
  readonly text: TextTest | undefined;
  readonly int: IntTest | undefined;
}

/** Reads `operator/value/flags`. */
export function parseCheck(source: string, env: BindEnv): BindResult<Check> {
  const first = source.indexOf('/');
  const operator = lower(source.slice(0, Math.max(first, 0)));
  if (!OPERATORS.has(operator)) return { error: `unknown operation in <${source}>` };
  const second = slash(source, first + 1);
  const operand = source.slice(first + 1, second < 0 ? source.length : second);
  const flags = parseFlags(second < 0 ? '' : source.slice(second + 1), 'gi');
  if (flags === undefined) return badFlag(source);
  const values = operand[0] === '$' ? bindValues(operand, env) : fixed(operand);
  if ('error' in values) return values;
  const text =
    operator === 're' && operand[0] !== '$' ? fixedPattern(operand) : { ok: textTests(flags.has('i'))[operator] };
  if ('error' in text) return text;
  return { ok: { all: flags.has('g'), values: values.ok, text: text.ok, int: INT_TESTS[operator] } };
}

function fixed(operand: string): BindResult<ValuesReader> {
  const value = fixedValue(operand);
  if (value === undefined) return { error: `unable to parse value <${operand}>` };
  const values = [value];
  return { ok: { read: () => values } };
}

function fixedPattern(operand: string): BindResult<TextTest> {
  const pattern = fixedValue(operand);
  if (typeof pattern !== 'string') return { error: `bad re <${operand}>` };
  const regex = compileRegex(pattern, { ignoreCase: true, newline: true });
  return 'error' in regex ? { error: `bad re <${pattern}>` } : { ok: (text) => regex.ok.test(text) };
}

/** Does any pair of values pass? Values of different types never do. */
export function runCheck(ctx: RouteContext, left: ValuesReader, check: Check): boolean {
  const values = left.read(ctx);
  if (values === undefined) return false;
  const operands = check.values.read(ctx);
  if (operands === undefined) return false;
  // 5.6.3 keeps the type of the first value for all that follow: others never pass (case avpops/functions)
  const type = typeof values[0];
  const tested = check.all || left.all ? values.filter((v) => typeof v === type) : values.slice(0, 1);
  return tested.some((a) => operands.some((b) => passes(ctx, a, b, check)));
}

function passes(ctx: RouteContext, a: Plain, b: Plain, check: Check): boolean {
  if (typeof a === 'string' && typeof b === 'string') return check.text?.(a, b) ?? false;
  if (typeof a === 'number' && typeof b === 'number') return check.int?.(a, b) ?? false;
  return logError(ctx, "value types don't match");
}
