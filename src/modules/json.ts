/** Kamailio's json: fields of JSON texts, by json-c. */
import type { Context } from '../runtime/context.js';
import { bindFormat } from '../runtime/format.js';
import { follow, parseLenient, parsePath, printSpaced, stringOf } from '../runtime/json-c.js';
import {
  type BindEnv,
  type BindResult,
  defineModule,
  fn,
  type PvAccessor,
  quoted,
  str,
  strParam,
  type TrArg,
  type Transform,
  toText,
  variable,
} from '../runtime/module.js';

interface JsonParams {
  readonly json_escape_char: string | null;
}

/** Stores one field of an object; false when the text is no JSON, the field absent or null. */
function storeField(ctx: Context, json: string, name: string, target: PvAccessor, asText: boolean): number {
  const root = parseLenient(json);
  const value = root instanceof Map ? root.get(name) : undefined;
  if (value === undefined || value === null) return -1;
  target.set?.(ctx, asText ? (stringOf(value) ?? '') : printSpaced(value));
  return 1;
}

/** Text at a path; '' where there is none and where the input is no JSON. */
function textAt(text: string, path: string, dotSign: string): string {
  const root = parseLenient(text);
  const found = root === undefined || root === null ? undefined : follow(root, parsePath(path, dotSign));
  return found === undefined ? '' : (stringOf(found) ?? '');
}

function bindParse(arg: TrArg | undefined, env: BindEnv): BindResult<Transform> {
  if (arg === undefined) return { error: '{json.parse} needs a path', hint: 'write {json.parse,a.b[0]}' };
  const dotSign = (env.params('json') as unknown as JsonParams).json_escape_char?.[0] ?? '%';
  if (arg.kind === 'variable') {
    return {
      ok(value, ctx) {
        const path = arg.get(ctx);
        if (value === null || path === null || path === undefined || toText(path) === '') return undefined;
        return textAt(toText(value), toText(path), dotSign);
      },
    };
  }
  const format = bindFormat(arg.text, env);
  if ('error' in format) return format;
  const { constant, get } = format.ok;
  const steps = constant === undefined ? undefined : parsePath(constant, dotSign);
  return {
    ok(value, ctx) {
      if (value === null || value === undefined) return undefined;
      if (steps === undefined) return textAt(toText(value), get(ctx), dotSign);
      const root = parseLenient(toText(value));
      const found = root === undefined || root === null ? undefined : follow(root, steps);
      return found === undefined ? '' : (stringOf(found) ?? '');
    },
  };
}

const result = () => quoted(variable('result', { writable: true }));

export const json = defineModule({
  name: 'json',
  doc: 'Takes fields out of JSON texts. The reading is lenient, as json-c reads: single quotes, comments, a last comma pass.',
  params: {
    json_escape_char: strParam('%', 'Character that stands for a dot inside a name of a {json.parse} path.', (text) =>
      text.length === 1 ? undefined : 'json_escape_char is one character',
    ),
  },
  functions: {
    json_get_field: fn({
      doc: 'Stores a field of a JSON object as JSON text: a string keeps its quotes. False if it is absent or null.',
      args: [str('json'), str('name'), result()],
      run: (ctx, _params: unknown, text, name, target) => storeField(ctx, text, name, target, false),
    }),
    json_get_string: fn({
      doc: 'Stores a field of a JSON object; a string without its quotes. False if it is absent or null.',
      args: [str('json'), str('name'), result()],
      run: (ctx, _params: unknown, text, name, target) => storeField(ctx, text, name, target, true),
    }),
  },
  transformations: {
    json: {
      doc: 'Parts of a JSON text.',
      names: {
        parse: '`{json.parse,a.b[1].c}`: the text at a path; empty where there is none. The path may hold variables.',
      },
      bind: (name, args, env) =>
        name.toLowerCase() === 'parse' ? bindParse(args[0], env) : { error: `unknown transformation {json.${name}}` },
    },
  },
});
