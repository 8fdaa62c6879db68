/** Kamailio's json: fields of JSON texts, by json-c. */
import type { Context } from '../runtime/context.js';
import { parseLenient, printSpaced, stringOf } from '../runtime/json-c.js';
import { defineModule, fn, type PvAccessor, str, strParam, variable } from '../runtime/module.js';
import { json as jsonTransformation } from '../runtime/transformations/index.js';

/** Stores one field of an object; false when the text is no JSON, the field absent or null. */
function storeField(ctx: Context, json: string, name: string, target: PvAccessor, asText: boolean): number {
  const root = parseLenient(json);
  const value = root instanceof Map ? root.get(name) : undefined;
  if (value === undefined || value === null) return -1;
  target.set?.(ctx, asText ? (stringOf(value) ?? '') : printSpaced(value));
  return 1;
}

const result = () => variable('result', { writable: true });

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
  transformations: { json: jsonTransformation },
  missing: ['{json.encode}: 5.6.3 refuses the name'],
});
