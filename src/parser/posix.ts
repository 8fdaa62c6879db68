/** POSIX extended regular expressions as JavaScript ones, for #!subst (language.md, section 3). */

const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '\\x21-\\x7e',
  lower: 'a-z',
  print: '\\x20-\\x7e',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** GNU escapes that mean the same in both, back-references among them. */
const SAME_ESCAPE = /[bBwWsS1-9]/;
const SPECIAL = /[\\^$.|?*+()[\]{}/-]/;

export interface PosixOptions {
  readonly ignoreCase: boolean;
  readonly global: boolean;
  /** REG_NEWLINE: `.` and `[^x]` do not match a newline, `^` and `$` match at each line. */
  readonly newline: boolean;
}

/** The translated expression, or undefined when it is not valid. */
export function posixRegExp(source: string, options: PosixOptions): RegExp | undefined {
  let out = '';
  for (let i = 0; i < source.length; ) {
    const c = source.charAt(i);
    if (c === '[') {
      const set = bracket(source, i, options.newline);
      if (!set) return undefined;
      out += set.text;
      i = set.end;
    } else if (c === '\\') {
      const next = source.charAt(i + 1);
      if (next === '') return undefined;
      out += escaped(next);
      i += 2;
    } else if (c === '{') {
      const bounds = /^\{\d*(,\d*)?\}/.exec(source.slice(i, i + 16));
      out += bounds ? bounds[0].replace('{,', '{0,') : '\\{';
      i += bounds ? bounds[0].length : 1;
    } else {
      out += c === '.' ? (options.newline ? '[^\\n]' : '[^]') : c === '}' || c === ']' ? `\\${c}` : c;
      i += 1;
    }
  }
  try {
    return new RegExp(out, `${options.ignoreCase ? 'i' : ''}${options.global ? 'g' : ''}${options.newline ? 'm' : ''}`);
  } catch {
    // The only error RegExp knows here: the expression is not valid.
    return undefined;
  }
}

function escaped(char: string): string {
  if (SAME_ESCAPE.test(char)) return `\\${char}`;
  if (char === '<') return '\\b(?=\\w)';
  if (char === '>') return '\\b(?<=\\w)';
  if (char === '`') return '(?<![^])';
  if (char === "'") return '(?![^])';
  return literal(char);
}

function literal(char: string): string {
  return SPECIAL.test(char) ? `\\${char}` : char;
}

function bracket(source: string, start: number, newline: boolean): { text: string; end: number } | undefined {
  let i = start + 1;
  const negated = source.charAt(i) === '^';
  if (negated) i += 1;
  let set = negated && newline ? '\\n' : '';
  for (let first = true; ; first = false) {
    const c = source.charAt(i);
    if (c === '') return undefined;
    if (c === ']' && !first) return { text: `[${negated ? '^' : ''}${set}]`, end: i + 1 };
    const named = /^\[([:.=])(.+?)\1\]/.exec(source.slice(i, i + 16));
    if (named) {
      const name = named[2] as string;
      const text = named[1] !== ':' ? literal(name) : Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
      if (text === undefined) return undefined;
      set += text;
      i += named[0].length;
    } else {
      // A minus in the middle makes a range; first or last it stands for itself.
      const range = c === '-' && !first && source.charAt(i + 1) !== ']';
      set += range ? '-' : literal(c);
      i += 1;
    }
  }
}
