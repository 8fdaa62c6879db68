/** JSON as jsonrpcs of 5.6.3 prints it: tabs and a tab after each colon when pretty, no blanks at all else (seen). */
import type { RpcValue } from '../../runtime/module.js';
import { fieldsOf } from '../../runtime/rpc.js';

/** Texts are latin1, so that the bytes of UTF-8 pass untouched. Equal names of a record are all printed. */
export function printJson(value: RpcValue, pretty: boolean): string {
  return pretty ? indented(value, 0) : compact(value);
}

function compact(value: RpcValue): string {
  if (Array.isArray(value)) return `[${value.map(compact).join(',')}]`;
  const fields = fieldsOf(value);
  if (fields === undefined) return scalar(value);
  return `{${fields.map(([name, v]) => `${JSON.stringify(name)}:${compact(v)}`).join(',')}}`;
}

function indented(value: RpcValue, depth: number): string {
  if (Array.isArray(value)) return `[${value.map((v: RpcValue) => indented(v, depth + 1)).join(', ')}]`;
  const fields = fieldsOf(value);
  if (fields === undefined) return scalar(value);
  const tabs = '\t'.repeat(depth);
  const lines = fields.map(([name, v]) => `${tabs}\t${JSON.stringify(name)}:\t${indented(v, depth + 1)}`);
  return lines.length === 0 ? `{\n${tabs}}` : `{\n${lines.join(',\n')}\n${tabs}}`;
}

function scalar(value: RpcValue): string {
  if (typeof value === 'number') return printNumber(value);
  return typeof value === 'string' || typeof value === 'boolean' ? JSON.stringify(value) : 'null';
}

const SMALL = 1e-6;
const LARGE = 1e9;
const FRACTION_DIGITS = 6;

/** Whole numbers in full, fractions with six digits. */
function printNumber(n: number): string {
  if (!Number.isFinite(n)) return '0';
  if (Number.isInteger(n)) return Math.abs(n) < 1e21 ? String(n) : BigInt(n).toString();
  const size = Math.abs(n);
  if (size >= SMALL && size <= LARGE) return n.toFixed(FRACTION_DIGITS);
  return n.toExponential(FRACTION_DIGITS).replace(/e([-+])(\d)$/, 'e$10$2');
}
