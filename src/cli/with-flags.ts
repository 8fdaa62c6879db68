/** Loads a script as the flags of the command line change it. */

import { readFileSync } from 'node:fs';
import type { Program } from '../runtime/program.js';
import { VarStore } from '../runtime/var-store.js';
import { type LoadOptions, type LoadResult, loadScript, loadSliced, type SlicedLoad } from '../server/load.js';
import type { ParseThread } from '../server/parse-thread.js';
import type { KamailioFlags } from './flags.js';

export interface LoadedWithFlags extends LoadResult {
  readonly vars: VarStore;
  readonly program?: Program;
}

/** Throws the system's error when the file cannot be read. */
export function loadWithFlags(
  flags: KamailioFlags,
  vars = new VarStore(),
  trace?: LoadOptions['trace'],
): LoadedWithFlags {
  return { ...loadScript(flags.file, loadOptions(flags, vars, trace)), vars };
}

/** As `loadWithFlags`, while a server goes on. */
export function loadBeside(
  flags: KamailioFlags,
  vars: VarStore,
  thread: ParseThread,
  trace?: LoadOptions['trace'],
): Promise<SlicedLoad> {
  return loadSliced(flags.file, loadOptions(flags, vars, trace), (file, options) => thread.parse({ file, options }));
}

function loadOptions(flags: KamailioFlags, vars: VarStore, trace?: LoadOptions['trace']): LoadOptions {
  const text = flags.file === '-' ? readFileSync(0, 'latin1') : undefined;
  return {
    env: process.env,
    defines: flags.defines,
    substs: flags.substs,
    vars,
    preload: preloadOf(flags),
    ...(trace === undefined ? {} : { trace }),
    ...(text === undefined ? {} : { text }),
  };
}

/** --loadmodule, --modparam, --alias and -l as lines of script. */
export function preloadOf(flags: KamailioFlags): string[] {
  const quote = (s: string) => `"${s.replace(/[\\"]/g, '\\$&')}"`;
  const modules = flags.loadModules.map((m) => `loadmodule ${quote(m)}`);
  const params = flags.modParams.flatMap((p) => {
    const [, module, name, type, value] = /^([^:]*):([^:]*):([is]):(.*)$/s.exec(p) ?? [];
    if (module === undefined || name === undefined || value === undefined) return [];
    return [
      `modparam(${quote(module)}, ${quote(name)}, ${type === 'i' ? Number.parseInt(value, 10) || 0 : quote(value)})`,
    ];
  });
  const aliases = flags.aliases.map((a) => `alias=${a};`);
  const listen = flags.listen.map((l) => `listen=${l.replace(/\/(.*)$/, ' advertise $1')};`);
  return [...modules, ...params, ...aliases, ...listen];
}
