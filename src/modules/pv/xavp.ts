/** Functions on XAVPs, XAVUs and XAVIs: variables.md, section 4. */
import {
  type AnyFunction,
  Dual,
  fn,
  forms,
  int,
  type RouteContext,
  str,
  type Value,
  variable,
} from '../../runtime/module.js';
import { logError } from '../../runtime/variables/support.js';
import { XavpList } from '../../runtime/xavp.js';
import { parseParams } from '../../sip/uri.js';

type ListOf = (ctx: RouteContext) => XavpList;

const xavps: ListOf = (ctx) => ctx.env.xavps;
const xavis: ListOf = (ctx) => ctx.env.xavis;
const xavus: ListOf = (ctx) => ctx.env.xavus;

const truth = (yes: boolean): 1 | -1 => (yes ? 1 : -1);

// ------------------------------------------------------------ text to list

/** Fields out of `a=1;b=two;c`, the first on top; undefined when there are none. */
function explodedParams(text: string): XavpList | undefined {
  const items = parseParams(text);
  if (items.length === 0) return undefined;
  const fields = new XavpList();
  for (const [name, value] of items) fields.append(name, unquoted(value ?? ''));
  return fields;
}

function unquoted(text: string): string {
  const q = text[0];
  return text.length >= 2 && (q === '"' || q === "'") && text.endsWith(q) ? text.slice(1, -1) : text;
}

function explodeParams(listOf: ListOf, doc: string): AnyFunction {
  return fn({
    doc,
    args: [str('params'), str('name')],
    example: 'xavp_params_explode("a=1;b=two", "p");\nxlog("$xavp(p=>b)\\n");\n#> two',
    run(ctx, _params, text, name) {
      const fields = name === '' ? undefined : explodedParams(text);
      if (fields === undefined) return -1;
      if (listOf === xavus) ctx.env.xavus.put(name, fields);
      else listOf(ctx).add(name, fields);
      return 1;
    },
  });
}

/** Items between any of the separator's characters; empty ones are dropped. */
function explodedList(text: string, separators: string, trim: boolean): XavpList {
  const fields = new XavpList();
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && !separators.includes(text[i]!)) continue;
    const item = trim ? text.slice(from, i).trim() : text.slice(from, i);
    if (item !== '') fields.append('v', item);
    from = i + 1;
  }
  return fields;
}

// ------------------------------------------------------------ list to text

/** `name=value;` of each field, the newest first; undefined where the root has no fields. Ints print unsigned. */
function imploded(list: XavpList, name: string): string | undefined {
  const fields = list.fields(name);
  if (fields === undefined) return undefined;
  let out = '';
  for (const { name: field, value } of fields) {
    if (value instanceof XavpList || value === null || value === undefined) continue;
    const text = typeof value === 'number' ? `${value >>> 0}` : value instanceof Dual ? value.text : value;
    out += text === '' ? `${field};` : `${field}=${text};`;
  }
  return out === '' ? undefined : out;
}

function implodeParams(listOf: ListOf, doc: string): AnyFunction {
  return fn({
    doc,
    args: [str('name'), variable('target', { writable: true })],
    run(ctx, _params, name, target) {
      const text = imploded(listOf(ctx), name);
      return truth(text !== undefined && target.set?.(ctx, text) !== false);
    },
  });
}

// ------------------------------------------------------------------ copies

/** A copy of one root with its fields; nested lists are left out. Undefined when nothing is left. */
function copied(value: Value | XavpList): Value | XavpList | undefined {
  if (!(value instanceof XavpList)) return value;
  const fields = value.fresh();
  for (const item of value) if (!(item.value instanceof XavpList)) fields.append(item.name, item.value);
  return fields.size === 0 ? undefined : fields;
}

function source(ctx: RouteContext, name: string, index: number): Value | XavpList | undefined {
  const item = ctx.env.xavps.get(name, index);
  if (item !== undefined) return copied(item.value);
  logError(ctx, `missing can not find source xavp [${name}]`);
  return undefined;
}

const copyLast = fn({
  doc: 'Copies a root under another name: after the older ones of that name.',
  args: [str('source'), int('index'), str('target')],
  example: 'xavp_copy("src", "0", "dst");',
  run(ctx, _params, from, index, to) {
    const value = source(ctx, from, index);
    if (value === undefined) return -1;
    ctx.env.xavps.addLast(to, value);
    return 1;
  },
});

const copyOver = fn({
  doc: 'Copies a root over one of another name.',
  args: [str('source'), int('index'), str('target'), int('target_index')],
  run(ctx, _params, from, index, to, at) {
    const value = source(ctx, from, index);
    if (value === undefined) return -1;
    if (ctx.env.xavps.set(to, at, value)) return 1;
    logError(ctx, `xavp_copy: missing can not find destination xavp [${to}]`);
    return -1;
  },
});

// ---------------------------------------------------------------- children

function childFunctions(prefix: 'xavp' | 'xavi', listOf: ListOf): Record<string, AnyFunction> {
  return {
    [`${prefix}_child_seti`]: fn({
      doc: 'Sets a field of the newest root to an int; makes the root where there is none.',
      args: [str('root'), str('field'), int('value')],
      run(ctx, _params, root, field, value) {
        listOf(ctx).setChild(root, field, value);
        return 1;
      },
    }),
    [`${prefix}_child_sets`]: fn({
      doc: 'Sets a field of the newest root to a text; makes the root where there is none.',
      args: [str('root'), str('field'), str('value')],
      run(ctx, _params, root, field, value) {
        listOf(ctx).setChild(root, field, value);
        return 1;
      },
    }),
    [`${prefix}_child_rm`]: fn({
      doc: 'Removes the newest field of that name from the newest root. Always true.',
      args: [str('root'), str('field')],
      run(ctx, _params, root, field) {
        listOf(ctx).fields(root)?.remove(field, 0);
        return 1;
      },
    }),
    [`${prefix}_rm`]: fn({
      doc: 'Removes the newest root of that name. Always true.',
      args: [str('root')],
      run(ctx, _params, root) {
        listOf(ctx).remove(root, 0);
        return 1;
      },
    }),
  };
}

// -------------------------------------------------------------- $var and back

function varToXavp(ctx: RouteContext, name: string, root: string): 1 | -1 {
  const list = ctx.env.xavps;
  list.removeAll(root);
  if (name === '*') return allVarsToXavp(ctx, root);
  for (const [known, cell] of ctx.host.vars.entries()) {
    if (known !== name) continue;
    const fields = new XavpList();
    fields.add(name, cell.v);
    list.add(root, fields);
    return 1;
  }
  logError(ctx, `script var [${name}] not found`);
  return -1;
}

/** Empty texts are left out. */
function allVarsToXavp(ctx: RouteContext, root: string): 1 {
  const fields = new XavpList();
  for (const [name, { v }] of ctx.host.vars.entries()) if (v !== '') fields.add(name, v);
  if (fields.size > 0) ctx.env.xavps.add(root, fields);
  return 1;
}

function xavpToVar(ctx: RouteContext, root: string): 1 | -1 {
  const roots = ctx.env.xavps.all(root);
  if (roots.length === 0) {
    logError(ctx, `xavp [${root}] not found`);
    return -1;
  }
  for (const { value } of roots) {
    if (!(value instanceof XavpList)) return -1;
    for (const field of value) {
      if (field.value instanceof XavpList) return -1;
      ctx.host.vars.cell(field.name).v = field.value;
    }
  }
  return 1;
}

// ------------------------------------------------------------------- prints

function printed(kind: string, list: XavpList, level: number, out: string[]): void {
  for (const { name, value } of list) {
    if (value instanceof XavpList) {
      out.push(`${kind} (l:${level}) name: ${name} value: <xavp>`);
      printed(kind, value, level + 1, out);
    } else {
      const type = typeof value === 'number' ? 'int' : 'str';
      out.push(`${kind} (l:${level}) name: ${name} value (${type}): ${value instanceof Dual ? value.text : value}`);
    }
  }
}

const INFO = 2;

function print(kind: string, listOf: ListOf): AnyFunction {
  return fn({
    doc: `Writes every ${kind} to the log at level L_INFO.`,
    args: [],
    run(ctx) {
      if (ctx.host.log.level < INFO) return 1;
      const lines: string[] = [];
      printed(kind, listOf(ctx), 0, lines);
      for (const line of lines) ctx.host.log.write(INFO, 'pv', line);
      return 1;
    },
  });
}

export const XAVP_FUNCTIONS: Readonly<Record<string, AnyFunction>> = {
  xavp_copy: forms(copyLast, copyOver),
  xavp_params_explode: explodeParams(xavps, 'Makes a root of parameters `a=1;b=two`: one field each, all texts.'),
  xavu_params_explode: explodeParams(xavus, 'As xavp_params_explode(), into a XAVU.'),
  xavp_params_implode: implodeParams(xavps, 'Writes the fields of the newest root as `a=1;b=two;`, the newest first.'),
  xavu_params_implode: implodeParams(xavus, 'As xavp_params_implode(), from a XAVU.'),
  xavp_slist_explode: fn({
    doc: 'Makes a root of the items of a text, fields `v`: cut at any character of sep, empty ones dropped; mode t trims.',
    args: [str('text'), str('sep'), str('mode'), str('name')],
    run(ctx, _params, text, sep, mode, name) {
      if (text === '' || sep === '' || name === '') {
        logError(ctx, 'invalid parameters');
        return -1;
      }
      ctx.env.xavps.add(name, explodedList(text, sep, mode[0] === 't'));
      return 1;
    },
  }),
  ...childFunctions('xavp', xavps),
  ...childFunctions('xavi', xavis),
  pv_var_to_xavp: fn({
    doc: 'Copies a $var (or with `*` all) to a field of its name in a new root, which replaces all of that name.',
    args: [str('variable'), str('root')],
    run: (ctx, _params, name, root) => varToXavp(ctx, name, root),
  }),
  pv_xavp_to_var: fn({
    doc: 'Copies the fields of all roots of a name to $var of their names.',
    args: [str('root')],
    run: (ctx, _params, root) => xavpToVar(ctx, root),
  }),
  pv_xavp_print: print('XAVP', xavps),
  pv_xavu_print: print('XAVU', xavus),
  pv_xavi_print: print('XAVI', xavis),
};
