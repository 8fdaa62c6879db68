/** Which block leads to which: calls, armed routes, events. Pure. */
import type { RouteBlock, Script } from '../parser/tree.js';
import { walkBody } from '../parser/walk.js';
import { constantValue } from './compile/constant.js';

export interface GraphNode {
  /** `request_route`, `route[X]`, `event_route[…]` … */
  readonly name: string;
  readonly line: number;
  readonly file: string;
  /** Called or armed, and not in the script. */
  readonly missing: boolean;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** `call`, or the function that arms: `t_on_failure` … */
  readonly kind: string;
}

export interface RouteGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Functions that name a block in their first argument, and the keyword of the block. */
const ARMS: Readonly<Record<string, string>> = {
  t_on_failure: 'failure_route',
  t_on_branch: 'branch_route',
  t_on_reply: 'onreply_route',
  t_on_branch_failure: 'event_route',
};
/** The event of the branch failure route X is `tm:branch-failure:X`. */
const PREFIX: Readonly<Record<string, string>> = { t_on_branch_failure: 'tm:branch-failure:' };

export function routeGraph(script: Script): RouteGraph {
  const blocks = script.items.filter((i) => i.kind === 'block');
  const nodes = new Map<string, GraphNode>();
  for (const b of blocks) {
    const name = title(b);
    if (!nodes.has(name)) nodes.set(name, { name, line: b.span.line, file: b.span.file, missing: false });
  }
  const edges = new Map<string, GraphEdge>();
  for (const b of blocks) {
    for (const { to, kind } of leadsTo(b)) {
      if (!nodes.has(to)) nodes.set(to, { name: to, line: 0, file: '', missing: true });
      const edge = { from: title(b), to, kind };
      edges.set(`${edge.from}\0${to}\0${kind}`, edge);
    }
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function* leadsTo(block: RouteBlock): Generator<{ readonly to: string; readonly kind: string }> {
  for (const node of walkBody(block.body)) {
    if (node.kind === 'route') {
      const name = node.target === undefined ? 0 : constantValue(node.target);
      yield { to: name === undefined ? 'route[…]' : name === 0 ? 'request_route' : `route[${name}]`, kind: 'call' };
    } else if (node.kind === 'call' && Object.hasOwn(ARMS, node.name)) {
      const name = node.args[0] === undefined ? undefined : constantValue(node.args[0]);
      if (name === undefined || name === '' || name === 0) continue;
      yield { to: `${ARMS[node.name]}[${PREFIX[node.name] ?? ''}${name}]`, kind: node.name };
    }
  }
}

function title(b: RouteBlock): string {
  if (b.name === undefined) return b.block;
  const keyword = b.block === 'request_route' ? 'route' : b.block === 'reply_route' ? 'onreply_route' : b.block;
  return `${keyword}[${b.name}]`;
}

/** A Mermaid flowchart. */
export function mermaid({ nodes, edges }: RouteGraph): string {
  const ids = new Map(nodes.map((n, i) => [n.name, `n${i}`]));
  const lines = [
    'flowchart TD',
    ...nodes.map((n) => `  ${ids.get(n.name)}["${n.name.replace(/"/g, '#quot;')}"]${n.missing ? ':::missing' : ''}`),
    ...edges.map(({ from, to, kind }) =>
      kind === 'call' ? `  ${ids.get(from)} --> ${ids.get(to)}` : `  ${ids.get(from)} -. ${kind} .-> ${ids.get(to)}`,
    ),
    ...(nodes.some((n) => n.missing) ? ['  classDef missing stroke-dasharray: 4'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** The language of Graphviz. */
export function dot({ nodes, edges }: RouteGraph): string {
  const quote = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const lines = [
    'digraph script {',
    '  node [shape=box];',
    ...nodes.map((n) => `  ${quote(n.name)}${n.missing ? ' [style=dashed]' : ''};`),
    ...edges.map(({ from, to, kind }) => {
      const style = kind === 'call' ? '' : ` [style=dashed, label=${quote(kind)}]`;
      return `  ${quote(from)} -> ${quote(to)}${style};`;
    }),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}
