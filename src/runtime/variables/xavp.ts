/** `$xavp`, `$xavi` and `$xavu` (variables.md, section 4). */
import type { Context } from '../context.js';
import { avpValue, type MessageEnv } from '../message-env.js';
import { type BindEnv, type BindResult, type PvAccessor, type PvDefinition, type PvUse, pvWith } from '../module.js';
import { toText, type Value } from '../values.js';
import { XavpList } from '../xavp.js';
import { indexReader, isNull, logError } from './support.js';
import { parseXavpName, type XavpPart } from './xavp-name.js';

type ListOf = (env: MessageEnv) => XavpList;
type Index = (ctx: Context) => number | '*' | undefined;

/** A value as a script sees it: fields have no readable text but a placeholder. */
function shown(value: Value | XavpList): Value {
  return value instanceof XavpList ? '<<xavp:0x1>>' : value;
}

// -------------------------------------------------------------------- read

/** The place that a read's index means: [-1] the oldest. `*` reads the newest here. */
function readPlace(list: XavpList, name: string, index: number | '*'): number {
  if (index === '*') return 0;
  return index < 0 ? list.count(name) + index : index;
}

function readRoot(list: XavpList, name: string, index: number | '*'): Value | XavpList | undefined {
  return list.get(name, readPlace(list, name, index))?.value;
}

function readField(fields: XavpList, name: string, index: number | '*'): Value {
  if (index !== '*') return shown(fields.get(name, readPlace(fields, name, index))?.value ?? null);
  const all = fields.all(name);
  return all.length === 0 ? null : all.map((item) => toText(shown(item.value))).join(', ');
}

// ------------------------------------------------------------------- write

/** The place that a write's index means: 5.6.3 counts one further from the end than a read does. */
function writePlace(list: XavpList, name: string, index: number): number {
  return index < 0 ? list.count(name) + index + 1 : index;
}

function removeFrom(list: XavpList, part: XavpPart, index: number | '*'): void {
  if (part.index !== undefined && index === '*') list.removeAll(part.name);
  else if (index !== '*') list.remove(part.name, writePlace(list, part.name, index));
}

function removeField(
  list: XavpList,
  root: XavpPart,
  rootIndex: number | '*',
  field: XavpPart,
  index: number | '*',
): void {
  const places =
    rootIndex === '*'
      ? Array.from({ length: list.count(root.name) }, (_, i) => i)
      : [writePlace(list, root.name, rootIndex)];
  for (const at of places) {
    const fields = list.fields(root.name, at);
    if (fields !== undefined) removeFrom(fields, field, index);
  }
}

/** `$xavp(r) = v` adds a root, `$xavp(r[i]) = v` replaces one. */
function writeRoot(list: XavpList, root: XavpPart, index: number | '*', value: Value): boolean {
  if (root.index === undefined) list.add(root.name, value);
  else if (index === '*') return false;
  else return list.set(root.name, writePlace(list, root.name, index), value);
  return true;
}

/** `r=>f` makes a new root, `r[i]=>f` adds a field to root i, `r[i]=>f[j]` replaces one. */
function writeField(
  list: XavpList,
  root: XavpPart,
  at: number | '*',
  field: XavpPart,
  index: number | '*',
  value: Value,
): boolean {
  if (root.index === undefined) {
    const fields = list.fresh();
    fields.add(field.name, value);
    list.add(root.name, fields);
    return true;
  }
  if (at === '*') return true;
  const item = list.get(root.name, writePlace(list, root.name, at));
  if (item === undefined) return true;
  if (!(item.value instanceof XavpList)) return false;
  if (field.index === undefined) item.value.add(field.name, value);
  else if (index !== '*') item.value.set(field.name, writePlace(item.value, field.name, index), value);
  return true;
}

// ---------------------------------------------------------------- accessor

function rootAccessor(listOf: ListOf, root: XavpPart): PvAccessor {
  const index = indexReader(root.index);
  return {
    get(ctx) {
      const i = index(ctx);
      return i === undefined ? undefined : shown(readRoot(listOf(ctx.env), root.name, i) ?? null);
    },
    set(ctx, value) {
      const i = index(ctx);
      if (i === undefined) return false;
      const list = listOf(ctx.env);
      if (!isNull(value)) return writeRoot(list, root, i, avpValue(value));
      removeFrom(list, root, i);
      return true;
    },
  };
}

function fieldAccessor(listOf: ListOf, root: XavpPart, field: XavpPart): PvAccessor {
  const rootIndex: Index = indexReader(root.index);
  const fieldIndex: Index = indexReader(field.index);
  return {
    get(ctx) {
      const i = rootIndex(ctx);
      const j = fieldIndex(ctx);
      if (i === undefined || j === undefined) return undefined;
      const fields = readRoot(listOf(ctx.env), root.name, i);
      return fields instanceof XavpList ? readField(fields, field.name, j) : null;
    },
    set(ctx, value) {
      const i = rootIndex(ctx);
      const j = fieldIndex(ctx);
      if (i === undefined || j === undefined) return false;
      const list = listOf(ctx.env);
      if (!isNull(value)) return writeField(list, root, i, field, j, avpValue(value)) || logError(ctx, 'no xavp list');
      removeField(list, root, i, field, j);
      return true;
    },
  };
}

function bindList(listOf: ListOf) {
  return (use: PvUse, env: BindEnv): BindResult<PvAccessor> => {
    const name = parseXavpName(use.key?.text ?? '', env);
    if ('error' in name) return name;
    const { root, field } = name.ok;
    return { ok: field === undefined ? rootAccessor(listOf, root) : fieldAccessor(listOf, root, field) };
  };
}

// -------------------------------------------------------------------- xavu

function bindXavu(use: PvUse): BindResult<PvAccessor> {
  const text = (use.key?.text ?? '').trim();
  const m = /^([^=]*)(?:=>(.+))?$/.exec(text);
  if (m === null || text === '') return { error: `invalid xavu name [${text}]` };
  const root = m[1]!;
  const field = m[2];
  return { ok: field === undefined ? xavuRoot(root) : xavuField(root, field) };
}

function xavuRoot(name: string): PvAccessor {
  return {
    get: ({ env }) => shown(env.xavus.get(name)?.value ?? null),
    set: ({ env }, value) => {
      if (isNull(value)) env.xavus.remove(name, 0);
      else env.xavus.put(name, avpValue(value));
    },
  };
}

function xavuField(root: string, name: string): PvAccessor {
  return {
    get: ({ env }) => shown(env.xavus.fields(root)?.get(name)?.value ?? null),
    set: ({ env }, value) => {
      if (isNull(value)) env.xavus.fields(root)?.remove(name, 0);
      else xavuFields(env, root).put(name, avpValue(value));
    },
  };
}

/** Fields of a xavu root, made where there are none; a plain value gives way. */
export function xavuFields(env: MessageEnv, root: string): XavpList {
  const known = env.xavus.fields(root);
  if (known !== undefined) return known;
  const fields = env.xavus.fresh();
  env.xavus.put(root, fields);
  return fields;
}

const LIST_DOC =
  'Lists of named values with the message: `r=>f` assigns a new root with a field, `r[0]=>f` adds a field to it, `r[0]=>f[0]` replaces one; $null removes.';

export const XAVP: Readonly<Record<string, PvDefinition>> = {
  xavp: pvWith({
    doc: LIST_DOC,
    writable: true,
    example: '$xavp(r=>host) = "a";\n$xavp(r[0]=>port) = 5060;\nxlog("$xavp(r=>host):$xavp(r=>port)\\n");\n#> a:5060',
    bind: bindList((env) => env.xavps),
  }),
  xavi: pvWith({ doc: `${LIST_DOC} Names ignore case.`, writable: true, bind: bindList((env) => env.xavis) }),
  xavu: pvWith({
    doc: 'As $xavp with one value a name: an assignment replaces.',
    writable: true,
    example: '$xavu(r=>f) = 1;\n$xavu(r=>f) = 2;\nxlog("$xavu(r=>f)\\n");\n#> 2',
    bind: bindXavu,
  }),
};
