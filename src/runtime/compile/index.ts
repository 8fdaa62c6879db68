/** A parsed script becomes a Program: everything bound and checked, one generated function a route. */
import type { Problem, Span } from '../../parser/problem.js';
import type { BlockKind, RouteBlock, Script, Statement } from '../../parser/tree.js';
import { Catalog } from '../catalog.js';
import type { Context } from '../context.js';
import { CORE_CATALOG } from '../core/catalog.js';
import { coreDefaults } from '../core/params.js';
import { unbuiltParams } from '../core/unbuilt-params.js';
import { bindFormat, bindVariable } from '../format.js';
import { setLogPrefix } from '../log-prefix.js';
import { type BindEnv, FAILED, type ModuleDefinition, ROUTE } from '../module.js';
import type { KnownModules } from '../module-set.js';
import * as ops from '../ops.js';
import type { Program, Route, RouteTable } from '../program.js';
import { withText } from '../values.js';
import { VarStore } from '../var-store.js';
import { analyse, routeKey } from './analyse.js';
import { Emitter } from './emit.js';
import { coreSettings, Loader } from './load.js';
import { problem } from './problems.js';
import { body, traced } from './statement.js';
import { bindEnv, type Scope, type Unit, type Watch } from './unit.js';

export interface CompileOptions {
  /** Every module there is. */
  readonly modules: KnownModules;
  /** The server's `$var`; a fresh store where nothing runs. */
  readonly vars: VarStore;
  /** Called with each block and each statement that runs (coverage, traces): the code without it is faster. */
  readonly trace?: (ctx: Context, at: RouteBlock | Statement) => void;
  /** For modparamx, loadmodulex and substdef: reads variables that need no message. */
  readonly context?: (vars: VarStore) => Context;
  /** A program in which each statement can wait for whoever watches: slower, made where somebody wants to stop runs. */
  readonly stops?: boolean;
}

export interface Compiled {
  /** Missing when there are errors. */
  readonly program?: Program;
  /** Of the parser and the compiler, in the order of the text. */
  readonly problems: readonly Problem[];
}

const TABLES: Readonly<Record<BlockKind, RouteTable>> = {
  request_route: 'request',
  reply_route: 'reply',
  failure_route: 'failure',
  branch_route: 'branch',
  onsend_route: 'onsend',
  event_route: 'event',
};

/** Route types of the blocks: a named onreply_route is tm's, the unnamed one the core's. */
function routeType(block: RouteBlock): number {
  switch (block.block) {
    case 'request_route':
      return ROUTE.REQUEST;
    case 'reply_route':
      return block.name === undefined ? ROUTE.CORE_ONREPLY : ROUTE.TM_ONREPLY;
    case 'failure_route':
      return ROUTE.FAILURE;
    case 'branch_route':
      return ROUTE.BRANCH;
    case 'onsend_route':
      return ROUTE.ONSEND;
    case 'event_route':
      return ROUTE.REQUEST | ROUTE.EVENT;
  }
}

export function compile(script: Script, options: CompileOptions): Compiled {
  const steps = compileSteps(script, options);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** `compile` in small steps, between which other work may be done. */
export function* compileSteps(script: Script, options: CompileOptions): Generator<void, Compiled> {
  const { stops = false } = options;
  const problems: Problem[] = [...script.problems, ...unbuiltParams(script)];
  const catalog = new Catalog(CORE_CATALOG, options.modules);
  const core = coreSettings(script, coreDefaults());
  const scratch = new VarStore();
  const loader = new Loader(catalog, problems, scratch);
  const { loaded } = loader;
  const params = (module: string) => loaded.params.get(module) ?? {};
  const base: Omit<BindEnv, 'compat' | 'span' | 'routeName'> = {
    catalog,
    defines: script.defines,
    flags: loaded.flags,
    avpFlags: loaded.avpFlags,
    vars: options.vars,
    params,
  };
  const loadEnv: BindEnv = { ...base, vars: scratch, compat: 'KAMAILIO', span: NOWHERE, routeName: '' };
  loader.run(script, (text) => evaluateNow(text, loadEnv, options.context?.(scratch)));
  yield;
  const unit: Unit = {
    script,
    catalog,
    vars: options.vars,
    core,
    flags: loaded.flags,
    avpFlags: loaded.avpFlags,
    params,
    sharedFrom: sharedMemoryFrom(script),
    emitter: new Emitter(),
    analysis: analyse(script, { catalog, params, stops }),
    stops,
    problems,
    routeFunctions: new Map(),
    functionNames: new Map(),
    late: [],
    rests: new Map(),
    trace: options.trace,
    watch: watcher(catalog.loaded, core.values.get('log_prefix_mode') === 1 ? setLogPrefix : undefined),
    assigned: catalog.loaded.find((m) => m.assigned !== undefined)?.assigned,
    used: new Map(),
  };
  const groups = groupBlocks(script);
  nameFunctions(groups, unit);
  for (const group of groups.values()) {
    yield;
    writeRoute(group, unit);
  }
  yield;
  checkModules(unit);
  const silenced = silencedRoutes(groups, unit);
  const logPrefix = bindLogPrefix(unit, base);
  yield;
  if (!unit.functionNames.has('request_route/')) problems.push(problem('no-request-route', {}, NOWHERE));
  const sorted = sortProblems(withoutEchoes(problems, script.problems));
  if (sorted.some((p) => p.severity === 'error')) return { problems: sorted };
  const program = yield* link(groups, unit, loaded, { problems: sorted, logPrefix }, silenced);
  if (unit.watch === undefined || stops) return { program, problems: sorted };
  return {
    program: { ...program, stopping: stopping(program, () => compile(script, { ...options, stops: true })) },
    problems: sorted,
  };
}

/** Lets runs begin in a form of the routes in which they can stop; those on their way go on as they began. */
function stopping(program: Program, again: () => Compiled): (on: boolean) => void {
  const all = Object.values(program.routes).flatMap((table) => [...table.values()]);
  const usual = new Map(all.map((route) => [route, { run: route.run, isAsync: route.isAsync }]));
  let other: Program | undefined;
  return (on) => {
    if (on) other ??= again().program;
    for (const route of all) {
      const form = on ? other?.routes[route.table].get(route.name) : usual.get(route);
      // The one place that changes a route: who asks for it debugs the script.
      if (form !== undefined) Object.assign(route, { run: form.run, isAsync: form.isAsync });
    }
  };
}

/** 5.6.3 does without a prefix that it cannot read. */
function bindLogPrefix(unit: Unit, base: Omit<BindEnv, 'compat' | 'span' | 'routeName'>): Program['logPrefix'] {
  const text = unit.core.values.get('log_prefix');
  if (typeof text !== 'string' || text === '') return undefined;
  const span = unit.script.items.find((i) => i.kind === 'param' && i.name === 'log_prefix')?.span ?? NOWHERE;
  const format = bindFormat(text, {
    ...base,
    compat: 'KAMAILIO',
    span,
    routeName: '',
    core: unit.core,
    used: unit.used,
  });
  if ('ok' in format) return format.ok.get;
  unit.problems.push(problem('log-prefix', { why: format.error }, span));
  return undefined;
}

/** One function for all loaded modules that watch. */
function watcher(modules: readonly ModuleDefinition[], own: Watch | undefined): Watch | undefined {
  const all = [...(own ? [own] : []), ...modules.flatMap((m) => (m.watch ? [m.watch] : []))];
  const [first] = all;
  if (first === undefined || all.length === 1) return first;
  return (ctx, at, routeName) => {
    const stops = all.map((watch) => watch(ctx, at, routeName));
    return stops.find((stop) => stop instanceof Promise);
  };
}

const NOWHERE: Span = { file: '', line: 0, column: 0, endLine: 0, endColumn: 0, order: Number.MAX_SAFE_INTEGER };

/** A statement that the parser could not read is not complained of twice. */
function withoutEchoes(problems: readonly Problem[], parsed: readonly Problem[]): Problem[] {
  const lines = new Set(parsed.filter((p) => p.severity === 'error').map((p) => `${p.span.file}:${p.span.line}`));
  return problems.filter((p) => p.code !== 'core-statement' || !lines.has(`${p.span.file}:${p.span.line}`));
}

function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.slice().sort((a, b) => a.span.order - b.span.order);
}

function evaluateNow(text: string, env: BindEnv, context: Context | undefined): string | number | null | undefined {
  if (context === undefined) return undefined;
  if (text.startsWith('$')) {
    const variable = bindVariable(text, env);
    if ('ok' in variable) return ops.plain(variable.ok.get(context));
  }
  const format = bindFormat(text, env);
  return 'ok' in format ? format.ok.get(context) : undefined;
}

function sharedMemoryFrom(script: Script): number {
  const param = script.items.find((i) => i.kind === 'modparam')?.span.order ?? Number.POSITIVE_INFINITY;
  const blocks = script.items.filter((i) => i.kind === 'block');
  return Math.min(param, blocks[1]?.span.order ?? Number.POSITIVE_INFINITY);
}

/** Evaluates the `$…` of a #!substdef value: with the variables that need no message. */
export function evaluateText(text: string, options: CompileOptions): string | undefined {
  const catalog = new Catalog(CORE_CATALOG, options.modules);
  for (const m of options.modules) catalog.load(m);
  const none = new Map<string, never>();
  const env: BindEnv = {
    catalog,
    defines: none,
    flags: none,
    avpFlags: none,
    compat: 'KAMAILIO',
    vars: options.vars,
    span: NOWHERE,
    routeName: '',
    params: () => ({}),
  };
  const value = evaluateNow(text, env, options.context?.(options.vars));
  return value === null || value === undefined ? undefined : `${value}`;
}

type Groups = Map<string, RouteBlock[]>;

/** Unnamed blocks of one kind are one route, in the order of the text (language.md, section 8). */
function groupBlocks(script: Script): Groups {
  const groups: Groups = new Map();
  for (const item of script.items) {
    if (item.kind !== 'block') continue;
    const key = routeKey(item);
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [item]);
    else if (item.name === undefined || onlyEmpty(list)) list.push(item);
  }
  return groups;
}

function onlyEmpty(blocks: readonly RouteBlock[]): boolean {
  return blocks.every((b) => b.body.statements.every((s) => s.kind === 'empty'));
}

function nameFunctions(groups: Groups, unit: Unit): void {
  let n = 0;
  for (const [key] of groups) {
    const safe = key.replace(/[^A-Za-z0-9_]/g, '_').replace(/_route_/, '_');
    unit.functionNames.set(key, `R${n++}_${safe}`);
  }
}

function displayName(block: RouteBlock): string {
  return (
    block.name ??
    (block.block === 'request_route'
      ? 'DEFAULT_ROUTE'
      : block.block === 'reply_route'
        ? 'DEFAULT_ONREPLY'
        : 'DEFAULT_ONSEND')
  );
}

function writeRoute(blocks: readonly RouteBlock[], unit: Unit): void {
  const first = blocks[0]!;
  const key = routeKey(first);
  const isAsync = unit.analysis.waiting.has(key);
  const scope: Scope = {
    unit,
    block: first.block,
    routeName: displayName(first),
    routeType: routeType(first),
    isAsync,
    nesting: 0,
    breakable: false,
    recursive: unit.analysis.recursive.has(key),
  };
  unit.emitter.line(`${isAsync ? 'async ' : ''}function ${unit.functionNames.get(key)}(c) {`, first.span);
  unit.emitter.line('let r = 1, t, a0, a1, a2, a3, a4, a5;');
  for (const block of blocks) {
    traced(block, scope);
    body(block.body, scope);
  }
  unit.emitter.line('return r;');
  unit.emitter.line('}');
}

/** Keys of the event routes that a parameter keeps from running; each is warned of. */
function silencedRoutes(groups: Groups, unit: Unit): Set<string> {
  const out = new Set<string>();
  for (const { name: module, params } of unit.catalog.loaded) {
    for (const [param, definition] of Object.entries(params ?? {})) {
      const silences = definition.type === 'str' ? (definition.silences ?? []) : [];
      if (silences.length === 0 || !unit.params(module)[param]) continue;
      for (const [key, blocks] of groups) {
        const { block, name = '', span } = blocks[0]!;
        if (block !== 'event_route' || !silences.some((begin) => name.startsWith(begin))) continue;
        out.add(key);
        unit.problems.push(problem('event-route-silenced', { name, param, module }, span));
      }
    }
  }
  return out;
}

function checkModules(unit: Unit): void {
  for (const module of unit.catalog.loaded) {
    const at = unit.script.items.find((i) => i.kind === 'loadmodule' && i.name === module.name)?.span ?? NOWHERE;
    const scope: Scope = {
      unit,
      block: 'request_route',
      routeName: '',
      routeType: 0,
      isAsync: false,
      nesting: 0,
      breakable: false,
      recursive: false,
    };
    for (const why of module.check?.(unit.params(module.name), bindEnv(scope, at)) ?? []) {
      unit.problems.push(problem('module-check', { name: module.name, why }, at));
    }
  }
}

/** What generated code calls, by the names it uses. */
const RUNTIME = {
  $I: ops.toInt,
  $T: ops.toText,
  $P: ops.plain,
  $W: withText,
  $S: ops.stored,
  $N: ops.isNull,
  $V: (v: Parameters<typeof ops.plain>[0]) => v ?? '',
  $F: FAILED,
  $add: ops.add,
  $eq: ops.equal,
  $div: ops.divide,
  $mod: ops.modulo,
  $match: ops.matches,
  $fail: ops.fail,
  $failed: ops.failed,
  $called: ops.called,
  $enter: ops.enter,
  $enterAsync: ops.enterAsync,
  $callRoute: ops.callRoute,
  $callRouteAsync: ops.callRouteAsync,
  $lookup: ops.lookup,
  $hold: ops.hold,
  $tooDeep: ops.tooDeep,
  $tooLong: ops.tooLong,
};

function* link(
  groups: Groups,
  unit: Unit,
  loaded: Loader['loaded'],
  extra: Pick<Program, 'problems' | 'logPrefix'>,
  silenced: ReadonlySet<string>,
): Generator<void, Program> {
  const lines = new Map([...unit.script.sources].map(([file, text]) => [file, text.split('\n')]));
  yield;
  const { emitter } = unit;
  const code = emitter.code;
  for (const { holder, js } of unit.late) emitter.line(`${emitter.constant(holder)}.fn = (c) => ${js};`);
  emitter.line(`return [${[...groups.keys()].map((k) => unit.functionNames.get(k)).join(', ')}];`);
  const id = hash([...unit.script.sources.values()].join('\0'));
  const functions = emitter.evaluate(`${unit.script.file}.${id}.js`, unit.script.sources, RUNTIME) as Route['run'][];
  yield;
  const routes: Record<RouteTable, Map<string, Route>> = {
    request: new Map(),
    reply: new Map(),
    failure: new Map(),
    branch: new Map(),
    onsend: new Map(),
    event: new Map(),
  };
  [...groups].forEach(([key, blocks], i) => {
    const first = blocks[0]!;
    const name = first.name ?? '';
    const table = TABLES[first.block];
    const run = functions[i]!;
    const text = blocks.map((b) => sourceOf(b.span, unit, lines)).join('\n');
    if (silenced.has(key)) return;
    routes[table].set(name, { name, table, run, isAsync: unit.analysis.waiting.has(key), span: first.span, text });
    if (table === 'request') unit.routeFunctions.set(name === '' ? '0' : name, run);
  });
  return {
    id,
    script: unit.script,
    routes,
    core: unit.core,
    modules: unit.catalog.loaded,
    params: unit.params,
    flags: loaded.flags,
    avpFlags: loaded.avpFlags,
    globals: loaded.globals,
    variables: [...unit.used.values()],
    problems: extra.problems,
    logPrefix: extra.logPrefix,
    isTraced: unit.trace !== undefined || unit.watch !== undefined,
    code,
  };
}

/** Text of a block, and the values of the defines that it names. */
function sourceOf(span: Span, unit: Unit, lines: ReadonlyMap<string, readonly string[]>): string {
  const text = (lines.get(span.file) ?? []).slice(span.line - 1, span.endLine).join('\n');
  const used = [...unit.script.defines]
    .filter(([name]) => text.includes(name))
    .map(([name, value]) => `${name}=${value}`);
  return [text, ...used].join('\n');
}

/** Version id: FNV-1a twice with different seeds, 16 hex digits. */
function hash(text: string): string {
  const one = (seed: number) => {
    let h = seed;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
    return (h >>> 0).toString(16).padStart(8, '0');
  };
  return one(2166136261) + one(374761393);
}
