/** Where FIFOs and control sockets lie, and who may use them. */
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../../runtime/module.js';

/** The system or the script does not let a control socket be opened. */
export class ControlSocketError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** A full path stays, another lies in the runtime folder (-Y); undefined: there is none. */
export function inRuntimeDir(host: Host, name: string): string | undefined {
  if (path.isAbsolute(name)) return name;
  return host.runtimeDir === undefined ? undefined : path.join(host.runtimeDir, name);
}

export function codeOf(e: unknown): string {
  return (e as NodeJS.ErrnoException).code ?? '';
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'not allowed there; run as a user who may write to the folder, or choose another with -Y DIR',
  ENOENT: 'its folder does not exist; make it, or choose another with -Y DIR',
  EADDRINUSE: 'another program has it',
};

export function cannotOpen(what: string, e: unknown): ControlSocketError {
  const code = codeOf(e);
  return new ControlSocketError(`cannot open ${what}: ${WHY[code] ?? (e instanceof Error ? e.message : String(e))}`, e);
}

/** Makes way for a FIFO or socket: takes away one that an earlier run left; another kind of file is not touched. */
export function clearPath(file: string, kind: 'fifo' | 'socket'): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!(kind === 'fifo' ? found.isFIFO() : found.isSocket())) {
    throw new ControlSocketError(`cannot open ${file}: a file of that name is there and is no ${kind}`);
  }
  unlinkSync(file);
}

/** Takes away a FIFO or socket of the server's own; one that is gone already is no matter. */
export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (e) {
    if (codeOf(e) === '') throw e;
  }
}

/** The folder of a socket whose place is the server's default is made when it is not there. */
export function makeFolder(file: string): void {
  try {
    mkdirSync(path.dirname(file), { mode: 0o755 });
  } catch {
    // It is there already, or what opens the socket will say why not.
  }
}

export interface Access {
  /** File mode; 0 leaves it. */
  readonly mode: number;
  /** Name or number; empty or null leaves it. */
  readonly user: string | null;
  readonly group: string | null;
}

export function grant(file: string, { mode, user, group }: Access): void {
  if (mode !== 0) chmodSync(file, mode);
  const uid = user ? idOf(user, '/etc/passwd', 'user') : -1;
  const gid = group ? idOf(group, '/etc/group', 'group') : -1;
  if (uid !== -1 || gid !== -1) {
    const { uid: ownUid, gid: ownGid } = lstatSync(file);
    chownSync(file, uid === -1 ? ownUid : uid, gid === -1 ? ownGid : gid);
  }
}

/** Third field of the line of that name; a number stands for itself. */
function idOf(name: string, table: string, kind: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync(table, 'utf8')
    .split('\n')
    .find((l) => l.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  if (line === undefined || Number.isNaN(id)) throw new ControlSocketError(`bad ${kind} name ${name}`);
  return id;
}
