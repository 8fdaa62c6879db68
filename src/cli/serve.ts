/** Runs a Program until a signal ends it. */
import { resolve } from 'node:path';
import { chdir } from 'node:process';
import { LEVEL } from '../runtime/host.js';
import type { Program } from '../runtime/program.js';
import type { VarStore } from '../runtime/var-store.js';
import { type Admin, type AdminAddress, startAdmin } from '../server/admin.js';
import { createLog } from '../server/log.js';
import { Recording, recordingRpc } from '../server/recording.js';
import { Server, StartError } from '../server/server.js';
import { deferred } from './deferred.js';
import type { KamailioFlags } from './flags.js';
import type { LineWriter } from './output.js';
import { writePid } from './pid-file.js';
import { runAs } from './privileges.js';
import { reloader } from './reloading.js';

const FAILURE = 255;
/** Where kamcmd and kamctl look when they are told nothing else. */
const RUNTIME_DIR = '/run/kamailio';
/** What is kept when nobody says how much. */
const DEFAULT_RECORD = 512;
/** A second signal does not wait any longer. */
const STOP_LIMIT_MS = 10_000;

export interface ServeOptions {
  /** Reload when a file of the script changes. */
  readonly watch?: boolean;
  /** Messages and events that are kept for `record` and `reload --shadow`; 0: none. */
  readonly record?: number;
  /** Called once the sockets are bound. */
  readonly onReady?: (server: Server) => void;
}

/** Gives the exit status when the server has ended. */
export async function serve(
  program: Program,
  vars: VarStore,
  flags: KamailioFlags,
  err: LineWriter,
  options: ServeOptions = {},
): Promise<number> {
  const debug = flags.debug ?? program.core.debug + flags.debugLevels;
  const log = createLog({
    pid: process.pid,
    write: err.write,
    level: debug,
    color: program.core.values.get('log_color') === 1,
  });
  const file = flags.file === '-' ? flags.file : resolve(flags.file);
  const { values } = program.core;
  const given = (flag: string | undefined, param: string) => flag ?? String(values.get(param) ?? '');
  const workDir = given(flags.workDir, 'workdir');
  if (workDir !== '') chdir(workDir);
  const kept = options.record ?? DEFAULT_RECORD;
  const ended = deferred<number>();
  let server: Server;
  let admin: Admin | undefined;
  try {
    server = await Server.start({
      program,
      vars,
      log,
      pid: process.pid,
      environment: process.env,
      runtimeDir: given(flags.runtimeDir, 'rundir') || RUNTIME_DIR,
      commandLine: process.argv.slice(1),
      onShutdown: (reason) => {
        log.write(LEVEL.ERR, '<core>', reason);
        ended.resolve(FAILURE);
      },
    });
    admin = flags.admin === undefined ? undefined : await adminOf(server, flags.admin);
  } catch (e) {
    log.write(
      LEVEL.CRIT,
      '<core>',
      e instanceof StartError ? e.message : `start failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`,
    );
    err.flush();
    return FAILURE;
  }
  const removePid = writePid(flags.pidFile);
  const removeGroupPid = writePid(flags.groupPidFile);
  const wrong = runAs({ user: given(flags.user, 'user'), group: given(flags.group, 'group') });
  if (wrong !== undefined) ended.resolve(FAILURE);
  if (wrong !== undefined) log.write(LEVEL.CRIT, '<core>', wrong);
  let signals = 0;
  const onSignal = () => {
    if (++signals > 1) ended.resolve(FAILURE);
    else ended.resolve(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const recording = kept > 0 ? new Recording(kept, () => server.host.clock.now()) : undefined;
  if (recording !== undefined) {
    server.host.recorder = recording;
    server.host.rpc = { ...server.host.rpc, ...recordingRpc(recording) };
  }
  const reloads = reloader(server, { ...flags, file }, vars, { recording });
  process.on('SIGHUP', () => server.host.detach(reloads.reload(), 'reload'));
  const unwatch = options.watch ? await reloads.watch() : undefined;
  options.onReady?.(server);
  const status = await ended.promise;
  await Promise.race([server.stop(), new Promise((resolve) => setTimeout(resolve, STOP_LIMIT_MS).unref())]);
  await unwatch?.();
  await admin?.stop();
  removePid();
  removeGroupPid();
  err.flush();
  return status;
}

/** Stops the server when the page's address cannot be had, as where a socket cannot. */
async function adminOf(server: Server, address: AdminAddress): Promise<Admin> {
  try {
    const admin = await startAdmin(server.host, address);
    server.host.log.write(LEVEL.NOTICE, '<core>', `health and metrics at ${admin.url}/readyz and ${admin.url}/metrics`);
    return admin;
  } catch (e) {
    await server.stop();
    const why = (e as NodeJS.ErrnoException).code ?? String(e);
    throw new StartError('EADMIN', `cannot listen on ${address.ip}:${address.port} for --admin: ${why}`);
  }
}
