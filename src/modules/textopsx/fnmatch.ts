/** Shell patterns (fnmatch(3) without flags), in time pattern × text at worst. */

type Token = { readonly star: true } | { readonly star: false; readonly test: (c: string) => boolean };

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  lower: /[a-z]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
  space: /[ \t\n\v\f\r]/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  print: /[ -~]/,
  graph: /[!-~]/,
  cntrl: /[\x00-\x1f\x7f]/,
};

function tokens(pattern: string): Token[] | undefined {
  const out: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const c = pattern[at]!;
    if (c === '*') out.push({ star: true });
    else if (c === '?') out.push({ star: false, test: () => true });
    else if (c === '[') {
      const set = bracket(pattern, at);
      if (set === undefined) out.push(literal(c));
      else {
        out.push({ star: false, test: set.test });
        at = set.end;
      }
    } else if (c === '\\') {
      at++;
      if (at >= pattern.length) return undefined;
      out.push(literal(pattern[at]!));
    } else out.push(literal(c));
  }
  return out;
}

const literal = (want: string): Token => ({ star: false, test: (c) => c === want });

/** A bracket expression at `at`; undefined when it is not closed. */
function bracket(pattern: string, at: number): { test: (c: string) => boolean; end: number } | undefined {
  let i = at + 1;
  const negated = pattern[i] === '!' || pattern[i] === '^';
  if (negated) i++;
  const tests: ((c: string) => boolean)[] = [];
  for (let first = true; i < pattern.length; first = false) {
    if (pattern[i] === ']' && !first) return { test: (c) => tests.some((t) => t(c)) !== negated, end: i };
    const cls = /^\[:([a-z]+):\]/.exec(pattern.slice(i));
    const known = cls === null ? undefined : CLASSES[cls[1]!];
    if (cls !== null && known !== undefined) {
      tests.push((c) => known.test(c));
      i += cls[0].length;
      continue;
    }
    if (pattern[i] === '\\' && i + 1 < pattern.length) i++;
    const low = pattern[i]!;
    i++;
    if (pattern[i] === '-' && i + 1 < pattern.length && pattern[i + 1] !== ']') {
      i += pattern[i + 1] === '\\' ? 2 : 1;
      const high = pattern[i] ?? low;
      i++;
      tests.push((c) => c >= low && c <= high);
    } else tests.push((c) => c === low);
  }
  return undefined;
}

/** Does the whole text match the pattern? Case matters. */
export function fnmatch(pattern: string, text: string): boolean {
  const list = tokens(pattern);
  if (list === undefined) return false;
  let t = 0;
  let p = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    const token = list[p];
    if (token?.star) {
      star = p++;
      mark = t;
    } else if (token?.test(text[t]!)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (list[p]?.star) p++;
  return p === list.length;
}
