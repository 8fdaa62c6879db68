/** Reload by signal, by RPC and by a change of a file. */
import path from 'node:path';
import { renderProblem } from '../parser/index.js';
import { LEVEL } from '../runtime/host.js';
import type { RpcDefinition, RpcValue } from '../runtime/module.js';
import type { VarStore } from '../runtime/var-store.js';
import { ParseThread } from '../server/parse-thread.js';
import { asciiJson, type Recording } from '../server/recording.js';
import { type ReloadReport, reloadText } from '../server/reload.js';
import type { Server } from '../server/server.js';
import { environment } from './environment.js';
import type { KamailioFlags } from './flags.js';
import { LiveTrace } from './live-trace.js';
import { runShadow } from './shadow/run.js';
import { loadBeside, preloadOf } from './with-flags.js';

export interface ReloaderOptions {
  /** Where the messages are that `kamscript.shadow` plays. */
  readonly recording?: Recording | undefined;
}

export interface Reloader {
  /** Reloads and logs what came of it. */
  reload(dryRun?: boolean): Promise<ReloadReport>;
  /** Reloads when a file of the script changes; gives what ends the watch. */
  watch(): Promise<() => Promise<void>>;
}

/** Messages and events of a shadow run when nobody says how many. */
const DEFAULT_SHADOW = 100;
/** Milliseconds after the start, and the share of the time that the thread may be at work, for loading the script once more. */
const WARM_AFTER_MS = 2500;
const BUSY = 0.3;
/** Editors write in several steps: a change counts when the files have been still for so long. */
const STILL_MS = 80;

export function reloader(
  server: Server,
  flags: KamailioFlags,
  vars: VarStore,
  { recording }: ReloaderOptions = {},
): Reloader {
  const file = path.resolve(flags.file);
  const thread = new ParseThread();
  const trace = new LiveTrace(server, vars, () => run());
  const warming = warmUp(() => loadBeside({ ...flags, file }, vars, thread));
  const load = async () => {
    await warming.ended();
    const tracer = trace.hook;
    return loadBeside({ ...flags, file }, vars, thread, tracer && ((ctx, at) => tracer.at(ctx, at)));
  };
  const { host } = server;

  async function run(dryRun = false): Promise<ReloadReport> {
    const report = await server.reload(load, { dryRun });
    if (!dryRun) noteReload(server, report);
    host.log.write(report.ok ? LEVEL.NOTICE : LEVEL.ERR, '<core>', reloadText(report));
    const sources = sourcesOf(report, host.program.script.sources);
    for (const p of report.problems)
      if (p.severity === 'error') host.log.write(LEVEL.ERR, '<core>', renderProblem(p, sources));
    return report;
  }

  host.rpc = {
    ...host.rpc,
    ...trace.rpc,
    ...(recording === undefined ? {} : shadowRpc(server, { ...flags, file }, recording)),
  };
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

/**
 * Loads the script once for nothing, some time after the start and when the server has little to do: the first reload would
 * find the compiler's own code cold, and hold up messages for as long as that takes.
 */
function warmUp(load: () => Promise<unknown>): { ended(): Promise<void> } {
  let running: Promise<void> | undefined;
  let since = performance.eventLoopUtilization();
  const look = () => {
    const busy = performance.eventLoopUtilization(since).utilization > BUSY;
    since = performance.eventLoopUtilization();
    if (busy) timer = setTimeout(look, WARM_AFTER_MS).unref();
    // What is wrong with the script by now, a reload will tell.
    else running = load().then(noop, noop);
  };
  let timer = setTimeout(look, WARM_AFTER_MS).unref();
  return {
    ended: async () => {
      clearTimeout(timer);
      await running;
    },
  };
}

const noop = (): void => undefined;

/** The script and all that it includes. */
function filesOf(server: Server, file: string): string[] {
  const names = [...server.host.program.script.sources.keys()].filter((name) => !name.startsWith('<'));
  return [...new Set([file, ...names.map((name) => path.resolve(path.dirname(file), name))])];
}

function sourcesOf(report: ReloadReport, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return report.sources ?? known;
}

/** Statistics of the last reload: seconds since the epoch, whether it was taken, its pause in microseconds. */
function noteReload({ host }: Server, report: ReloadReport): void {
  host.count(report.ok ? 'kamscript.reloads' : 'kamscript.failed_reloads');
  host.statistics.set('kamscript.last_reload_time', Math.floor(host.clock.now() / 1000));
  host.statistics.set('kamscript.last_reload_ok', report.ok ? 1 : 0);
  host.statistics.set('kamscript.last_reload_pause_us', Math.round(report.pauseMs * 1000));
}

function shadowRpc(
  server: Server,
  flags: KamailioFlags,
  recording: Recording,
): Readonly<Record<string, RpcDefinition>> {
  return {
    'kamscript.shadow': {
      doc: 'Plays the last messages and events that came in, as many as it says, through the script that runs and the one on disk: JSON with each difference.',
      run: async (_host, [count]) => {
        const { script } = server.host.program;
        const common = {
          defines: Object.fromEntries([...flags.defines].map(([name, value]) => [name, value ?? (true as const)])),
          preload: preloadOf(flags),
          substs: flags.substs,
        };
        return asciiJson(
          await runShadow({
            before: { ...common, file: script.file, sources: script.sources },
            after: { ...common, file: flags.file },
            entries: recording.sinceInput(Number(count) || DEFAULT_SHADOW),
            env: environment(),
          }),
        );
      },
    },
  };
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
