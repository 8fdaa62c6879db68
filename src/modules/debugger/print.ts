/** JSON in the layout of Kamailio's own printer: tabs, an object's fields on lines of their own, arrays on one line. */

/** A map is an object. Texts are latin1, one character a byte, which passes as it is. */
export type Json = null | string | number | readonly Json[] | ReadonlyMap<string, Json>;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function quoted(text: string): string {
  const body = text.replace(/["\\\x00-\x1f]/g, (c) => {
    return ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${body}"`;
}

function leaf(value: null | string | number): string {
  return typeof value === 'string' ? quoted(value) : `${value}`;
}

/** On one line, without blanks. */
export function printCompact(value: Json): string {
  if (value === null || typeof value !== 'object') return leaf(value);
  if (!(value instanceof Map)) return `[${(value as readonly Json[]).map(printCompact).join(',')}]`;
  return `{${[...(value as ReadonlyMap<string, Json>)].map(([k, v]) => `${quoted(k)}:${printCompact(v)}`).join(',')}}`;
}

/** On lines; `depth` is that of the value. */
export function printLines(value: Json, depth = 0): string {
  if (value === null || typeof value !== 'object') return leaf(value);
  if (!(value instanceof Map)) return `[${(value as readonly Json[]).map((v) => printLines(v, depth + 1)).join(', ')}]`;
  const tabs = '\t'.repeat(depth + 1);
  const fields = [...(value as ReadonlyMap<string, Json>)].map(
    ([k, v]) => `${tabs}${quoted(k)}:\t${printLines(v, depth + 1)}`,
  );
  return `{\n${fields.join(',\n')}${fields.length > 0 ? '\n' : ''}${'\t'.repeat(depth)}}`;
}
