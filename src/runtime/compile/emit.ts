/** Collects generated lines and the constants that they name. */
import type { Span } from '../../parser/problem.js';
import { type MappedLine, sourceMap } from './source-map.js';

export class Emitter {
  readonly #lines: MappedLine[] = [];
  readonly #constants: unknown[] = [];
  readonly #names = new Map<unknown, string>();
  #temps = 0;

  /** Name under which generated code reaches `value`; data never becomes code. */
  constant(value: unknown): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      name = `k${this.#constants.length}`;
      this.#constants.push(value);
      this.#names.set(value, name);
    }
    return name;
  }

  line(text: string, from?: Span): void {
    this.#lines.push(from === undefined ? { text } : { text, from });
  }

  /** A fresh name within the whole program. */
  fresh(prefix: string): string {
    return `${prefix}${this.#temps++}`;
  }

  get code(): string {
    return this.#lines.map((l) => l.text).join('\n');
  }

  /**
   * Runs the generated text: it returns what its last line says. `name` is what stack traces and debuggers show;
   * `runtime` are the helpers that the text calls.
   */
  evaluate(name: string, sources: ReadonlyMap<string, string>, runtime: Readonly<Record<string, unknown>>): unknown {
    const names = this.#constants.map((_, i) => `k${i}`);
    // Three lines stand before ours: the two of `new Function` and the constants.
    const helpers = `const {${Object.keys(runtime).join(',')}} = H;`;
    const head = helpers + (names.length > 0 ? `const [${names.join(',')}] = K;` : '');
    const map = btoa(unescapeUtf8(sourceMap(this.#lines, sources, 3)));
    const tail = `\n//# sourceURL=${encodeURI(name)}\n//# sourceMappingURL=data:application/json;base64,${map}`;
    return new Function('K', 'H', `"use strict";${head}\n${this.code}${tail}`)(this.#constants, runtime);
  }
}

/** btoa takes bytes: other characters of a source text are written as JSON escapes. */
function unescapeUtf8(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
