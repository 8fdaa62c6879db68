/** A set of destinations, with what the algorithms remember of it. */
import { type Destination, isDown } from './destination.js';
import { SetTree } from './set-tree.js';

export const SLOTS = 100;

export class DestinationSet {
  readonly id: number;
  /** Highest priority first; of equal ones the last that was added. */
  destinations: Destination[] = [];
  /** Round robin: which is next. */
  last = 0;
  /** Which destination has each of the hundred turns, by weight and by relative weight. */
  weightTurns: number[] = new Array<number>(SLOTS).fill(0);
  relativeTurns: number[] = new Array<number>(SLOTS).fill(0);
  weightAt = 0;
  relativeAt = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** Puts it behind all of at most its priority: the list is turned round in the end. */
  insert(d: Destination): void {
    const at = this.destinations.findIndex((other) => other.priority > d.priority);
    this.destinations.splice(at < 0 ? this.destinations.length : at, 0, d);
  }

  /** Once, when all are in. */
  finish(random: () => number): void {
    this.destinations.reverse();
    this.#weigh(random);
    this.weighRelative(random);
  }

  find(uri: string): Destination | undefined {
    const wanted = uri.toLowerCase();
    return this.destinations.find((d) => d.uri.length === wanted.length && d.uri.toLowerCase() === wanted);
  }

  findByDuid(duid: string): Destination | undefined {
    const wanted = duid.toLowerCase();
    return this.destinations.find((d) => d.attrs.duid?.toLowerCase() === wanted);
  }

  /** Turns by weight, which is a percentage; what is left goes to the last destination. */
  #weigh(random: () => number): void {
    const all = this.destinations;
    if ((all[0]?.attrs.weight ?? 0) === 0) return;
    const turns = all.flatMap((d, i) => new Array<number>(d.attrs.weight).fill(i)).slice(0, SLOTS);
    while (turns.length < SLOTS) turns.push(all.length - 1);
    this.weightTurns = shuffled(turns, random);
  }

  /** Turns by the share that a destination's relative weight has of those that are up. */
  weighRelative(random: () => number): void {
    const all = this.destinations;
    const up = all.filter((d) => !isDown(d.flags));
    const sum = up.reduce((total, d) => total + d.attrs.rweight, 0);
    if (all.length < 2 || sum === 0) return;
    const share = (d: Destination) => (d.down ? 0 : Math.trunc((d.attrs.rweight * SLOTS) / sum));
    const turns = all.flatMap((d, i) => new Array<number>(Math.max(share(d), 0)).fill(i)).slice(0, SLOTS);
    const rest = turns.at(-1) ?? all.length - 1;
    while (turns.length < SLOTS) turns.push(rest);
    this.relativeTurns = shuffled(turns, random);
  }
}

function shuffled(turns: number[], random: () => number): number[] {
  for (let i = 0; i < turns.length; i++) {
    const j = i + Math.floor(random() * (turns.length - i));
    const kept = turns[i]!;
    turns[i] = turns[j]!;
    turns[j] = kept;
  }
  return turns;
}

export type Sets = SetTree<DestinationSet>;

/** Sets of destinations given in order, each with the number of its set. */
export function buildSets(all: Iterable<readonly [set: number, destination: Destination]>, random: () => number): Sets {
  const sets: Sets = new SetTree();
  for (const [id, destination] of all) sets.getOrAdd(id, (n) => new DestinationSet(n)).insert(destination);
  for (const set of sets.values()) set.finish(random);
  return sets;
}
