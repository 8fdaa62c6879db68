import { kamailioText, type ParseOptions, parseScript, type Script } from '../../src/parser/index.js';
import type { Expr, RouteBlock, Statement } from '../../src/parser/tree.js';

/** Parses a text, or several files of which the first is the script. */
export function parse(source: string | Readonly<Record<string, string>>, options: Partial<ParseOptions> = {}): Script {
  const files = typeof source === 'string' ? { 'test.cfg': source } : source;
  const first = Object.keys(files)[0] ?? 'test.cfg';
  return parseScript(first, { readFile: (path) => (Object.hasOwn(files, path) ? files[path] : undefined), ...options });
}

/** What Kamailio would print, errors only. */
export function errors(script: Script): string[] {
  return script.problems.filter(({ severity }) => severity === 'error').map(kamailioText);
}

/** `LINE:COLUMN-ENDCOLUMN message` of every problem. */
export function places({ problems }: Script): string[] {
  return problems.map(({ span, message }) => `${span.line}:${span.column}-${span.endColumn} ${message}`);
}

export function blocks({ items }: Script): RouteBlock[] {
  return items.filter((item) => item.kind === 'block');
}

/** The statements of a request route with this text in it. */
export function statements(text: string): Statement[] {
  const script = parse(`request_route {\n${text}\n}\n`);
  if (errors(script).length > 0) throw new Error(errors(script).join('\n'));
  return [...(blocks(script)[0]?.body.statements ?? [])];
}

/** An expression as a Lisp would write it. */
export function lisp(expr: Expr | undefined): string {
  if (!expr) return '';
  switch (expr.kind) {
    case 'number':
      return String(expr.value);
    case 'string':
      return JSON.stringify(expr.value);
    case 'variable':
    case 'select':
      return expr.text;
    case 'group':
      return lisp(expr.inner);
    case 'unary':
      return `(${expr.op} ${lisp(expr.operand)})`;
    case 'binary':
      return `(${expr.op} ${lisp(expr.left)} ${lisp(expr.right)})`;
    case 'call':
      return `(${[expr.name, ...expr.args.map(lisp)].join(' ')})`;
    case 'route':
      return `(route ${lisp(expr.target)})`;
    case 'core':
      return `(${[expr.name, ...expr.args.map((arg) => ('value' in arg ? JSON.stringify(arg.value) : arg.kind))].join(' ')})`;
    case 'operand':
      return `(${expr.op} ${expr.operand} ${operandRight(expr.right)})`;
    case 'selval':
      return `(selval ${lisp(expr.condition)} ${lisp(expr.then)} ${lisp(expr.otherwise)})`;
    case 'assign':
      return `(= ${lisp(expr.target)} ${lisp(expr.value)})`;
    case 'block':
      return `{${expr.body.statements.map(outline).join(' ')}}`;
    default:
      return `(${expr.kind} ${lisp(expr.operand)})`;
  }
}

type Right = Extract<Expr, { kind: 'operand' }>['right'];

function operandRight(right: Right): string {
  switch (right.kind) {
    case 'expr':
      return lisp(right.expr);
    case 'ip':
      return right.mask === undefined ? right.value : `${right.value}/${right.mask}`;
    case 'id':
      return right.value;
    default:
      return right.kind;
  }
}

/** A statement in short. */
export function outline(statement: Statement): string {
  switch (statement.kind) {
    case 'empty':
      return ';';
    case 'return':
    case 'exit':
    case 'drop':
    case 'break':
      return statement.value ? `(${statement.kind} ${lisp(statement.value)})` : statement.kind;
    case 'if': {
      const otherwise = statement.otherwise ? ` else ${statement.otherwise.statements.map(outline).join(' ')}` : '';
      return `(if ${lisp(statement.condition)} ${statement.then.statements.map(outline).join(' ')}${otherwise})`;
    }
    case 'while':
      return `(while ${lisp(statement.condition)} ${statement.body.statements.map(outline).join(' ')})`;
    case 'switch':
      return `(switch ${lisp(statement.value)}${statement.labels
        .map(
          (label) =>
            ` [${label.kind}${label.value ? ` ${lisp(label.value)}` : ''}: ${label.statements.map(outline).join(' ')}]`,
        )
        .join('')})`;
    default:
      return lisp(statement);
  }
}

/** The expression in short. */
export function expression(text: string): string {
  const [statement] = statements(`$var(r) = ${text};`);
  return statement?.kind === 'assign' ? lisp(statement.value) : '';
}
