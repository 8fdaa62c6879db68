/** What differs between two versions of a script: routes, modules, parameters. Pure. */
import type { ModuleDefinition } from './module.js';
import type { Program, RouteTable } from './program.js';

export interface RouteDiff {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface ParamChange {
  readonly module: string;
  readonly param: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface ProgramDiff {
  readonly routes: RouteDiff;
  readonly modulesAdded: readonly ModuleDefinition[];
  readonly modulesRemoved: readonly ModuleDefinition[];
  readonly params: readonly ParamChange[];
  /** Core parameters by name, listen and alias apart. */
  readonly core: readonly { readonly param: string; readonly from: unknown; readonly to: unknown }[];
}

export function diffPrograms(from: Program, to: Program): ProgramDiff {
  return {
    routes: diffRoutes(from, to),
    modulesAdded: to.modules.filter((m) => !from.modules.includes(m)),
    modulesRemoved: from.modules.filter((m) => !to.modules.includes(m)),
    params: to.modules.filter((m) => from.modules.includes(m)).flatMap((m) => diffParams(m.name, from, to)),
    core: diffCore(from, to),
  };
}

const TABLES: readonly RouteTable[] = ['request', 'reply', 'failure', 'branch', 'onsend', 'event'];

const KEYWORDS: Readonly<Record<RouteTable, string>> = {
  request: 'route',
  reply: 'onreply_route',
  failure: 'failure_route',
  branch: 'branch_route',
  onsend: 'onsend_route',
  event: 'event_route',
};

/** As a script writes it: `route[X]`, `request_route`. */
function display(table: RouteTable, name: string): string {
  if (name !== '') return `${KEYWORDS[table]}[${name}]`;
  return table === 'request' ? 'request_route' : table === 'reply' ? 'reply_route' : KEYWORDS[table];
}

function diffRoutes(from: Program, to: Program): RouteDiff {
  const added: string[] = [];
  const changed: string[] = [];
  const removed: string[] = [];
  for (const table of TABLES) {
    for (const [name, route] of to.routes[table]) {
      const old = from.routes[table].get(name);
      if (old === undefined) added.push(display(table, name));
      else if (old.text !== route.text) changed.push(display(table, name));
    }
    for (const name of from.routes[table].keys()) if (!to.routes[table].has(name)) removed.push(display(table, name));
  }
  return { added, changed, removed };
}

function diffParams(module: string, from: Program, to: Program): ParamChange[] {
  const before = from.params(module);
  const after = to.params(module);
  return Object.keys(after)
    .filter((param) => JSON.stringify(before[param]) !== JSON.stringify(after[param]))
    .map((param) => ({ module, param, from: before[param], to: after[param] }));
}

function diffCore(from: Program, to: Program): ProgramDiff['core'] {
  const names = new Set([...from.core.values.keys(), ...to.core.values.keys()]);
  return [...names]
    .filter((param) => from.core.values.get(param) !== to.core.values.get(param))
    .map((param) => ({ param, from: from.core.values.get(param) ?? null, to: to.core.values.get(param) ?? null }));
}
