/**
 * Says whether and how far a pattern matches, in time proportional to the text: a deterministic automaton whose states
 * are made when a text first needs them, and forgotten when there are too many.
 */

import { sideOf } from './pike.js';
import { holds, OP, type RegexProgram, SIDE } from './program.js';

/** States kept; more and the automaton begins anew. */
const MAX_STATES = 512;
const UNKNOWN = -1;

interface State {
  /** Instructions reached after the last byte, before assertions are looked at. */
  readonly pcs: readonly number[];
  readonly before: number;
}

export class Dfa {
  readonly #program: RegexProgram;
  readonly #newline: boolean;
  /** A new attempt begins at every byte. */
  readonly #search: boolean;
  readonly #classOf: Uint8Array;
  readonly #sampleOf: number[];
  /** Without assertions it does not matter what stands before a place. */
  readonly #sided: boolean;
  /** Places a state has in `#next`: one a class of bytes, one for the end of the text. */
  readonly #width: number;
  #states: State[] = [];
  /** Offset of a state's places, by what it is. */
  #ids = new Map<string, number>();
  /** By place: 2 * offset of the next state + 1 where a match ends before the byte. */
  #next = new Int32Array(0);
  readonly #mark: Uint32Array;
  #generation = 0;

  constructor(program: RegexProgram, newline: boolean, search: boolean) {
    this.#program = program;
    this.#newline = newline;
    this.#search = search;
    this.#mark = new Uint32Array(program.op.length);
    this.#sided = program.op.includes(OP.ASSERT);
    const classes = byteClasses(program);
    this.#classOf = classes.classOf;
    this.#sampleOf = classes.sampleOf;
    this.#width = classes.sampleOf.length + 1;
  }

  /** Is there a match at or after the beginning of the text? */
  test(text: string, notBol: boolean): boolean {
    return this.#run(text, 0, notBol ? SIDE.EDGE_NOT_LINE : SIDE.EDGE, true) >= 0;
  }

  /** End of the longest match that begins at `from`; -1 where none does. */
  longest(text: string, from: number, notBol: boolean): number {
    const edge = notBol ? SIDE.EDGE_NOT_LINE : SIDE.EDGE;
    return this.#run(text, from, from === 0 ? edge : sideOf(text.charCodeAt(from - 1) & 255), false);
  }

  #run(text: string, from: number, before: number, first: boolean): number {
    const classOf = this.#classOf;
    const search = this.#search;
    let state = this.#state([0], before);
    let table = this.#next;
    let end = -1;
    for (let at = from; at < text.length; at++) {
      const place = state + classOf[text.charCodeAt(at) & 255]!;
      let next = table[place]!;
      if (next === UNKNOWN) {
        next = this.#step(place);
        table = this.#next;
      }
      if ((next & 1) === 1) {
        end = at;
        if (first) return end;
      }
      state = next >> 1;
      if (state === 0 && !search) return end;
    }
    const place = state + this.#width - 1;
    const known = table[place]!;
    const last = known === UNKNOWN ? this.#step(place) : known;
    return (last & 1) === 1 ? text.length : end;
  }

  /** Offset of the state's places; the first state of all is the dead one. */
  #state(pcs: readonly number[], side: number): number {
    const before = this.#sided ? side : SIDE.OTHER;
    if (this.#states.length === 0) this.#add('', [], SIDE.OTHER);
    if (pcs.length === 0 && !this.#search) return 0;
    const key = `${before}:${pcs.join(',')}`;
    return this.#ids.get(key) ?? this.#add(key, pcs, before);
  }

  #add(key: string, pcs: readonly number[], before: number): number {
    const offset = this.#states.length * this.#width;
    this.#states.push({ pcs, before });
    if (offset + this.#width > this.#next.length) {
      const larger = new Int32Array(Math.max(4 * this.#width, 2 * this.#next.length)).fill(UNKNOWN);
      larger.set(this.#next);
      this.#next = larger;
    }
    this.#ids.set(key, offset);
    return offset;
  }

  #step(place: number): number {
    const cls = place % this.#width;
    const state = this.#states[(place - cls) / this.#width]!;
    const byte = this.#sampleOf[cls] ?? -1;
    const after = byte < 0 ? SIDE.EDGE : sideOf(byte);
    const pcs: number[] = [];
    let matched = 0;
    for (const pc of this.#close(state, after)) {
      if (this.#program.op[pc] === OP.MATCH) matched = 1;
      else if (byte >= 0 && this.#program.sets[pc]![byte] === 1) pcs.push(pc + 1);
    }
    if (this.#search) pcs.push(0);
    pcs.sort((x, y) => x - y);
    if (this.#states.length >= MAX_STATES) return 2 * this.#anew(pcs, after) + matched;
    const next = 2 * this.#state(pcs, after) + matched;
    this.#next[place] = next;
    return next;
  }

  /** Forgets all states but the one to go on with. */
  #anew(pcs: readonly number[], after: number): number {
    this.#states = [];
    this.#ids = new Map();
    this.#next = new Int32Array(0);
    return this.#state(pcs, after);
  }

  #close(state: State, after: number): number[] {
    const { op, a, b } = this.#program;
    const out: number[] = [];
    const generation = ++this.#generation;
    const stack = state.pcs.slice().reverse();
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (this.#mark[pc] === generation) continue;
      this.#mark[pc] = generation;
      switch (op[pc]) {
        case OP.SPLIT:
          stack.push(b[pc]!, a[pc]!);
          break;
        case OP.JUMP:
        case OP.SAVE:
        case OP.PROGRESS:
          stack.push(a[pc]!);
          break;
        case OP.ASSERT:
          if (holds(b[pc]!, state.before, after, this.#newline)) stack.push(a[pc]!);
          break;
        default:
          out.push(pc);
      }
    }
    return out;
  }
}

/** Bytes that no part of the pattern tells apart are one class. */
function byteClasses(program: RegexProgram): { classOf: Uint8Array; sampleOf: number[] } {
  const sets = [...new Set(program.sets.filter((set) => set !== null))];
  const sided = program.op.includes(OP.ASSERT);
  const ids = new Map<string, number>();
  const classOf = new Uint8Array(256);
  const sampleOf: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    let key = sided ? `${sideOf(byte)}` : '';
    for (const set of sets) key += set[byte] === 1 ? '1' : '0';
    let id = ids.get(key);
    if (id === undefined) {
      id = sampleOf.length;
      ids.set(key, id);
      sampleOf.push(byte);
    }
    classOf[byte] = id;
  }
  return { classOf, sampleOf };
}
