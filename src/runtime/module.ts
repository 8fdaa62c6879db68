/**
 * What the author of a module uses: `defineModule` and the kinds of its parts. From a definition come the checks at
 * compile time, the reference pages, the editor's help and the RPC listing.
 */
import type { Span } from '../parser/problem.js';
import type { Compat, Statement } from '../parser/tree.js';
import type { Context } from './context.js';
import type { CoreSettings } from './core/params.js';
import type { DatabaseDriver } from './database.js';
import type { Host } from './host.js';
import type { Value } from './values.js';
import type { VarCell, VarStore } from './var-store.js';

export type { Context as RouteContext } from './context.js';
export { type ExtraKey, extraKey, ROUTE, STOP } from './context.js';
export { type Host, LEVEL, needsNoRun, type StateKey, stateKey } from './host.js';
export { Dual, isInt, printed, toInt, toText, type Value } from './values.js';

// ---------------------------------------------------------------- bind time

/** What is known where a piece of script is compiled. */
export interface BindEnv {
  readonly catalog: CatalogView;
  readonly defines: ReadonlyMap<string, string>;
  readonly flags: ReadonlyMap<string, number>;
  readonly avpFlags: ReadonlyMap<string, number>;
  readonly compat: Compat;
  readonly vars: VarStore;
  readonly span: Span;
  /** The whole call in whose arguments this stands. */
  readonly call?: Span;
  /** Name of the enclosing block as Kamailio prints it: `DEFAULT_ROUTE`, `X`, `event_route[…]`'s name. */
  readonly routeName: string;
  params(module: string): Readonly<Record<string, unknown>>;
  /** Missing where only a text is evaluated. */
  readonly core?: CoreSettings;
  /** Gets each variable that is bound, by its text (Kamailio's cache of variables). Missing: nobody asks. */
  readonly used?: Map<string, UsedVariable>;
}

/** A variable as the script names it somewhere. */
export interface UsedVariable {
  /** As written: `$(avp(x)[0])`. */
  readonly text: string;
  readonly use: PvUse;
  readonly transformed: boolean;
  readonly get: (ctx: Context) => Value;
}

export interface CatalogView {
  pv(name: string): PvDefinition | undefined;
  /** Names of all variables, for "did you mean". */
  pvNames(): Iterable<string>;
  transformation(cls: string): TransformationDefinition | undefined;
  select(path: readonly string[]): SelectDefinition | undefined;
  /** Name of a module not loaded that has the function / variable / transformation class, for hints. */
  moduleWithFunction(name: string): string | undefined;
  moduleWithPv(name: string): string | undefined;
}

/** Result of a binding: a value, or the reason why not (English, as Kamailio says it where it says it). */
export type BindResult<T> = { readonly ok: T } | { readonly error: string; readonly hint?: string };

// ---------------------------------------------------------------- parameters

export type ParamDefinition =
  | {
      readonly type: 'int';
      readonly default: number;
      readonly doc: string;
      readonly check?: (v: number) => string | undefined;
    }
  | {
      readonly type: 'str';
      readonly default: string | null;
      readonly doc: string;
      /** A number may stand for the text: a user's name or id. */
      readonly number?: boolean;
      /** With any text, event routes whose names begin so never run: see kemiParam. */
      readonly silences?: readonly string[];
      readonly check?: (v: string) => string | undefined;
    }
  /** Repeatable: the values in order. */
  | {
      readonly type: 'list';
      readonly default: readonly string[];
      readonly doc: string;
      readonly check?: (v: string) => string | undefined;
    };

export const intParam = (value: number, doc: string, check?: (v: number) => string | undefined) =>
  ({ type: 'int', default: value, doc, ...(check ? { check } : {}) }) as const;
export const strParam = (value: string | null, doc: string, check?: (v: string) => string | undefined) =>
  ({ type: 'str', default: value, doc, ...(check ? { check } : {}) }) as const;
/**
 * Names a function of a KEMI engine. There is none in a native script, in Kamailio neither: it takes the name, calls
 * nothing, and passes over the event routes that the function stands for.
 * @param silences begins of the names of those event routes
 */
export const kemiParam = (...silences: readonly string[]) =>
  ({
    type: 'str',
    default: '',
    doc:
      silences.length > 0
        ? `A KEMI function: never called, and ${silences.map((s) => `\`event_route[${s}${s.endsWith(':') ? '…' : ''}]\``).join(', ')} does not run (a warning says so).`
        : 'A KEMI function: never called.',
    ...(silences.length > 0 ? { silences } : {}),
  }) as const;
/** A parameter that may be given several times. */
export const listParam = (doc: string, check?: (v: string) => string | undefined) =>
  ({ type: 'list', default: [] as readonly string[], doc, ...(check ? { check } : {}) }) as const;
/** Another name for the same value. */
export interface ParamAlias {
  readonly type: 'alias';
  readonly of: string;
  readonly doc: string;
}
export const aliasParam = (of: string, doc: string): ParamAlias => ({ type: 'alias', of, doc });

// ----------------------------------------------------------------- arguments

/** What stands at an argument's place. `constant`: text known at load (every constant expression is turned to text). */
export type ArgSource =
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'expression'; readonly get: (ctx: Context) => Value; readonly variable?: PvAccessor };

/** The value of an argument that could not be had at run time: the function is not run, its code is -1. */
export const FAILED: unique symbol = Symbol('argument failed');

export type BoundArg<T> =
  | { readonly kind: 'constant'; readonly value: T }
  | { readonly kind: 'dynamic'; readonly get: (ctx: Context) => T }
  | { readonly kind: 'fallible'; readonly get: (ctx: Context) => T | typeof FAILED };

export interface ArgDefinition<T = unknown, Optional extends boolean = boolean> {
  readonly name: string;
  readonly type: string;
  readonly optional: Optional;
  /** May a non-constant expression stand here (language.md, section 9)? */
  readonly dynamic: boolean;
  bind(source: ArgSource, env: BindEnv): BindResult<BoundArg<T>>;
}

type ArgValue<A> = A extends ArgDefinition<infer T, infer O> ? (O extends true ? T | undefined : T) : never;
export type ArgValues<A extends readonly ArgDefinition[]> = { [K in keyof A]: ArgValue<A[K]> };

/** Makes any argument optional: `opt(str('uri'))`. */
export function opt<T>(arg: ArgDefinition<T, false>): ArgDefinition<T, true> {
  return { ...arg, optional: true };
}

// ----------------------------------------------------------------- functions

type Waits = boolean | ((env: Pick<BindEnv, 'params'>) => boolean);

export function mayWait(def: { readonly waits: Waits }, env: Pick<BindEnv, 'params'>): boolean {
  return typeof def.waits === 'function' ? def.waits(env) : def.waits;
}

export interface FunctionDefinition<A extends readonly ArgDefinition[] = readonly ArgDefinition[], P = never> {
  readonly doc: string;
  readonly args: A;
  /** ROUTE bits where the call may stand. */
  readonly routes: number;
  /** The function may return a promise: routes that reach it become async. A function tells it of the parameters. */
  readonly waits: Waits;
  /** It finds what stands behind the call, to the end of that action list, in `ctx.rest`, and runs it itself. */
  readonly rest?: boolean;
  /** Script lines; those that begin with `#>` are what it logs, with `#<` what it sends (test/spine/examples.test.ts). */
  readonly example?: string;
  /** Answers a constant problem of a call at load: text, or undefined when all is well. */
  readonly check?: (args: readonly ArgSource[], env: BindEnv) => string | undefined;
  /** The function with other numbers of arguments, where these mean something else: see `formFor`. */
  readonly forms?: readonly AnyFunction[];
  run(ctx: Context, params: P, ...args: ArgValues<A>): number | Promise<number>;
}
// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every shape; each was typed where it was made
export type AnyFunction = FunctionDefinition<readonly ArgDefinition<any>[], any>;

export type RouteName =
  | 'request'
  | 'failure'
  | 'reply'
  | 'tm-reply'
  | 'core-reply'
  | 'branch'
  | 'onsend'
  | 'local'
  | 'event'
  | 'branch-failure'
  | 'any';
const ROUTE_BITS: Readonly<Record<RouteName, number>> = {
  request: 1,
  failure: 2,
  reply: 4 | 128,
  'tm-reply': 4,
  'core-reply': 128,
  branch: 8,
  onsend: 16,
  local: 64,
  event: 512,
  'branch-failure': 256,
  any: 1023,
};

/** Names of ROUTE bits, `any` alone where it is all of them. */
export function routeNames(bits: number): RouteName[] {
  if (bits === ROUTE_BITS.any) return ['any'];
  const names = Object.keys(ROUTE_BITS) as RouteName[];
  const within = names.filter((n) => n !== 'any' && (bits & ROUTE_BITS[n]) === ROUTE_BITS[n]);
  return within.includes('reply') ? within.filter((n) => n !== 'tm-reply' && n !== 'core-reply') : within;
}

/** One function of a module. `routes` as in Kamailio's manual; missing: any. */
export function fn<const A extends readonly ArgDefinition[], P>(def: {
  doc: string;
  args: A;
  routes?: readonly RouteName[];
  waits?: Waits;
  rest?: boolean;
  example?: string;
  check?: (args: readonly ArgSource[], env: BindEnv) => string | undefined;
  run(ctx: Context, params: P, ...args: ArgValues<A>): number | Promise<number>;
}): FunctionDefinition<A, P> {
  const routes = (def.routes ?? ['any']).reduce((bits, name) => bits | ROUTE_BITS[name], 0);
  return { ...def, routes, waits: def.waits ?? false };
}

/** One name with several forms, told apart by the number of arguments: `xlog(text)`, `xlog(level, text)`. */
export function forms(first: AnyFunction, ...others: readonly AnyFunction[]): AnyFunction {
  return { ...first, forms: others };
}

/** The form of `def` that takes `count` arguments; undefined when there is none. */
export function formFor(def: AnyFunction, count: number): AnyFunction | undefined {
  return [def, ...(def.forms ?? [])].find((form) => takes(form, count));
}

function takes(def: AnyFunction, count: number): boolean {
  const required = def.args.filter((a) => !a.optional).length;
  return count >= required && count <= def.args.length;
}

// ----------------------------------------------------------------- variables

/** The key in parentheses: a text, or a value to be had at run time (`$hdr($var(x))`). */
export type PvKey =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'dynamic'; readonly text: string; readonly get: (ctx: Context) => Value };
export type PvIndex = number | '*' | { readonly get: (ctx: Context) => Value };

/** One use of a variable in a script, taken apart. */
export interface PvUse {
  readonly name: string;
  readonly key?: PvKey;
  readonly index?: PvIndex;
}

/** False: refused, nothing changed (the error was logged); anything else, nothing too: done. */
// biome-ignore lint/suspicious/noConfusingVoidType: most setters have nothing to give back
export type Setter = (ctx: Context, value: Value) => boolean | void;

export interface PvAccessor {
  readonly get: (ctx: Context) => Value;
  /** Missing: read-only. False: refused, nothing changed (the error was logged). */
  readonly set?: Setter;
  /** `$var` and `$vn`: the compiler reads and writes the cell itself. `nullable`: null stays null. */
  readonly cell?: VarCell;
  readonly nullable?: boolean;
  /** Known type of what `get` gives, for the compiler: missing when it may be anything. */
  readonly type?: 'int' | 'string';
  /** `$null` itself. */
  readonly isNull?: boolean;
  /**
   * `set` wants the value of a variable as that hands it over, an int with its text beside it (`withText`): `$rU = $var(i)`
   * works where `$rU = 5` is refused. Others get an int, a text or null.
   */
  readonly wantsText?: boolean;
}

export interface PvDefinition {
  readonly doc: string;
  /** `none`, `optional` or `required` key; what it means is in `doc`. */
  readonly key: 'none' | 'optional' | 'required';
  /** A variable at the begin of the key is the key, and what follows it does not count (as in 5.6.3). */
  readonly keyBegins?: boolean;
  /** Takes `[i]`? */
  readonly index: boolean;
  readonly writable: boolean;
  /** As of functions. */
  readonly example?: string;
  bind(use: PvUse, env: BindEnv): BindResult<PvAccessor>;
}

/** A variable without key or index. */
export function pv(doc: string, get: (ctx: Context) => Value, set?: Setter, type?: 'int' | 'string'): PvDefinition {
  const accessor: PvAccessor = { get, ...(set ? { set } : {}), ...(type ? { type } : {}) };
  return { doc, key: 'none', index: false, writable: set !== undefined, bind: () => ({ ok: accessor }) };
}

/** `pv` with an example. */
export function shown(definition: PvDefinition, example: string): PvDefinition {
  return { ...definition, example };
}

/** A variable whose key is one of a fixed list: `$TV(s)`. Names are matched to the letter. */
export function pvTable(doc: string, table: Readonly<Record<string, (ctx: Context) => Value>>): PvDefinition {
  return {
    doc: `${doc} Keys: ${Object.keys(table).join(', ')}.`,
    key: 'required',
    index: false,
    writable: false,
    bind(use) {
      const name = use.key?.kind === 'text' ? use.key.text : '';
      const get = Object.hasOwn(table, name) ? table[name] : undefined;
      return get ? { ok: { get } } : { error: `unknown name '${use.key?.text ?? ''}' for $${use.name}` };
    },
  };
}

/** A variable with a free key, and an index perhaps; `bind` does what can be done once. */
export function pvWith(def: {
  doc: string;
  key?: 'none' | 'optional' | 'required';
  index?: boolean;
  writable?: boolean;
  example?: string;
  bind(use: PvUse, env: BindEnv): BindResult<PvAccessor>;
}): PvDefinition {
  return { key: 'required', index: false, writable: false, ...def };
}

// ----------------------------------------------------------- transformations

/** One argument of a transformation: a number, a `$variable` or text. */
export type TrArg =
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly text: string; readonly get: (ctx: Context) => Value };

/** undefined: the read fails. */
export type Transform = (value: Value, ctx: Context) => Value;

/** The text, what is done to it (`{s.len}`), and what comes out. */
export type TransformationExample = readonly [text: string, transformation: string, result: string];

/** A class of transformations (`s`, `uri`): `bind` gets the name after the dot, as written, and its arguments. */
export interface TransformationDefinition {
  readonly doc: string;
  /** Name to sentence, for the reference pages. */
  readonly names: Readonly<Record<string, string>>;
  /** By name, for some of them. */
  readonly examples?: Readonly<Record<string, TransformationExample>>;
  /** Names (lower case) whose arguments have a grammar of their own: `args` is empty, `rest` holds them. */
  readonly ownGrammar?: readonly string[];
  /** `rest` is the raw text after the name, from its comma on, for those with a grammar of their own (re.subst). */
  bind(name: string, args: readonly TrArg[], env: BindEnv, rest: string): BindResult<Transform>;
}

// -------------------------------------------------------------------- selects

export interface SelectDefinition {
  readonly doc: string;
  /** `path` is what follows the name under which it is registered; items are names, `[n]` or `["x"]`. */
  bind(path: readonly (string | number)[], env: BindEnv): BindResult<(ctx: Context) => Value>;
}

// ------------------------------------------------------------------------ RPC

export type RpcValue =
  | string
  | number
  | boolean
  | null
  | readonly RpcValue[]
  | RpcRecord
  | { readonly [key: string]: RpcValue };

/**
 * A record in which an object would not do: field names that look like numbers (an object would put them first), or
 * that occur several times. JSON takes the last of equal names; kamcmd prints all in order.
 */
export class RpcRecord {
  readonly fields: readonly (readonly [name: string, value: RpcValue])[];
  constructor(fields: readonly (readonly [name: string, value: RpcValue])[]) {
    this.fields = fields;
  }

  toJSON(): { readonly [key: string]: RpcValue } {
    return Object.fromEntries(this.fields);
  }
}

/**
 * Several answers of a command that is no array command: kamcmd prints each of them, JSON-RPC has room for the last alone
 * (cfg.help, cfg.diff).
 */
export class RpcAnswers {
  readonly values: readonly RpcValue[];
  constructor(values: readonly RpcValue[]) {
    this.values = values;
  }
}

/** How a command was called. */
export interface RpcCall {
  readonly transport: 'binrpc' | 'http' | 'fifo' | 'datagram' | 'script' | 'xmlrpc';
}

/** Thrown by an RPC command: code and text go to the caller. */
export class RpcFault extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export type RpcResult = RpcValue | RpcAnswers | undefined;

export interface RpcDefinition {
  readonly doc: string;
  /**
   * `undefined`: nothing is answered but success; an array of several values prints one a line in kamcmd. An array of
   * records where `returnsArray` is not set is one value: kamcmd prints their fields within one pair of braces, as it
   * does for the records of one record in an array that is a field (`aliases: { alias: {…} alias: {…} }`); other records
   * there get braces of their own (`slot: { {…} {…} }`).
   */
  run(host: Host, args: readonly RpcValue[], call?: RpcCall): RpcResult | Promise<RpcResult>;
  /** The result is an array of records even for one (JSON-RPC prints `[…]`). */
  readonly returnsArray?: boolean;
}

// --------------------------------------------------------------------- module

/** One figure for Prometheus; its name gets `kamailio_` before it. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly help?: string;
}

export interface ModuleDefinition {
  readonly name: string;
  readonly doc: string;
  readonly params?: Readonly<Record<string, ParamDefinition | ParamAlias>>;
  /**
   * Parameters that may change while the server runs (cfg.set, $ccp): those that are read anew at each use. A pair where
   * the setting has another name than the parameter.
   */
  readonly settings?: readonly (string | readonly [setting: string, param: string])[];
  readonly functions?: Readonly<Record<string, AnyFunction>>;
  /** Names without `$`; aliases are entries of their own. */
  readonly pvs?: Readonly<Record<string, PvDefinition>>;
  readonly transformations?: Readonly<Record<string, TransformationDefinition>>;
  /** By their path: `hf_value`, `cfg_get`. */
  readonly selects?: Readonly<Record<string, SelectDefinition>>;
  readonly rpc?: Readonly<Record<string, RpcDefinition>>;
  /** Event routes that it raises: name (a `*` stands for a free part) to sentence. */
  readonly events?: Readonly<Record<string, string>>;
  /** Of modules named `db_…`: opens databases. */
  readonly database?: DatabaseDriver;
  /** Modules that must be loaded before it; missing ones refuse the start. */
  readonly needs?: readonly string[];
  /** What Kamailio's module has and this one has not: refused by name at load, listed in docs. */
  readonly missing?: readonly string[];
  /** Problems that only all parameters together show: texts. Runs at load, touches nothing. */
  check?(params: Readonly<Record<string, unknown>>, env: BindEnv): readonly string[];
  /**
   * At the very moment of a modparam line, for parameters that later modparamx and loadmodulex lines may read:
   * `vars` are those of the load alone, the server's own are set by `start`.
   */
  early?(param: string, value: number | string, vars: VarStore): void;
  /**
   * Told of each statement before it runs, and of each call within an expression, in the route of that name: a script
   * that loads such a module pays for it. The tree of the statement is in `at`. After `program.stopping(true)` a promise holds
   * the run up until it is done.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most watchers have nothing to give back
  readonly watch?: (ctx: Context, at: Statement, routeName: string) => Promise<number> | void;
  /** Told of each assignment when it is done: the target as written, and what it holds then. */
  readonly assigned?: (ctx: Context, target: string, value: Value) => void;
  /** Makes the module's state. Sockets, threads and timers begin here. Runs once for the life of the server. */
  start?(host: Host, params: Readonly<Record<string, unknown>>): unknown | Promise<unknown>;
  /** Parameters that are read at start alone: a reload that changes one of them is refused. */
  readonly atStart?: readonly string[];
  /** New parameters after a reload; missing: the module reads `params` afresh at each call anyway. */
  reload?(host: Host, state: unknown, params: Readonly<Record<string, unknown>>): void | Promise<void>;
  /** After a reload that changed routes and none of its parameters, for a module that looks at which ones there are. */
  rerouted?(host: Host, state: unknown): void | Promise<void>;
  stop?(host: Host, state: unknown): void | Promise<void>;
  /** Why the module cannot do its work yet (a server it needs is away); undefined: it can. For readiness probes. */
  unready?(host: Host, state: unknown): string | undefined;
  /** Figures with labels, beside the statistics, for Prometheus. */
  measures?(host: Host, state: unknown): Iterable<Measure>;
  /** After all modules started and sockets are bound (mod-init event routes, first timers). */
  ready?(host: Host, state: unknown): void | Promise<void>;
}

export function defineModule<const M extends ModuleDefinition>(definition: M): M {
  return definition;
}

// Argument kinds live in their own file; modules import all from here.
export * from './args.js';
export type { VarCell, VarStore };
