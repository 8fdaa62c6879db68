/** A FIFO that clients write to, and the FIFOs of clients that wait for an answer. Nothing here holds the event loop. */
import { execFile } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Access, cannotOpen, clearPath, codeOf, grant, removeFile } from './files.js';

/** A FIFO that can be closed; the file goes with it. */
export interface Fifo {
  readonly path: string;
  close(): void;
}

/** Makes the FIFO and hands on what is written to it. Throws a ControlSocketError. */
export async function openFifo(file: string, access: Access, onData: (data: Buffer) => void): Promise<Fifo> {
  clearPath(file, 'fifo');
  try {
    // Node has no mkfifo(3); the command is part of every POSIX system.
    await promisify(execFile)('mkfifo', ['-m', '600', file]);
    grant(file, access);
    // Opened for writing too, it never ends when a client closes its side.
    const fd = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
    const stream = new Socket({ fd, readable: true, writable: false });
    stream.on('data', onData);
    stream.on('error', () => undefined);
    return { path: file, close: () => closeFifo(stream, file) };
  } catch (e) {
    throw cannotOpen(file, e);
  }
}

function closeFifo(stream: Socket, file: string): void {
  stream.destroy();
  removeFile(file);
}

const RETRIES = 5;
const RETRY_MS = 80;
const NO_READER = 'ENXIO';

/** Writes an answer to the FIFO of a client; gives why it could not, or undefined. */
export async function writeReply(
  folder: string,
  name: string,
  body: string,
  wait: (ms: number) => Promise<void>,
): Promise<string | undefined> {
  // a plain name, so that a client cannot make the server write elsewhere
  if (name === '' || /[./\\\0]/.test(name)) return `Forbidden reply fifo filename: ${name}`;
  const file = path.join(folder, name);
  for (let tries = 0; tries < RETRIES; tries++) {
    if (tries > 0) await wait(RETRY_MS);
    const opened = openForWriting(file);
    if (typeof opened === 'number') {
      return isOwnFifo(opened, file) ? write(opened, body) : refuse(opened, file);
    }
    if (opened !== NO_READER) return `open error (${file}): ${opened}`;
  }
  return `no client at ${file}`;
}

function openForWriting(file: string): number | string {
  try {
    return openSync(file, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (e) {
    return codeOf(e) || String(e);
  }
}

/** Neither a link nor another kind of file, and still the one that was opened. */
function isOwnFifo(fd: number, file: string): boolean {
  const opened = fstatSync(fd);
  const named = lstatSync(file, { throwIfNoEntry: false });
  return (
    opened.isFIFO() &&
    opened.nlink <= 1 &&
    named?.isFIFO() === true &&
    named.ino === opened.ino &&
    named.dev === opened.dev
  );
}

function refuse(fd: number, file: string): string {
  closeSync(fd);
  return `security: ${file} is not a fifo of its own`;
}

function write(fd: number, body: string): Promise<string | undefined> {
  const stream = new Socket({ fd, readable: false, writable: true });
  return new Promise((resolve) => {
    stream.once('error', (e) => resolve(`failed to write the reply to fifo: ${e.message}`));
    stream.end(body, 'latin1', () => resolve(undefined));
  });
}
