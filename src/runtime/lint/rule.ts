/** What a lint rule is, and what it sees of a script. */
import type { Severity, Span } from '../../parser/problem.js';
import type { BlockKind, CallExpr, Expr, RouteBlock, Script, Statement } from '../../parser/tree.js';
import { statementLists, type TreeNode, walkBody } from '../../parser/walk.js';
import { constantValue } from '../compile/constant.js';
import type { Program } from '../program.js';

export interface Finding {
  readonly span: Span;
  readonly message: string;
  readonly hint?: string;
}

export interface Rule {
  /** Public code: what a comment `kamscript-disable-line` names. */
  readonly code: string;
  readonly severity: Exclude<Severity, 'error'>;
  /** What is wrong and why that matters, for docs/rules.md. */
  readonly doc: string;
  /** A script's line or two that it finds. */
  readonly example: string;
  check(on: LintScript): Iterable<Finding>;
}

export function defineRule(rule: Rule): Rule {
  return rule;
}

export interface FoundCall {
  readonly call: CallExpr;
  readonly block: RouteBlock;
}

/** A script without errors, with what many rules ask for worked out once. */
export class LintScript {
  readonly program: Program;
  readonly script: Script;
  readonly blocks: readonly RouteBlock[];
  readonly calls: readonly FoundCall[];
  readonly #nodes = new Map<RouteBlock, readonly TreeNode[]>();

  constructor(program: Program) {
    this.program = program;
    this.script = program.script;
    this.blocks = this.script.items.filter((i) => i.kind === 'block');
    this.calls = this.blocks.flatMap((block) =>
      this.nodes(block).flatMap((call) => (call.kind === 'call' ? [{ call, block }] : [])),
    );
  }

  /** All nodes of a block, in the order of the text. */
  nodes(block: RouteBlock): readonly TreeNode[] {
    const known = this.#nodes.get(block);
    if (known !== undefined) return known;
    const nodes = [...walkBody(block.body)];
    this.#nodes.set(block, nodes);
    return nodes;
  }

  /** Lists of statements of all blocks. */
  *lists(): Generator<readonly Statement[]> {
    for (const block of this.blocks) yield* statementLists(block.body);
  }

  /** Conditions of if and while. */
  *conditions(): Generator<Expr> {
    for (const block of this.blocks) {
      for (const node of this.nodes(block)) if (node.kind === 'if' || node.kind === 'while') yield node.condition;
    }
  }

  named(kind: BlockKind): RouteBlock[] {
    return this.blocks.filter((b) => b.block === kind && b.name !== undefined);
  }

  callsOf(...names: readonly string[]): FoundCall[] {
    return this.calls.filter(({ call }) => names.includes(call.name));
  }

  loads(module: string): boolean {
    return this.program.modules.some((m) => m.name === module);
  }

  /** Every text constant outside the preprocessor: arguments, values, parameters of modules. */
  *texts(): Generator<string> {
    for (const item of this.script.items) if (item.kind === 'modparam') yield `${item.modules} ${textOf(item.value)}`;
    for (const block of this.blocks) {
      for (const node of this.nodes(block)) {
        if (node.kind === 'string') yield node.value;
        else if (node.kind === 'variable' || node.kind === 'select') yield node.text;
        else if (node.kind === 'core') for (const a of node.args) if ('value' in a) yield `${a.value}`;
      }
    }
  }
}

function textOf(value: number | string | { readonly text: string }): string {
  return typeof value === 'object' ? value.text : `${value}`;
}

/** Name that a `route(…)` calls: '' the main route; undefined when it is made at run time. */
export function calledRoute(target: Expr | undefined): string | undefined {
  if (target === undefined) return '';
  const value = constantValue(target);
  return value === undefined ? undefined : value === 0 ? '' : `${value}`;
}

/** Constant text of an argument. */
export function constantText(e: Expr | undefined): string | undefined {
  const value = e === undefined ? undefined : constantValue(e);
  return value === undefined ? undefined : `${value}`;
}

/** As a script writes it: `route[X]`. */
export function blockTitle(b: RouteBlock): string {
  return b.name === undefined ? b.block : `${b.keyword}[${b.name}]`;
}

/** Two pieces of tree that say the same, wherever they stand. */
export function sameTree(a: unknown, b: unknown): boolean {
  return shape(a) === shape(b);
}

function shape(node: unknown): string {
  return JSON.stringify(node, (key, value: unknown) => (key === 'span' || key === 'nameSpan' ? undefined : value));
}
