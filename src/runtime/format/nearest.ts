/** "Did you mean": the name nearest to a misspelt one. */

const LIMIT = 3;

/** The nearest of `names` within a third of the length (at most 3 changes); undefined when none is near. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const most = Math.min(LIMIT, Math.max(1, Math.floor(name.length / 3)));
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const d = distance(name, candidate, bestDistance);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** Edit distance; two letters turned round count one, a change of case alone half. Stops early above `limit`. */
function distance(a: string, b: string, limit: number): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + substitution(a[i - 1] ?? '', b[j - 1] ?? '');
      const turned = i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : change;
      const cost = Math.min(change, turned, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(cost);
      least = Math.min(least, cost);
    }
    if (least > limit) return least;
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

function substitution(x: string, y: string): number {
  if (x === y) return 0;
  return x.toLowerCase() === y.toLowerCase() ? 0.5 : 1;
}
