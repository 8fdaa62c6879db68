/** Files of rules `who, who EXCEPT who : what, what EXCEPT what`: each list is ALL or expressions, in quotes or not. */
import { compileRegex, type Regex } from '../../runtime/regex.js';

interface List {
  /** Empty: ALL. */
  readonly any: readonly Regex[];
  readonly except: readonly Regex[];
}

export interface Rule {
  readonly left: List;
  readonly right: List;
}

export interface ParsedRules {
  readonly rules: readonly Rule[];
  /** Lines that are no rule: they are left out. */
  readonly bad: readonly string[];
}

export function parseRules(text: string): ParsedRules {
  const rules: Rule[] = [];
  const bad: string[] = [];
  for (const line of text.split('\n')) {
    const content = withoutComment(line);
    if (content.trim() === '') continue;
    const rule = parseRule(content);
    if (rule === undefined) bad.push(line);
    else rules.push(rule);
  }
  return { rules, bad };
}

/** Up to a `#` outside quotes. */
function withoutComment(line: string): string {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    else if (line[i] === '#' && !quoted) return line.slice(0, i);
  }
  return line;
}

function parseRule(line: string): Rule | undefined {
  const colon = lastColon(line);
  if (colon <= 0 || colon + 1 >= line.length) return undefined;
  const left = parseList(line.slice(0, colon));
  const right = parseList(line.slice(colon + 1));
  return left === undefined || right === undefined ? undefined : { left, right };
}

/** The last one outside quotes. */
function lastColon(line: string): number {
  let quoted = false;
  let at = -1;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    else if (line[i] === ':' && !quoted) at = i;
  }
  return at;
}

const EXCEPT = ' EXCEPT ';

function parseList(text: string): List | undefined {
  const at = text.indexOf(EXCEPT);
  const except = at < 0 ? [] : parseExpressions(text.slice(at + EXCEPT.length));
  const main = (at < 0 ? text : text.slice(0, at)).trim();
  const any = main === 'ALL' ? [] : parseExpressions(main);
  return any === undefined || except === undefined ? undefined : { any, except };
}

function parseExpressions(text: string): Regex[] | undefined {
  const out: Regex[] = [];
  for (const item of itemsOf(text)) {
    const source = item.trim().replace(/^"/, '').replace(/"$/, '');
    const made = source === '' ? undefined : compileRegex(source, { ignoreCase: true });
    if (made === undefined || 'error' in made) return undefined;
    out.push(made.ok);
  }
  return out;
}

function itemsOf(text: string): string[] {
  const out: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === ',' && !quoted) {
      out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  out.push(text.slice(start));
  return out;
}

/** Is there a rule for the pair? */
export function findRule(rules: readonly Rule[], left: string, right: string): boolean {
  return rules.some((rule) => holds(rule.left, left) && holds(rule.right, right));
}

function holds({ any, except }: List, text: string): boolean {
  return (any.length === 0 || any.some((re) => re.test(text))) && !except.some((re) => re.test(text));
}
