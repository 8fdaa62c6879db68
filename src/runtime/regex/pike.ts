/**
 * Finds the groups of a match in time proportional to the text (a Pike machine). Of all matches the leftmost, of these
 * the longest; of the ways to that one the first by the order of the pattern, as glibc sets its groups.
 */
import { NEWLINE, WORD } from './charset.js';
import { holds, OP, type RegexProgram, SIDE } from './program.js';

type Slots = readonly number[];

export class PikeMachine {
  readonly #program: RegexProgram;
  readonly #newline: boolean;
  readonly #mark: Uint32Array;
  #generation = 0;

  constructor(program: RegexProgram, newline: boolean) {
    this.#program = program;
    this.#newline = newline;
    this.#mark = new Uint32Array(program.op.length);
  }

  /** Slots 2n and 2n+1 are the start and end of group n; undefined where nothing matches. */
  run(text: string, from: number, notBol: boolean): Slots | undefined {
    let threads: [pc: number, slots: Slots][] = [];
    let best: Slots | undefined;
    const none = new Array<number>(this.#program.slots).fill(-1);
    let before: number = notBol ? SIDE.EDGE_NOT_LINE : SIDE.EDGE;
    for (let at = from; at <= text.length; at++) {
      const c = at < text.length ? text.charCodeAt(at) & 255 : -1;
      const after = c < 0 ? SIDE.EDGE : sideOf(c);
      const start = best === undefined;
      if (!start && threads.length === 0) break;
      const closure = this.#close(threads, start ? none : undefined, at, before, after);
      threads = [];
      for (const [pc, slots] of closure) {
        if (this.#program.op[pc] === OP.MATCH) {
          best = better(best, slots);
        } else if (c >= 0 && this.#program.sets[pc]?.[c] === 1) threads.push([pc + 1, slots]);
      }
      if (best !== undefined) threads = threads.filter(([, slots]) => slots[0]! <= best![0]!);
      before = after;
    }
    return best?.slice(0, 2 * (this.#program.groupCount + 1));
  }

  /** Follows everything that consumes nothing, best threads first, each instruction once. */
  #close(
    threads: readonly [number, Slots][],
    fresh: Slots | undefined,
    at: number,
    before: number,
    after: number,
  ): [number, Slots][] {
    const out: [number, Slots][] = [];
    this.#generation++;
    for (const [pc, slots] of threads) this.#follow(pc, slots, at, before, after, out);
    if (fresh !== undefined) this.#follow(0, fresh, at, before, after, out);
    return out;
  }

  #follow(first: number, slots: Slots, at: number, before: number, after: number, out: [number, Slots][]): void {
    const { op, a, b } = this.#program;
    const stack: [number, Slots][] = [[first, slots]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [pc, now] = top;
      if (this.#mark[pc] === this.#generation) continue;
      this.#mark[pc] = this.#generation;
      switch (op[pc]) {
        case OP.JUMP:
          stack.push([a[pc]!, now]);
          break;
        case OP.SPLIT:
          stack.push([b[pc]!, now], [a[pc]!, now]);
          break;
        case OP.SAVE:
          stack.push([a[pc]!, saved(now, b[pc]!, at)]);
          break;
        case OP.ASSERT:
          if (holds(b[pc]!, before, after, this.#newline)) stack.push([a[pc]!, now]);
          break;
        case OP.PROGRESS:
          if (now[b[pc]!] !== at) stack.push([a[pc]!, now]);
          break;
        default:
          out.push([pc, now]);
      }
    }
  }
}

function saved(slots: Slots, slot: number, at: number): Slots {
  const out = slots.slice();
  out[slot] = at;
  return out;
}

function better(best: Slots | undefined, found: Slots): Slots {
  if (best === undefined || found[0]! < best[0]!) return found;
  return found[0] === best[0] && found[1]! > best[1]! ? found : best;
}

/** The side that a byte makes. */
export function sideOf(byte: number): number {
  if (byte === NEWLINE) return SIDE.NEWLINE;
  return WORD[byte] === 1 ? SIDE.WORD : SIDE.OTHER;
}
