/** The class `s`: texts. */
import type { TransformationDefinition } from '../module.js';
import type { Value } from '../values.js';
import { type Entry, transformationClass } from './common.js';
import { S_EXAMPLES } from './examples.js';
import { S_CODES } from './s-codes.js';
import { MAX_RESULT, S_TEXT } from './s-text.js';

/** A result larger than Kamailio's buffer fails. */
function bounded(entry: Entry): Entry {
  return {
    ...entry,
    bind(args, rest, env) {
      const bound = entry.bind(args, rest, env);
      if ('error' in bound) return bound;
      const transform = bound.ok;
      return { ok: (value, ctx) => fitting(transform(value, ctx)) };
    },
  };
}

function fitting(value: Value): Value {
  return typeof value === 'string' && value.length > MAX_RESULT ? undefined : value;
}

const ENTRIES = Object.entries({ ...S_TEXT, ...S_CODES }).map(([name, entry]) => [name, bounded(entry)] as const);

export const s: TransformationDefinition = transformationClass(
  's',
  'Texts. An int is used by its text; null fails.',
  Object.fromEntries(ENTRIES),
  S_EXAMPLES,
);
