/** A table as a file: one JSON record a line, `{"key":…,"value":…,"expire":…}`, `expire` a UNIX time, 0 for never. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { RpcFault } from '../../runtime/module.js';
import type { Table } from './table.js';

interface Saved {
  readonly key: string;
  readonly value: number | string;
  readonly expire: number;
}

/** Writes all live cells, first to a file beside and then in its place. Gives their number. */
export async function writeTable(table: Table, path: string, now: number): Promise<number> {
  const cells = table.inOrder().filter((c) => !table.isExpired(c, now));
  const lines = cells.map(({ key, value, expire }) => `${JSON.stringify({ key, value, expire })}\n`);
  try {
    await writeFile(`${path}.new`, lines.join(''));
    await rename(`${path}.new`, path);
  } catch (error) {
    throw new RpcFault(500, `cannot write ${path}: ${reason(error)}`);
  }
  return cells.length;
}

/** Adds the cells of a file that are still alive. A line that is no record is a fault, and nothing is added. */
export async function readTable(table: Table, path: string, now: number): Promise<number> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new RpcFault(500, `cannot read ${path}: ${reason(error)}`);
  }
  const saved = text.split('\n').flatMap((line, i) => (line === '' ? [] : [record(line, i + 1, path)]));
  const alive = saved.filter((s) => s.expire === 0 || s.expire >= now);
  for (const { key, value, expire } of alive) {
    table.set(key, value, now);
    const cell = table.cells.get(key);
    if (cell !== undefined && table.spec.autoexpire > 0) cell.expire = expire;
  }
  return alive.length;
}

function record(line: string, number: number, path: string): Saved {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    parsed = undefined;
  }
  if (!isSaved(parsed)) throw new RpcFault(500, `${path}:${number}: no record of a hash table`);
  return parsed;
}

function isSaved(value: unknown): value is Saved {
  if (typeof value !== 'object' || value === null) return false;
  const { key, value: content, expire } = value as Record<string, unknown>;
  return typeof key === 'string' && ['number', 'string'].includes(typeof content) && typeof expire === 'number';
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
