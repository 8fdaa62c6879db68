/** The way of one message through the routes of a script, as Kamailio's cfgt tells it. */
import type { Json } from '../debugger/print.js';

/** How a route was left, or that it is just entered: the word before its name. */
type Mark = 'start' | 'exit' | 'return';

interface RouteEntry {
  readonly name: string;
  mark: Mark;
}

/** What a statement says of how its route ends. */
export type Leaving = 'exit' | 'return' | 'route' | 'other';

export class Flow {
  /** `start|NAME`, `return|NAME`, `exit|NAME`, each with the variables at that moment. */
  readonly steps: Json[] = [];
  readonly #open: RouteEntry[] = [];
  readonly #dump: (context: unknown) => Json;

  constructor(dump: (context: unknown) => Json) {
    this.#dump = dump;
  }

  /**
   * The run is at a statement of `route`. A name that is open as one of the three innermost means that what is within
   * it has ended: one route is closed a step, so two levels close with the next two statements (as in Kamailio).
   */
  at(route: string, leaving: Leaving, context: unknown): void {
    const open = this.#open;
    const depth = open.length;
    const top = open[depth - 1];
    if (top === undefined) {
      this.#enter({ name: route, mark: 'start' }, context);
      return;
    }
    if (top.name === route) return mark(top, leaving);
    const outer = [open[depth - 2], open[depth - 3]].find((r) => r?.name === route);
    if (outer === undefined) {
      const entry: RouteEntry = { name: route, mark: 'return' };
      mark(entry, leaving);
      this.#enter(entry, context);
      return;
    }
    mark(outer, leaving);
    this.#tell(top.mark, top.name, context);
    open.pop();
  }

  /** The end of a block that Kamailio calls its post-script functions for. False: no statement ran. */
  end(context: unknown): boolean {
    const top = this.#open.at(-1);
    if (top === undefined) return false;
    this.#tell(top.mark, top.name, context);
    return true;
  }

  #enter(entry: RouteEntry, context: unknown): void {
    this.#open.push(entry);
    this.#tell('start', entry.name, context);
  }

  #tell(word: Mark, name: string, context: unknown): void {
    this.steps.push(new Map([[`${word}|${name}`, this.#dump(context)]]));
  }
}

function mark(route: RouteEntry, leaving: Leaving): void {
  if (leaving === 'exit') route.mark = 'exit';
  else if (leaving === 'route') route.mark = 'start';
  else if (leaving === 'return' || route.mark !== 'exit') route.mark = 'return';
}
