/** Expressions made at run time, each compiled once while it is in use. */
import { compilePcre, type PcreFlags } from './pcre.js';

export type MadePcre = ReturnType<typeof compilePcre>;

/** Expressions that are kept. */
const MAX_KNOWN = 256;

export class PcreCache {
  readonly #flags: PcreFlags;
  readonly #known = new Map<string, MadePcre>();

  constructor(flags: PcreFlags) {
    this.#flags = flags;
  }

  compile(source: string): MadePcre {
    let found = this.#known.get(source);
    if (found === undefined) {
      found = compilePcre(source, this.#flags);
      if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(source, found);
    }
    return found;
  }
}
