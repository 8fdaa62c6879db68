/** From a file to a Program: what `run`, `check` and `reload` share. */
import { readFileSync } from 'node:fs';
import { BUILT_IN } from '../modules/built-in.js';
import { parseScript } from '../parser/index.js';
import type { ParseOptions } from '../parser/source.js';
import type { Script } from '../parser/tree.js';
import { type Compiled, type CompileOptions, compile, compileSteps, evaluateText } from '../runtime/compile/index.js';
import { Context, ROUTE } from '../runtime/context.js';
import type { Host } from '../runtime/host.js';
import type { ModuleDefinition } from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import { VarStore } from '../runtime/var-store.js';

export interface LoadOptions {
  readonly defines?: ParseOptions['defines'];
  readonly substs?: ParseOptions['substs'];
  readonly env: NonNullable<ParseOptions['env']>;
  /** The server's `$var`; a fresh store when nothing will run. */
  readonly vars?: VarStore;
  /** In place of the modules as they are (script tests put mocks in their functions). */
  readonly modules?: readonly ModuleDefinition[];
  readonly trace?: CompileOptions['trace'];
  /** Text put before the file (items of the command line that are script: --loadmodule, --alias). */
  readonly preload?: readonly string[];
  /** Texts of files in place of those on disk, by the names that a Script's `sources` has. */
  readonly sources?: ReadonlyMap<string, string>;
  /** The text itself, where it does not come from the file (an editor's buffer, standard input). */
  readonly text?: string;
}

export interface LoadResult extends Compiled {
  readonly script: Script;
}

/** What reading and parsing needs: plain data, so that a thread may do it. */
export type ParseFileOptions = Pick<LoadOptions, 'defines' | 'substs' | 'env' | 'preload' | 'sources' | 'text'>;

/** Reads and parses `file`. A file that cannot be read throws the system's error (it has `code`). */
export function parseFile(file: string, options: ParseFileOptions): Script {
  const top = options.text ?? options.sources?.get(file) ?? readFileSync(file, 'latin1');
  const script = parseScript(file, {
    readFile: (path) => (path === file ? top : (options.sources?.get(path) ?? readIfThere(path))),
    env: options.env,
    evaluate: (text) =>
      evaluateText(text, {
        modules: BUILT_IN,
        vars: new VarStore(),
        context: (vars) => loadContext(undefined, vars, options.env),
      }),
    ...(options.defines ? { defines: options.defines } : {}),
    ...(options.substs ? { substs: options.substs } : {}),
  });
  return withPreload(script, options);
}

/** Reads, parses and compiles `file`. A file that cannot be read throws the system's error (it has `code`). */
export function loadScript(file: string, options: LoadOptions): LoadResult {
  const script = parseFile(file, options);
  return { script, ...compile(script, compileOptions(script, options)) };
}

/** Milliseconds of compiling in one go, after which others have their turn. */
const SLICE = 1;

export interface SlicedLoad extends LoadResult {
  /** The longest go, in milliseconds. */
  readonly longest: number;
}

/** As `loadScript`, for a server that goes on meanwhile: `parse` does its part elsewhere, compiling is done in slices. */
export async function loadSliced(
  file: string,
  options: LoadOptions,
  parse: (file: string, options: ParseFileOptions) => Promise<Script>,
): Promise<SlicedLoad> {
  const { defines, substs, env, preload, sources, text } = options;
  const plain = { defines, substs, env: { ...env }, preload, sources, text };
  const script = await parse(file, plain as ParseFileOptions);
  const steps = compileSteps(script, compileOptions(script, options));
  let longest = 0;
  for (let began = performance.now(); ; ) {
    const { done, value } = steps.next();
    const took = performance.now() - began;
    longest = Math.max(longest, took);
    if (done) return { script, ...value, longest };
    if (took < SLICE) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
}

function compileOptions(script: Script, options: LoadOptions): CompileOptions {
  return {
    modules: options.modules ?? BUILT_IN,
    vars: options.vars ?? new VarStore(),
    ...(options.trace ? { trace: options.trace } : {}),
    context: (scratch) => loadContext(script, scratch, options.env),
  };
}

/** Items of the command line stand before those of the file. */
function withPreload(script: Script, { preload = [] }: ParseFileOptions): Script {
  if (preload.length === 0) return script;
  const file = '<command line>';
  const text = `${preload.join('\n')}\n`;
  const before = parseScript(file, { readFile: (path) => (path === file ? text : undefined) });
  return {
    ...script,
    items: [...before.items, ...script.items],
    problems: [...before.problems, ...script.problems],
    sources: new Map([...script.sources, [file, text]]),
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    return undefined;
  }
}

/** Enough of a run for `$def`, `$env`, `$var` and the like while loading: there is no message and no server yet. */
function loadContext(script: Script | undefined, vars: VarStore, environment: LoadOptions['env']): Context {
  const host = { vars, environment, shared: new Map(), pid: 0, startTime: Date.now() } as unknown as Host;
  const program = { script } as unknown as Program;
  return new Context(host, program, undefined as never, ROUTE.REQUEST);
}
