/** A compiled script: immutable. State lives beside it, in the Host. */

import type { Problem, Span } from '../parser/problem.js';
import type { Script } from '../parser/tree.js';
import type { Context } from './context.js';
import type { CoreSettings } from './core/params.js';
import type { ModuleDefinition, UsedVariable } from './module.js';

export interface Route {
  readonly name: string;
  readonly table: RouteTable;
  /** Runs the body; the code is that of language.md, section 7. Never throws for a message's fault. */
  readonly run: (ctx: Context) => number | Promise<number>;
  readonly isAsync: boolean;
  readonly span: Span;
  /** The block as it stands in the script, with what defines made of it: two versions are compared by it. */
  readonly text: string;
}

/** Main routes are under the name ''. */
export type RouteTable = 'request' | 'reply' | 'failure' | 'branch' | 'onsend' | 'event';

export interface Program {
  /** Version id: short hash of all texts. */
  readonly id: string;
  readonly script: Script;
  readonly routes: Readonly<Record<RouteTable, ReadonlyMap<string, Route>>>;
  readonly core: CoreSettings;
  /** Loaded modules in order. */
  readonly modules: readonly ModuleDefinition[];
  /** Values of a module's parameters, defaults filled in. */
  params(module: string): Readonly<Record<string, unknown>>;
  /** Declared flags by name. */
  readonly flags: ReadonlyMap<string, number>;
  readonly avpFlags: ReadonlyMap<string, number>;
  /** `group.name` or `group[n].name` of custom globals. */
  readonly globals: ReadonlyMap<string, number | string>;
  /** Something is told of each statement that runs. */
  readonly isTraced?: boolean;
  /** `log_prefix`, where there is one. */
  readonly logPrefix?: ((ctx: Context) => string) | undefined;
  /** Variables that its blocks name. */
  readonly variables: readonly UsedVariable[];
  /** Switches between routes that run as fast as they can and those in which a watching module may hold a run up. */
  readonly stopping?: (on: boolean) => void;
  /** Warnings of the load. */
  readonly problems: readonly Problem[];
  /** Generated JavaScript with its source map, for --inspect and for tests. */
  readonly code: string;
}
