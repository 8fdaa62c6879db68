/** The route calls itself, by whatever way: a script that runs so goes on until max_recursive_level. */
import { blockTitle, calledRoute, defineRule } from './rule.js';

/** The shortest way of calls from `start` to itself. */
function wayBack(edges: ReadonlyMap<string, readonly string[]>, start: string): string[] | undefined {
  const open: string[][] = [[start]];
  const seen = new Set<string>();
  for (let way = open.shift(); way !== undefined; way = open.shift()) {
    for (const to of edges.get(way.at(-1)!) ?? []) {
      if (to === start) return [...way, to];
      if (seen.has(to)) continue;
      seen.add(to);
      open.push([...way, to]);
    }
  }
  return undefined;
}

export const routeLoop = defineRule({
  code: 'route-loop',
  severity: 'warning',
  doc: 'The route calls itself, by whatever way: a script that runs so goes on until max_recursive_level.',
  example: 'route[A] { route(B); }\nroute[B] { route(A); }',
  *check(on) {
    const edges = new Map<string, string[]>();
    const blocks = on.blocks.filter((b) => b.block === 'request_route');
    for (const b of blocks) {
      const to = on.nodes(b).flatMap((n) => (n.kind === 'route' ? [calledRoute(n.target)] : []));
      const known = to.filter((name) => name !== undefined);
      edges.set(b.name ?? '', [...(edges.get(b.name ?? '') ?? []), ...known]);
    }
    const told = new Set<string>();
    for (const b of blocks) {
      const way = wayBack(edges, b.name ?? '');
      if (way === undefined || way.some((name) => told.has(name))) continue;
      for (const name of way) told.add(name);
      const text = way.map((name) => (name === '' ? 'request_route' : name)).join(' -> ');
      yield { span: b.nameSpan ?? b.span, message: `${blockTitle(b)} calls itself: ${text}` };
    }
  },
});
