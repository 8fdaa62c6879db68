/**
 * Cells of one table as lines, for synchronisations between kamscript nodes: `join` and `split` of the engine write and read
 * them at a fraction of what JSON costs, which counts in a server that has just begun and runs nothing compiled yet.
 *
 *     cells TABLE STAMP
 *     KEY            four lines a cell
 *     VALUE
 *     FORM EXPIRY    FORM: s text, i integer, q key and value as JSON; empty line: a text that never expires
 *     STAMP          as a difference to that of the first line; empty: none
 *
 * The lines stay pieces of the message, which so lives as long as one of its cells: less than copies of them would take.
 */
import type { CellColumns } from './htable-body.js';

const BEGIN = 'cells ';
const LINES = 4;
const FIRST = /^cells ([^ ]+) (\d{1,16})$/;

/** A body in the making. */
export class FieldsWriter {
  readonly #lines: string[];
  readonly #stamp: number;
  /** Characters so far, about. */
  length = 0;

  constructor(table: string, stamp: number) {
    this.#lines = [`${BEGIN}${table} ${stamp}`];
    this.#stamp = stamp;
  }

  add(key: string, value: number | string, expire: number, stamp: number): void {
    const isText = typeof value === 'string';
    const plain = !key.includes('\n') && !(isText && value.includes('\n'));
    const text = isText ? value : `${value}`;
    if (!plain) this.#lines.push(JSON.stringify(key), JSON.stringify(value), `q${expire}`);
    else if (isText && expire === 0) this.#lines.push(key, text, '');
    else this.#lines.push(key, text, `${isText ? 's' : 'i'}${expire}`);
    this.#lines.push(stamp > 0 ? `${stamp - this.#stamp}` : '');
    this.length += key.length + text.length + 16;
  }

  get body(): string {
    return this.#lines.join('\n');
  }
}

export function hasFields(body: string): boolean {
  return body.startsWith(BEGIN);
}

/** Undefined: the first line is none. Cells that are none are left out. */
export function readFields(body: string): CellColumns | undefined {
  const lines = body.split('\n');
  const first = FIRST.exec(lines[0]!);
  if (first === null) return undefined;
  const base = Number(first[2]);
  const out = { tables: [] as string[], keys: [] as string[], values: [] as (number | string)[] };
  const expires: number[] = [];
  const stamps: number[] = [];
  const table = first[1]!;
  for (let at = 1; at + LINES <= lines.length; at += LINES) {
    const form = lines[at + 2]!;
    const stamp = lines[at + 3]!;
    const cell = form === '' ? undefined : formed(lines[at]!, lines[at + 1]!, form);
    const key = form === '' ? lines[at]! : cell?.key;
    if (key === undefined || key === '') continue;
    out.tables.push(table);
    out.keys.push(key);
    out.values.push(cell === undefined ? lines[at + 1]! : cell.value);
    expires.push(cell === undefined ? 0 : cell.expire);
    stamps.push(stamp === '' ? 0 : stampOf(base + Number(stamp)));
  }
  return { ...out, expires, stamps };
}

interface Formed {
  readonly key: string;
  readonly value: number | string;
  readonly expire: number;
}

function formed(key: string, value: string, form: string): Formed | undefined {
  const expire = int32(form.slice(1));
  if (form[0] === 's') return { key, value, expire };
  if (form[0] === 'i') return { key, value: int32(value), expire };
  return form[0] === 'q' ? quoted(key, value, expire) : undefined;
}

function quoted(key: string, value: string, expire: number): Formed | undefined {
  try {
    const [k, v] = JSON.parse(`[${key},${value}]`) as unknown[];
    const isValue = typeof v === 'string' || Number.isInteger(v);
    return typeof k === 'string' && isValue ? { key: k, value: v as number | string, expire } : undefined;
  } catch {
    return undefined;
  }
}

function int32(text: string): number {
  const n = Number(text);
  return Number.isInteger(n) && Math.abs(n) <= 0x7fffffff ? n : 0;
}

function stampOf(n: number): number {
  return Number.isSafeInteger(n) && n > 0 ? n : 0;
}
