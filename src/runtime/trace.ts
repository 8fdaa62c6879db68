/** What a script does, statement by statement: each with its place, what it reads and what it has written. */
import type { Expr, RouteBlock, Statement } from '../parser/tree.js';
import { childrenOf, type TreeNode } from '../parser/walk.js';
import type { Context } from './context.js';
import { VariableReader } from './evaluate.js';
import type { Program } from './program.js';
import { toText, type Value } from './values.js';
import type { VarStore } from './var-store.js';

export interface TraceLine {
  /** Serial number of the message. */
  readonly message: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The first line of the statement as it stands in the script, or the block's name with its keyword. */
  readonly text: string;
  /** Variables that it reads, before it runs: name and value; null: no value. */
  readonly reads: readonly (readonly [name: string, value: string | number | null])[];
  /** The variable that it wrote, and its value then. */
  readonly wrote?: readonly [name: string, value: string | number | null];
  /** `$rc` after it. */
  readonly code?: number;
}

type Node = RouteBlock | Statement;

const VARIABLE = /\$(?:\((?:[^()]|\([^()]*\))*\)|[A-Za-z_][\w.]*(?:\((?:[^()]|\([^()]*\))*\))?)/g;
/** Reading them is not for nothing: the next value is another. */
const NOT_READ = /^\$\(?(?:RANDOM|mqk|mqv)/;
const MAX_VALUE = 200;

interface Open {
  readonly ctx: Context;
  readonly at: Statement;
  readonly reads: TraceLine['reads'];
}

/** Hands each statement to `emit` once it has run; `flush` for the last one. */
export class StatementTracer {
  readonly #vars: VarStore;
  readonly #emit: (line: TraceLine) => void;
  readonly #readers = new WeakMap<Program, VariableReader>();
  /** Texts of variables by statement. */
  readonly #texts = new WeakMap<Statement, readonly string[]>();
  #open: Open | undefined;

  constructor(vars: VarStore, emit: (line: TraceLine) => void) {
    this.#vars = vars;
    this.#emit = emit;
  }

  at(ctx: Context, at: Node): void {
    this.flush();
    if (at.kind === 'block') {
      const name = at.name === undefined ? at.keyword : `${at.keyword}[${at.name}]`;
      this.#emit({ ...placeOf(ctx, at), text: `${name} {`, reads: [] });
      return;
    }
    const names = this.#texts.get(at) ?? variablesOf(at);
    this.#texts.set(at, names);
    this.#open = { ctx, at, reads: names.map((name) => [name, this.#read(ctx, name)] as const) };
  }

  /** The statement that ran last has ended. */
  flush(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { ctx, at, reads } = open;
    const target = at.kind === 'assign' && at.target.kind === 'variable' ? at.target.text : undefined;
    this.#emit({
      ...placeOf(ctx, at),
      text: sourceLine(ctx.program, at),
      reads,
      ...(target === undefined ? {} : { wrote: [target, this.#read(ctx, target)] as const }),
      ...(at.kind === 'call' || at.kind === 'route' || at.kind === 'core' ? { code: ctx.rc } : {}),
    });
  }

  #read(ctx: Context, name: string): string | number | null {
    const reader = this.#readers.get(ctx.program) ?? new VariableReader(ctx.program, this.#vars);
    this.#readers.set(ctx.program, reader);
    return shown(reader.read(name, ctx));
  }
}

function shown(v: Value): string | number | null {
  if (v === undefined || v === null) return null;
  if (typeof v === 'number') return v;
  const text = toText(v);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

function placeOf(ctx: Context, { span }: Node) {
  return { message: ctx.msg.id, file: span.file, line: span.line, column: span.column };
}

function sourceLine(program: Program, { span }: Statement): string {
  const line = (program.script.sources.get(span.file) ?? '').split('\n')[span.line - 1] ?? '';
  const end = span.endLine === span.line ? span.endColumn : undefined;
  return line.slice(span.column - 1, end).trim();
}

/** Variables that the statement itself reads, not those of the statements within it. */
function variablesOf(at: Statement): readonly string[] {
  const names = new Set<string>();
  for (const own of ownParts(at)) for (const name of variablesIn(own)) names.add(name);
  return [...names].filter((n) => !NOT_READ.test(n));
}

function ownParts(at: Statement): readonly Expr[] {
  switch (at.kind) {
    case 'if':
    case 'while':
      return [at.condition];
    case 'switch':
      return [at.value];
    case 'assign':
      return [at.value];
    case 'empty':
      return [];
    case 'return':
    case 'exit':
    case 'drop':
    case 'break':
      return at.value === undefined ? [] : [at.value];
    default:
      return [at];
  }
}

function* variablesIn(node: TreeNode): Generator<string> {
  if (node.kind === 'variable') yield node.text;
  else if (node.kind === 'string') for (const [name] of node.value.matchAll(VARIABLE)) yield name;
  for (const child of childrenOf(node)) yield* variablesIn(child);
}

/** For people: `a.cfg:12  $var(x) = $rU + "!";  $rU="bob"  => $var(x)="bob!"`. */
export function traceText(t: TraceLine): string {
  const values = t.reads.map(([name, value]) => `${name}=${quoted(value)}`).join(' ');
  const after =
    t.wrote !== undefined ? `=> ${t.wrote[0]}=${quoted(t.wrote[1])}` : t.code !== undefined ? `=> ${t.code}` : '';
  return [`${t.file}:${t.line}`, t.text, values, after].filter((p) => p !== '').join('  ');
}

function quoted(value: string | number | null): string {
  return value === null ? '<null>' : typeof value === 'number' ? `${value}` : JSON.stringify(value);
}
