/**
 * The library: load and check scripts, run servers, write modules. `kamscript/testing` is for tests of scripts.
 */
export { MODULES } from './modules/index.js';
export { type Problem, parseScript, renderProblem, type Script, type Span } from './parser/index.js';
export { type Compiled, type CompileOptions, compile } from './runtime/compile/index.js';
export { diffPrograms, type ProgramDiff } from './runtime/diff.js';
export * from './runtime/module.js';
export type { Program, Route } from './runtime/program.js';
export { VarStore } from './runtime/var-store.js';
export { type LoadOptions, type LoadResult, loadScript } from './server/load.js';
export { createLog } from './server/log.js';
export { type ReloadOptions, type ReloadReport, reloadText } from './server/reload.js';
export { Server, type ServerOptions, StartError } from './server/server.js';
