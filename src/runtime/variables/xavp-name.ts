/** The key of `$xavp(root[i]=>field[j])` and its kin. Names are literal: a `$` in them is a character like others. */
import { bindVariable } from '../format.js';
import type { BindEnv, BindResult, PvIndex } from '../module.js';

export interface XavpPart {
  readonly name: string;
  readonly index?: PvIndex;
}

export interface XavpName {
  readonly root: XavpPart;
  readonly field?: XavpPart;
}

const PART = /^\s*([^=\s[]+)\s*/;

export function parseXavpName(text: string, env: BindEnv): BindResult<XavpName> {
  const error = { error: `invalid xavp name [${text}]` };
  const root = part(text, env);
  if (root === undefined) return error;
  if ('error' in root) return root;
  const rest = root.ok.rest;
  if (!rest.startsWith('=')) return { ok: { root: root.ok.part } };
  if (!rest.startsWith('=>')) return error;
  const field = part(rest.slice(2), env);
  if (field === undefined) return error;
  return 'error' in field ? field : { ok: { root: root.ok.part, field: field.ok.part } };
}

function part(text: string, env: BindEnv): BindResult<{ part: XavpPart; rest: string }> | undefined {
  const m = PART.exec(text);
  if (m === null) return undefined;
  const name = m[1]!;
  const rest = text.slice(m[0].length);
  if (rest[0] !== '[') return { ok: { part: { name }, rest } };
  const end = closing(rest);
  if (end < 0 || end === 1) return { error: `invalid index in [${text}]` };
  const index = bindIndex(rest.slice(1, end), env);
  if ('error' in index) return index;
  return { ok: { part: { name, index: index.ok }, rest: rest.slice(end + 1) } };
}

/** Place of the bracket that closes the first one. */
function closing(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '[') depth++;
    else if (text[i] === ']' && --depth === 0) return i;
  }
  return -1;
}

function bindIndex(text: string, env: BindEnv): BindResult<PvIndex> {
  if (text === '*') return { ok: '*' };
  if (text[0] === '$') {
    const bound = bindVariable(text, env, { quoted: true });
    return 'error' in bound ? bound : { ok: { get: bound.ok.get } };
  }
  return /^-?\d*$/.test(text) ? { ok: Number(text === '-' ? 0 : text) } : { error: `invalid index [${text}]` };
}
