/** $var keeps its value from one message to the next: one that is read before it is written has the value of another. */
import type { RouteBlock } from '../../parser/tree.js';
import { childrenOf, type TreeNode } from '../../parser/walk.js';
import { calledRoute, defineRule, type LintScript } from './rule.js';

const USE = /\$\(?var\(([\w.-]+)\)/g;
const WHOLE = /^\$var\(([\w.-]+)\)$/;

interface Seen {
  readonly written: Set<string>;
  /** First reads that nothing wrote before, by name. */
  readonly early: Map<string, TreeNode>;
  readonly blocks: Set<RouteBlock>;
}

/** Goes through a block in the order of the text and, once each, through the routes that it calls. */
function follow(
  on: LintScript,
  block: RouteBlock,
  routes: ReadonlyMap<string, readonly RouteBlock[]>,
  seen: Seen,
): void {
  if (seen.blocks.has(block)) return;
  seen.blocks.add(block);
  const visit = (node: TreeNode): void => {
    if (node.kind === 'assign') {
      visit(node.value);
      const name = node.target.kind === 'variable' ? WHOLE.exec(node.target.text)?.[1] : undefined;
      if (name === undefined) visit(node.target);
      else seen.written.add(name);
      return;
    }
    if (node.kind === 'call') {
      // A function may write the variable that it is handed.
      for (const arg of node.args) {
        const text = arg.kind === 'variable' ? arg.text : arg.kind === 'string' ? arg.value : '';
        const name = WHOLE.exec(text)?.[1];
        if (name !== undefined) seen.written.add(name);
      }
    }
    const text = node.kind === 'variable' ? node.text : node.kind === 'string' ? node.value : '';
    for (const [, name] of text.matchAll(USE))
      if (!seen.written.has(name!) && !seen.early.has(name!)) seen.early.set(name!, node);
    for (const child of childrenOf(node)) visit(child);
    if (node.kind === 'route')
      for (const to of routes.get(calledRoute(node.target) ?? '\0') ?? []) follow(on, to, routes, seen);
  };
  for (const s of block.body.statements) visit(s);
}

export const readBeforeWrite = defineRule({
  code: 'read-before-write',
  severity: 'warning',
  doc: 'A `$var` keeps its value from one message to the next. This one is read before the script writes it: the value is that of another message.',
  example: 'request_route { if ($var(tries) > 3) exit; $var(tries) = 1; }',
  *check(on) {
    const routes = new Map<string, RouteBlock[]>();
    for (const b of on.blocks)
      if (b.block === 'request_route') routes.set(b.name ?? '', [...(routes.get(b.name ?? '') ?? []), b]);
    const seen: Seen = { written: new Set(), early: new Map(), blocks: new Set() };
    for (const main of routes.get('') ?? []) follow(on, main, routes, seen);
    // Counters over messages are meant so: they are written from their own value, or by another block.
    const elsewhere = new Set(writes(on, (b) => !seen.blocks.has(b)));
    for (const [name, node] of seen.early) {
      if (!seen.written.has(name) || elsewhere.has(name) || isCounter(on, name)) continue;
      yield {
        span: node.span,
        message: `$var(${name}) has the value of another message here`,
        hint: `$var(${name}) = 0; or $avp(${name})`,
      };
    }
  },
});

function* writes(on: LintScript, of: (block: RouteBlock) => boolean): Generator<string> {
  for (const item of on.script.items)
    if (item.kind === 'modparam') for (const [, name] of `${item.value}`.matchAll(USE)) yield name!;
  for (const block of on.blocks) {
    if (!of(block)) continue;
    for (const node of on.nodes(block)) {
      const name =
        node.kind === 'assign' && node.target.kind === 'variable' ? WHOLE.exec(node.target.text)?.[1] : undefined;
      if (name !== undefined) yield name;
    }
  }
}

function isCounter(on: LintScript, name: string): boolean {
  return on.blocks.some((b) =>
    on
      .nodes(b)
      .some(
        (n) =>
          n.kind === 'assign' &&
          n.target.kind === 'variable' &&
          WHOLE.exec(n.target.text)?.[1] === name &&
          JSON.stringify(n.value).includes(`$var(${name})`),
      ),
  );
}
