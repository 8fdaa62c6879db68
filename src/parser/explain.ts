/** What an author probably meant where the grammar found something else: hints for syntax errors. */
import { CORE_PARAM_BY_NAME } from './core-params.js';
import { nearest } from './nearest.js';
import type { Problem, Span } from './problem.js';
import { KEYWORDS, T, type Token } from './tokens.js';

export interface Notice {
  /** First token of the statement. */
  readonly start?: Token | undefined;
  readonly previous: Token | undefined;
  /** The token at which the error was noticed; missing at the end of the text. */
  readonly at: Token | undefined;
  readonly next: Token | undefined;
  readonly tokens?: readonly Token[];
  readonly text: string;
  /** What is missing: a `;`, the `)` of a `(`, the `}` of a `{`, a name, a value. */
  readonly missing?: ';' | ')' | '}' | 'name' | 'listed' | 'event' | 'unnamed' | 'host' | 'value' | 'item';
  /** The bracket that is open, or the word that needs something. */
  readonly opened?: Span | undefined;
}

export interface Explanation {
  readonly hint?: string | undefined;
  readonly cause?: Problem['cause'];
}

type Rule = (notice: Notice) => Explanation | string | undefined;

const place = (span: Span) => `line ${span.line}, column ${span.column}`;

/** Words of other languages at the start of a statement. */
const FOREIGN: Readonly<Record<string, string>> = {
  elseif: 'write `else if`',
  elsif: 'write `else if`',
  elif: 'write `else if`',
  for: 'there is no `for`; use `while`',
  foreach: 'there is no `foreach`; use `while`',
  do: 'there is no `do`; use `while`',
  continue: 'there is no `continue`; put the rest of the loop into an `if`',
  goto: 'there is no `goto`; use `route(NAME)`',
  function: 'a function is a route block: route[NAME] { … }',
  call: 'write `route(NAME);`',
  var: 'variables are written $var(name) and need no declaration',
  let: 'variables are written $var(name) and need no declaration',
};

const OPERATOR_WORDS = new Set(['and', 'or', 'not', 'mod', 'eq', 'ne', 'ieq', 'ine']);

function operators({ previous, at, next }: Notice): string | undefined {
  if (!at) return undefined;
  if (at.image === '%') return 'the remainder is written `mod`: $var(x) mod 3';
  if (at.image === '+=') return 'there is no `+=`: write $var(x) = $var(x) + …';
  if (at.image === '$')
    return 'a variable name begins with a letter or `_`: $name, $name(key), $(name(key){transformation})';
  if (at.tokenType === T.Not && next?.tokenType === T.BitNot) return 'there is no `!~`: write !($x =~ "…")';
  if (at.tokenType === T.Not && next?.tokenType === T.Match) return 'there is no `!=~`: write !($x =~ "…")';
  if (at.tokenType === T.Equal && previous?.tokenType === T.Equals) return 'there is no `===`: write `==`';
  if (at.tokenType === T.Greater && previous?.tokenType === T.Less) return '"not equal" is written `!=`';
  if (at.tokenType === T.Id && OPERATOR_WORDS.has(at.image.toLowerCase())) {
    return `operators are lower-case: write \`${at.image.toLowerCase()}\``;
  }
  return undefined;
}

function assignments({ previous, at, next, start }: Notice): string | undefined {
  if (!at) return undefined;
  const afterVariable = previous?.tokenType === T.Variable;
  if (afterVariable && previous === start) {
    if (at.tokenType === T.Equals) return 'a comparison is not a statement; `=` assigns';
    if (at.tokenType === next?.tokenType && (at.tokenType === T.Plus || at.tokenType === T.Minus)) {
      return `there is no \`${at.image}${at.image}\`: write ${previous.image} = ${previous.image} ${at.image} 1`;
    }
    if (next?.tokenType === T.Equal) return `write ${previous.image} = ${previous.image} ${at.image} …`;
  }
  if (at.tokenType !== T.Equal) return undefined;
  if (start?.tokenType === T.Variable) return 'assignments cannot be chained: write one after the other';
  return '`=` assigns, `==` compares';
}

function strings({ previous, at }: Notice): string | undefined {
  if (!at) return undefined;
  if (at.tokenType === T.String && previous?.tokenType === T.String) {
    return at.image === '"' && previous.image === '"'
      ? 'a comment or directive between two strings keeps them from being joined; write `+`'
      : 'only "…" strings standing side by side are joined; write `+`';
  }
  if (at.tokenType === T.Dot && previous?.tokenType !== T.Id) return '`+` joins strings';
  if (previous?.tokenType === T.String && previous.span.endLine > previous.span.line) {
    return `the string before it reaches from line ${previous.span.line} to line ${previous.span.endLine}: is a closing quote missing?`;
  }
  return undefined;
}

function words(notice: Notice): string | undefined {
  const { start, at, previous } = notice;
  if (at?.tokenType === T.NumId) {
    if (/^0\d+$/.test(at.image)) return 'a number that begins with 0 is octal: its digits are 0 to 7';
    return 'a word that begins with a digit is neither a number nor a name; quote it';
  }
  if (at?.tokenType === T.LBrace && notice.text === 'bad command') {
    return 'a block of its own is no statement: leave out the braces';
  }
  if (at?.tokenType === T.Else && notice.missing !== ';')
    return 'no `if` is open here: its statement has ended at the `;` or `}` before';
  const first = start?.tokenType === T.Id ? start.image : undefined;
  if (first !== undefined) {
    if (Object.hasOwn(FOREIGN, first)) return FOREIGN[first];
    const lower = first.toLowerCase();
    if (lower !== first && KEYWORDS.has(lower)) return `keywords are lower-case: did you mean \`${lower}\`?`;
  }
  if (previous?.tokenType === T.Id && at?.tokenType !== T.LParen && /^null$/i.test(previous.image)) {
    return 'the null value is written $null';
  }
  return undefined;
}

function missing(notice: Notice): Explanation | undefined {
  const { previous, at, opened } = notice;
  switch (notice.missing) {
    case ';':
      if (!previous) return undefined;
      return {
        hint: `a \`;\` is missing behind line ${previous.span.endLine}, column ${previous.span.endColumn}`,
        cause: { span: endOf(previous.span), label: 'put `;` here' },
      };
    case ')':
      if (!opened) return undefined;
      return { hint: `the \`(\` of ${place(opened)} is not closed`, cause: { span: opened, label: 'opened here' } };
    case '}':
      return unclosedBrace(notice);
    case 'name':
      if (at && KEYWORDS.has(at.image)) return { hint: `\`${at.image}\` is a reserved word; quote it: "${at.image}"` };
      return { hint: 'a name is letters, digits and `_`, or a number; quote any other' };
    case 'unnamed': {
      if (at?.tokenType !== T.LBracket || !previous) return undefined;
      const word = previous.image === 'reply_route' ? 'onreply_route' : 'route';
      return { hint: `\`${previous.image}\` takes no name; the form with a name is ${word}[NAME]` };
    }
    case 'event':
      return { hint: 'the name of an event has a colon in it: event_route[module:event]' };
    case 'host':
      if (at && KEYWORDS.has(at.image))
        return { hint: `\`${at.image}\` is a reserved word; quote the whole host name` };
      return undefined;
    default:
      return undefined;
  }
}

/** The place behind a span: one column wide. */
function endOf(span: Span): Span {
  return { ...span, line: span.endLine, column: span.endColumn + 1, endColumn: span.endColumn + 1 };
}

function unclosedBrace({ tokens, at, opened }: Notice): Explanation | undefined {
  const culprit = misindented(tokens ?? [], at) ?? opened;
  if (!culprit) return undefined;
  return { hint: `the \`{\` of ${place(culprit)} is not closed`, cause: { span: culprit, label: 'opened here' } };
}

/** The first `{` whose `}` stands further left than its line begins: it probably belongs to another. */
function misindented(tokens: readonly Token[], until: Token | undefined): Span | undefined {
  const open: { span: Span; indent: number }[] = [];
  let indent = 0;
  for (const token of tokens) {
    if (token === until) break;
    if (token.firstOnLine) indent = token.span.column;
    if (token.tokenType === T.LBrace) open.push({ span: token.span, indent });
    else if (token.tokenType === T.RBrace) {
      const opener = open.pop();
      if (opener && token.firstOnLine && token.span.column < opener.indent) return opener.span;
    }
  }
  return open.at(-1)?.span;
}

function values({ missing: what, at, opened, previous }: Notice): string | undefined {
  if (what !== 'value' || !at) return undefined;
  if (at.tokenType === T.String && opened) return 'write the value without quotes';
  if (at.tokenType === T.Minus) return 'a negative number is not allowed here';
  if (at.tokenType === T.RParen && previous?.tokenType === T.String) {
    return 'there are three arguments with commas between them: ("modules", "parameter", value)';
  }
  if (at.tokenType === T.Id) return `text is quoted: "${at.image}"; a define must come before its use`;
  if (KEYWORDS.has(at.image) && /^\w+$/.test(at.image)) return `\`${at.image}\` is a reserved word; text is quoted`;
  return undefined;
}

function items({ missing: what, at, next, previous }: Notice): string | undefined {
  if (what === 'listed') return 'the word before it was read as one more address: put a `;` behind the list';
  if (what !== 'item' || !at) return undefined;
  if (at.tokenType === T.RBrace) return 'no `{` is open here';
  if (at.tokenType === T.Id && next?.tokenType === T.Equal) return undefined;
  if (at.tokenType === T.LParen && previous?.tokenType === T.Id) {
    return 'functions are called in route blocks only: request_route { … }';
  }
  if (at.tokenType === T.Equal && previous?.tokenType === T.Id) {
    const meant = nearest(previous.image, CORE_PARAM_BY_NAME.keys());
    return meant
      ? `did you mean \`${meant}\`?`
      : 'no core parameter has this name; own ones are written group.name = value';
  }
  if (at.tokenType === T.Comma) return 'the addresses of a list are separated by blanks';
  if ([T.If, T.While, T.Switch, T.Variable, T.Leave, T.CoreStatement].includes(at.tokenType)) {
    return 'statements belong into route blocks: request_route { … }';
  }
  return undefined;
}

const RULES: readonly Rule[] = [operators, items, assignments, values, strings, words, missing, bareWord];

/** A name that is followed by something else than the `(` of a call. */
function bareWord({ previous, at, start, text }: Notice): string | undefined {
  if (at?.tokenType === T.LParen) return undefined;
  if (previous?.tokenType === T.Id && text.includes('function call')) {
    const { image } = previous;
    const meant = nearest(image, KEYWORDS.keys());
    if (previous === start)
      return meant ? `did you mean \`${meant}\`?` : `\`${image}\` is no statement; a call is ${image}(…)`;
    return `\`${image}\` is not defined here: text is quoted, a call is ${image}(…), a define must come before`;
  }
  if (previous && KEYWORDS.has(previous.image) && text.startsWith('missing')) {
    return `\`${previous.image}\` is a reserved word; quote it to use it as a name`;
  }
  if (at && start && KEYWORDS.has(at.image) && /^\w+$/.test(at.image) && at !== start) {
    return `\`${at.image}\` is a reserved word; text is quoted`;
  }
  if (at?.tokenType === T.Semicolon && text === 'bad case label') return 'a label ends with `:`';
  if (at?.tokenType === T.Semicolon && previous?.tokenType === T.Equal) return 'a value is missing';
  return undefined;
}

/** The first rule that has something to say. */
export function hintFor(notice: Notice): Explanation {
  for (const rule of RULES) {
    const found = rule(notice);
    if (typeof found === 'string') return { ...missingCause(notice), hint: found };
    if (found) return found;
  }
  return {};
}

/** A missing `)` or `}` shows where it was opened, whatever else there is to say. */
function missingCause(notice: Notice): Explanation {
  return notice.missing === ')' || notice.missing === '}' ? { cause: missing(notice)?.cause } : {};
}
