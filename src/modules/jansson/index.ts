/** Kamailio's jansson: reading and making JSON by paths. */
import type { Context } from '../../runtime/context.js';
import { defineModule, fn, type PvAccessor, str, toText, type Value, variable } from '../../runtime/module.js';
import { XavpList } from '../../runtime/xavp.js';
import { getAt, setAt } from './path.js';
import { general, type Jansson, parseJansson, printJansson, Real, validUtf8 } from './value.js';

/** What a script gets of a value: objects and arrays as compact text, booleans as 1 and 0, large ints as text. */
function scriptValue(v: Jansson): Value {
  if (v === null || typeof v === 'string') return v;
  if (typeof v === 'boolean') return v ? 1 : 0;
  if (typeof v === 'bigint') return v >= -2147483648n && v <= 2147483647n ? Number(v) : String(v);
  return v instanceof Real ? general(v.value, 15) : printJansson(v, false);
}

function get(ctx: Context, path: string, json: string, result: PvAccessor): number {
  const root = parseJansson(json);
  const value = root === undefined ? undefined : getAt(root, path);
  if (value === undefined) return -1;
  result.set?.(ctx, scriptValue(value));
  return 1;
}

function container(text: string, want: 'object' | 'array'): Jansson | undefined {
  const value = parseJansson(text);
  return value !== undefined && Array.isArray(value) === (want === 'array') ? value : undefined;
}

/** C's strtoll over the whole text: blanks in front pass, '' is 0, out of range goes to the bound. */
function integer(text: string): Jansson | undefined {
  if (text === '') return 0n;
  const m = /^\s*([-+]?\d+)$/.exec(text);
  if (m === null) return undefined;
  const n = BigInt(m[1]!.replace('+', ''));
  const bound = 2n ** 63n;
  return n >= bound ? bound - 1n : n < -bound ? -bound : n;
}

function real(text: string): Jansson | undefined {
  if (text === '') return new Real(0);
  const value = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? new Real(value) : undefined;
}

const TYPES: Readonly<Record<string, (text: string) => Jansson | undefined>> = {
  object: (text) => container(text, 'object'),
  obj: (text) => container(text, 'object'),
  array: (text) => container(text, 'array'),
  string: (text) => (validUtf8(text) ? text : undefined),
  str: (text) => (validUtf8(text) ? text : undefined),
  integer,
  int: integer,
  real,
  true: () => true,
  false: () => false,
  null: () => null,
};

function set(ctx: Context, type: string, path: string, text: string, result: PvAccessor, append: boolean): number {
  const value = Object.hasOwn(TYPES, type) ? TYPES[type]!(text) : undefined;
  const before = result.get(ctx);
  const root = value === undefined ? undefined : parseJansson(typeof before === 'string' ? before : '{}');
  if (root === undefined || value === undefined || !setAt(root, path, value, append)) return -1;
  result.set?.(ctx, printJansson(root, false));
  return 1;
}

function decode(ctx: Context, json: string, name: string): number {
  const root = parseJansson(json);
  if (root === undefined) return -1;
  for (const item of Array.isArray(root) ? root : [root]) {
    const fields = new XavpList();
    if (item instanceof Map) for (const [key, value] of item) fields.add(key, scriptValue(value));
    ctx.env.xavps.add(name, fields);
  }
  return 1;
}

function encode(ctx: Context, name: string, result: PvAccessor): number {
  const fields = ctx.env.xavps.fields(name);
  if (fields === undefined) return -1;
  const out = new Map<string, Jansson>();
  for (const item of fields) {
    const value = item.value instanceof XavpList ? '<<xavp>>' : jansson(item.value);
    if (value === undefined) return -1;
    out.set(item.name, value);
  }
  result.set?.(ctx, printJansson(out, true));
  return 1;
}

function jansson(value: Value): Jansson | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return BigInt(value);
  const text = toText(value);
  return validUtf8(text) ? text : undefined;
}

const result = () => variable('result', { writable: true });

export const janssonModule = defineModule({
  name: 'jansson',
  doc: 'Reads and makes JSON by paths such as `a.b[1].c`.',
  functions: {
    jansson_get: fn({
      doc: 'Stores the value at a path: an int, a text, null, or JSON text. False if it is absent or the text is no JSON.',
      args: [str('path'), str('json'), result()],
      run: (ctx, _params: unknown, path, json, target) => get(ctx, path, json, target),
    }),
    jansson_get_field: fn({
      doc: 'As jansson_get, with the JSON first: the older order of arguments.',
      args: [str('json'), str('path'), result()],
      run: (ctx, _params: unknown, json, path, target) => get(ctx, path, json, target),
    }),
    jansson_array_size: fn({
      doc: 'Stores how many items the array at a path has; false if there is none.',
      args: [str('path'), str('json'), result()],
      run(ctx, _params: unknown, path, json, target) {
        const root = parseJansson(json);
        const value = root === undefined ? undefined : getAt(root, path);
        if (!Array.isArray(value)) return -1;
        target.set?.(ctx, value.length);
        return 1;
      },
    }),
    jansson_set: fn({
      doc: 'Sets the value at a path of the JSON in a variable: type is string, int, real, object, array, true, false or null.',
      args: [str('type'), str('path'), str('value'), result()],
      run: (ctx, _params: unknown, type, path, value, target) => set(ctx, type, path, value, target, false),
    }),
    jansson_append: fn({
      doc: 'Appends to the array, or adds the fields to the object, at a path of the JSON in a variable.',
      args: [str('type'), str('path'), str('value'), result()],
      run: (ctx, _params: unknown, type, path, value, target) => set(ctx, type, path, value, target, true),
    }),
    jansson_xdecode: fn({
      doc: 'Makes an xavp of a JSON object, or one of each object of an array; nested values stay JSON text.',
      args: [str('json'), str('xavp')],
      run: (ctx, _params: unknown, json, name) => decode(ctx, json, name),
    }),
    jansson_xencode: fn({
      doc: 'Makes a JSON object of the fields of an xavp.',
      args: [str('xavp'), result()],
      run: (ctx, _params: unknown, name, target) => encode(ctx, name, target),
    }),
  },
});
