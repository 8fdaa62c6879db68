/**
 * All that the export tables of Kamailio 5.6.3 name is there, or its module says that it is missing; and what its own check
 * takes or refuses of variables, transformations and selects is taken and refused here. The tables are facts read from its
 * sources and from `kamailio -c` by scripts/kamailio-tables.mjs.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MODULES } from '../../src/modules/index.js';
import { CORE_CATALOG } from '../../src/runtime/core/catalog.js';
import { isUnbuilt } from '../../src/runtime/kamailio-modules.js';
import type { ModuleDefinition } from '../../src/runtime/module.js';
import { rpcCommands } from '../../src/runtime/rpc.js';
import { loadScript } from '../../src/server/load.js';
import { runScript } from '../support/script.js';

interface Tables {
  readonly functions?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly params?: readonly string[];
  readonly rpc?: readonly string[];
  readonly statistics?: readonly string[];
  readonly variables?: Readonly<Record<string, readonly string[]>>;
  readonly transformations?: Readonly<Record<string, readonly string[]>>;
  readonly taken?: readonly string[];
  readonly refused?: readonly string[];
}

const TABLES: Readonly<Record<string, Tables>> = JSON.parse(
  readFileSync(new URL('kamailio-tables.json', import.meta.url), 'utf8'),
);
const BY_NAME = new Map(MODULES.map((m) => [m.name, m]));
const CORE: Partial<ModuleDefinition> = CORE_CATALOG;
const moduleOf = (name: string): Partial<ModuleDefinition> => BY_NAME.get(name) ?? CORE;

/** What the module says it has not: words of its list. */
const wordsOf = (module: Partial<ModuleDefinition>): Set<string> =>
  new Set((module.missing ?? []).flatMap((text) => text.split(/[^\w.-]+/)));

function absent(names: Iterable<string>, there: object | undefined, module: Partial<ModuleDefinition>): string[] {
  const said = wordsOf(module);
  return [...names].filter((name) => !Object.hasOwn(there ?? {}, name) && !said.has(name));
}

const CASES = Object.entries(TABLES);

describe.each(CASES)('%s', (name, tables) => {
  const module = moduleOf(name);

  test('has the functions, parameters, variables and transformations of 5.6.3, or says which not', () => {
    expect({
      functions: absent(Object.keys(tables.functions ?? {}), module.functions, module),
      params: absent(tables.params ?? [], module.params, module),
      variables: absent(Object.keys(tables.variables ?? {}), module.pvs, module),
      transformations: absent(Object.keys(tables.transformations ?? {}), module.transformations, module),
      rpc: name === 'core' ? [] : absent(tables.rpc ?? [], module.rpc, module),
    }).toEqual({ functions: [], params: [], variables: [], transformations: [], rpc: [] });
  });

  test('does not say that it has not what it has', () => {
    const said = wordsOf(module);
    const there = { ...module.functions, ...module.rpc, ...module.pvs, ...module.params };
    const both = Object.keys(there).filter((n) => said.has(n));
    expect(both.filter((n) => !(SWITCHES[name] ?? []).includes(n))).toEqual([]);
  });
});

/** Parameters that are there with the value that asks for nothing, as their module's list says. */
const SWITCHES: Readonly<Record<string, readonly string[]>> = {
  dialog: ['event_callback'],
  websocket: ['ws.enable', 'ws.disable'],
  nathelper: ['natping_socket', 'udpping_from_path'],
};

test('every module of 5.6.3 is built or listed', () => {
  const folders = Object.keys(TABLES).filter((n) => n !== 'core');
  expect(folders.filter((n) => !BY_NAME.has(n) && !isUnbuilt(n))).toEqual([]);
});

test('the RPC commands of the core are there', async () => {
  const script = await runScript('loadmodule "pv.so"\nrequest_route { exit; }\n');
  const known = rpcCommands(script.host);
  await script.stop();
  const wanted = (TABLES.core?.rpc ?? []).filter((n) => !CORE_RPC_NOT_BUILT.test(n));
  expect(wanted.filter((n) => !known.has(n))).toEqual([]);
});

/** There is no blocklist of destinations, and no shared memory to give back (docs/differences.md). */
// those of dns.… belong to the server: test/server/dns
const CORE_RPC_NOT_BUILT = /^(dst_blocklist\.|dns\.|core\.sfmalloc$)/;

// ------------------------------------------------------------------- verdicts

/** Where the verdict differs, and why. */
const OTHERWISE: readonly (readonly [use: RegExp, why: string])[] = [
  [/^\$(async\(x=>y\))$/, '5.6.3 takes any name of four letters'],
  [/^\$dlg_ctx\(flags\)$/, 'docs/differences.md: 5.6.3 refuses what its manual gives'],
  [/^\$siptrace\(direction\)$/, 'refused by 5.6.3, whose source names it'],
  [/^\$\(nsqE\)$/, 'a variable of the project: docs/nsq.md'],
  [/^\$\(rtpp?e?stat\)$/, 'missing: said by the module'],
  [/^@tls$/, 'it gives nothing'],
  [/^@timer\.timer/, 'the timer is not declared'],
  [/^@hf_value2?\.x_one(\[1\])?\.x_one/, 'an error in the log of 5.6.3, which leaves that part off'],
];

const differs = (use: string): boolean => OTHERWISE.some(([test]) => test.test(use));

function needsOf(name: string): string[] {
  return [...(BY_NAME.get(name)?.needs ?? []).flatMap(needsOf), name];
}

/** The uses, each on a line of its own, that loading refuses. */
function refusedOf(name: string, uses: readonly string[]): Set<string> {
  const modules = [...new Set(['pv', 'sl', 'tm', 'rr', ...(name === 'core' ? [] : needsOf(name))])];
  const load = modules.map((m) => `loadmodule "${m}.so"\n`).join('');
  const text = `${load}request_route {\n${uses.map((use) => `$var(r) = ${use};\n`).join('')}}\n`;
  const { problems } = loadScript('test.cfg', { env: {}, text });
  const lines = problems.filter((p) => p.severity === 'error').map((p) => p.span.line - modules.length - 2);
  return new Set(lines.flatMap((line) => uses[line] ?? []));
}

const JUDGED = CASES.filter(([, t]) => (t.taken?.length ?? 0) + (t.refused?.length ?? 0) > 0);

test.each(JUDGED)('%s: what 5.6.3 takes is taken, what it refuses is refused', (name, { taken = [], refused = [] }) => {
  const wrong = refusedOf(name, taken);
  const right = refusedOf(name, refused);
  expect({
    taken: taken.filter((use) => wrong.has(use) && !differs(use)),
    refused: refused.filter((use) => !right.has(use) && !differs(use)),
  }).toEqual({ taken: [], refused: [] });
});
