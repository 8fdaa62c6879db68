/** Reload by signal, by RPC and by a change of a file. */
import path from 'node:path';
import { renderProblem } from '../parser/index.js';
import { LEVEL } from '../runtime/host.js';
import type { RpcValue } from '../runtime/module.js';
import type { VarStore } from '../runtime/var-store.js';
import { type ReloadReport, reloadText } from '../server/reload.js';
import type { Server } from '../server/server.js';
import type { KamailioFlags } from './flags.js';
import { loadWithFlags } from './with-flags.js';

export interface Reloader {
  /** Reloads and logs what came of it. */
  reload(dryRun?: boolean): Promise<ReloadReport>;
  /** Reloads when a file of the script changes; gives what ends the watch. */
  watch(): Promise<() => Promise<void>>;
}

/** Editors write in several steps: a change counts when the files have been still for so long. */
const STILL_MS = 80;

export function reloader(server: Server, flags: KamailioFlags, vars: VarStore): Reloader {
  const file = path.resolve(flags.file);
  const load = () => loadWithFlags({ ...flags, file }, vars);
  const { host } = server;

  async function run(dryRun = false): Promise<ReloadReport> {
    const report = await server.reload(load, { dryRun });
    host.log.write(report.ok ? LEVEL.NOTICE : LEVEL.ERR, '<core>', reloadText(report));
    const sources = sourcesOf(report, host.program.script.sources);
    for (const p of report.problems)
      if (p.severity === 'error') host.log.write(LEVEL.ERR, '<core>', renderProblem(p, sources));
    return report;
  }

  host.reload = async ({ dryRun }) => answer(await run(dryRun));
  return {
    reload: run,
    async watch() {
      const { watch } = await import('chokidar');
      const watcher = watch(filesOf(server, file), {
        ignoreInitial: true,
        awaitWriteFinish: { stabilityThreshold: STILL_MS, pollInterval: 20 },
      });
      watcher.on('all', () => {
        host.detach(
          run().then(() => void watcher.add(filesOf(server, file))),
          'reload',
        );
      });
      await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
      return () => watcher.close();
    },
  };
}

/** The script and all that it includes. */
function filesOf(server: Server, file: string): string[] {
  const names = [...server.host.program.script.sources.keys()].filter((name) => !name.startsWith('<'));
  return [...new Set([file, ...names.map((name) => path.resolve(path.dirname(file), name))])];
}

function sourcesOf(report: ReloadReport, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return report.sources ?? known;
}

/** The report as RPC clients get it. */
function answer(r: ReloadReport): RpcValue {
  return {
    ok: r.ok ? 1 : 0,
    version: r.version,
    summary: reloadText(r),
    problems: r.problems.map((p) => ({
      severity: p.severity,
      code: p.code,
      file: p.span.file,
      line: p.span.line,
      column: p.span.column,
      message: p.message,
      hint: p.hint ?? '',
    })),
    routes_added: r.diff?.routes.added ?? [],
    routes_changed: r.diff?.routes.changed ?? [],
    routes_removed: r.diff?.routes.removed ?? [],
    sockets_opened: r.socketsOpened,
    sockets_closed: r.socketsClosed,
    ms: `${r.ms}`,
    pause_ms: `${r.pauseMs}`,
  };
}
