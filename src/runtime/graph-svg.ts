/** The graph of a script as SVG: layers from callers to the called, boxes ordered so that few lines cross. Pure. */
import type { GraphEdge, GraphNode, RouteGraph } from './graph.js';

/** Pixels. */
const CHARACTER = 7.3;
const BOX = { height: 28, padding: 12 } as const;
const GAP = { x: 24, y: 64 } as const;
const MARGIN = 16;
/** Rounds of ordering, down and up. */
const ROUNDS = 8;

interface Placed {
  readonly node: GraphNode;
  readonly layer: number;
  readonly width: number;
  x: number;
  readonly y: number;
}

export function svg(graph: RouteGraph): string {
  const placed = place(graph);
  const all = [...placed.values()];
  const width = Math.ceil(Math.max(0, ...all.map((p) => p.x + p.width)) + MARGIN);
  const height = Math.ceil(Math.max(0, ...all.map((p) => p.y + BOX.height)) + MARGIN);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="12">`,
    '  <defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
    '  <rect width="100%" height="100%" fill="#fff"/>',
    ...graph.edges.map((e) => edgeSvg(e, placed)),
    ...all.map(boxSvg),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function place({ nodes, edges }: RouteGraph): Map<string, Placed> {
  const layers = layersOf(nodes, edges);
  const order = ordered(nodes, edges, layers);
  const placed = new Map<string, Placed>();
  const rows = order.map((row) => row.map((node) => ({ node, width: node.name.length * CHARACTER + 2 * BOX.padding })));
  const widths = rows.map((row) => row.reduce((sum, b) => sum + b.width, GAP.x * Math.max(0, row.length - 1)));
  const widest = Math.max(0, ...widths);
  rows.forEach((row, layer) => {
    let x = MARGIN + (widest - widths[layer]!) / 2;
    for (const { node, width } of row) {
      placed.set(node.name, { node, layer, width, x, y: MARGIN + layer * (BOX.height + GAP.y) });
      x += width + GAP.x;
    }
  });
  return placed;
}

/** Longest way from a node that nothing leads to; an edge that closes a ring does not count. */
function layersOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Map<string, number> {
  const next = new Map<string, GraphEdge[]>();
  for (const e of edges) next.set(e.from, [...(next.get(e.from) ?? []), e]);
  const back = new Set<GraphEdge>();
  const state = new Map<string, 'open' | 'done'>();
  const finished: string[] = [];
  const visit = (name: string): void => {
    state.set(name, 'open');
    for (const e of next.get(name) ?? []) {
      if (state.get(e.to) === 'open') back.add(e);
      else if (!state.has(e.to)) visit(e.to);
    }
    state.set(name, 'done');
    finished.push(name);
  };
  for (const n of nodes) if (!state.has(n.name)) visit(n.name);
  const layers = new Map(nodes.map((n) => [n.name, 0]));
  for (const name of finished.reverse())
    for (const e of next.get(name) ?? [])
      if (!back.has(e)) layers.set(e.to, Math.max(layers.get(e.to)!, layers.get(name)! + 1));
  return layers;
}

/** Rows of nodes, each node near the middle of those it is joined to. */
function ordered(
  nodes: readonly GraphNode[],
  edges: readonly GraphEdge[],
  layers: ReadonlyMap<string, number>,
): GraphNode[][] {
  const rows: GraphNode[][] = [];
  for (const n of nodes) {
    const layer = layers.get(n.name)!;
    while (rows.length <= layer) rows.push([]);
    rows[layer]!.push(n);
  }
  const neighbours = (name: string, row: readonly GraphNode[]) =>
    row.flatMap((other, i) =>
      edges.some((e) => (e.from === name && e.to === other.name) || (e.to === name && e.from === other.name))
        ? [(i + 0.5) / row.length]
        : [],
    );
  for (let round = 0; round < ROUNDS; round++) {
    const down = round % 2 === 0;
    for (let k = 1; k < rows.length; k++) {
      const at = down ? k : rows.length - 1 - k;
      const fixed = rows[down ? at - 1 : at + 1]!;
      const row = rows[at]!;
      const middle = new Map(
        row.map((n, i) => {
          const near = neighbours(n.name, fixed);
          return [n, near.length === 0 ? (i + 0.5) / row.length : near.reduce((a, b) => a + b, 0) / near.length];
        }),
      );
      row.sort((a, b) => middle.get(a)! - middle.get(b)!);
    }
  }
  return rows;
}

function boxSvg({ node, x, y, width }: Placed): string {
  const dashed = node.missing ? ' stroke-dasharray="4"' : '';
  const title = node.missing ? 'not in the script' : `${node.file}:${node.line}`;
  const fill = node.name.startsWith('event_route')
    ? '#eef7ee'
    : /^route|^request/.test(node.name)
      ? '#eef3fb'
      : '#fbf3e8';
  return `  <g><title>${escaped(title)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BOX.height}" rx="4" fill="${fill}" stroke="#555"${dashed}/><text x="${(x + width / 2).toFixed(1)}" y="${y + 18}" text-anchor="middle">${escaped(node.name)}</text></g>`;
}

function edgeSvg({ from, to, kind }: GraphEdge, placed: ReadonlyMap<string, Placed>): string {
  const a = placed.get(from)!;
  const b = placed.get(to)!;
  const dashed = kind === 'call' ? '' : ' stroke-dasharray="5 3"';
  const line = `fill="none" stroke="#555"${dashed} marker-end="url(#end)"`;
  const title = `<title>${escaped(`${from} ${kind} ${to}`)}</title>`;
  const x1 = a.x + a.width / 2;
  const x2 = b.x + b.width / 2;
  const n = (v: number) => v.toFixed(1);
  if (b.layer > a.layer) {
    const y1 = a.y + BOX.height;
    const bend = (b.y - y1) / 2;
    const path = `M${n(x1)} ${y1}C${n(x1)} ${n(y1 + bend)} ${n(x2)} ${n(b.y - bend)} ${n(x2)} ${b.y}`;
    const label =
      kind === 'call'
        ? ''
        : `<text x="${n((x1 + x2) / 2)}" y="${n((y1 + b.y) / 2)}" text-anchor="middle" font-size="10" fill="#555">${escaped(kind)}</text>`;
    return `  <g>${title}<path d="${path}" ${line}/>${label}</g>`;
  }
  // Upwards, or to itself: around the right side.
  const side = Math.max(a.x + a.width, b.x + b.width) + 12;
  const path = `M${n(a.x + a.width)} ${a.y + 18}C${n(side)} ${a.y + 18} ${n(side)} ${b.y + 8} ${n(b.x + b.width)} ${b.y + 8}`;
  return `  <g>${title}<path d="${path}" ${line}/></g>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
