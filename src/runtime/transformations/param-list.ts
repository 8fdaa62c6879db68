/** Lists of parameters, `a=1;b="x;y";c`, as Kamailio's parser reads them. */

export type Param = readonly [name: string, value: string];

const BLANKS = /[ \t\r\n]*/y;

/** The parameters in order, values without their quotes; undefined where the list is bad. A comma or `>` ends it. */
export function parseParamList(text: string, separator: string): Param[] | undefined {
  const out: Param[] = [];
  let at = 0;
  while (at < text.length) {
    const nameEnd = tokenEnd(text, at, separator, '=');
    const name = text.slice(at, nameEnd);
    const value = valueAt(text, skip(text, nameEnd), separator);
    if (value === undefined) return undefined;
    out.push([name, value.text]);
    at = skip(text, value.end);
    const c = text[at];
    if (c === undefined || c === ',' || c === '>') return out;
    if (c !== separator) return undefined;
    at = skip(text, at + 1);
    if (at >= text.length) return undefined;
  }
  return out;
}

function skip(text: string, from: number): number {
  BLANKS.lastIndex = from;
  BLANKS.exec(text);
  return BLANKS.lastIndex;
}

/** Offset of the blank, comma, separator or `also` that ends a token. */
function tokenEnd(text: string, from: number, separator: string, also: string): number {
  let at = from;
  for (; at < text.length; at++) {
    const c = text[at];
    if (c === separator || c === ',' || c === also || c === ' ' || c === '\t' || c === '\r' || c === '\n') break;
  }
  return at;
}

/** What stands after a name, blanks skipped: `=` and a value, or nothing. */
function valueAt(text: string, at: number, separator: string): { text: string; end: number } | undefined {
  if (text[at] !== '=') return { text: '', end: at };
  const start = skip(text, at + 1);
  const quote = text[start];
  if (quote === undefined) return { text: '', end: start };
  if (quote === '"' || quote === "'") {
    const end = quoteEnd(text, start + 1, quote);
    return end < 0 ? undefined : { text: text.slice(start + 1, end), end: end + 1 };
  }
  const end = tokenEnd(text, start, separator, '');
  return end === start ? undefined : { text: text.slice(start, end), end };
}

function quoteEnd(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}
