/**
 * recvmmsg and sendmmsg by FFI (koffi, optional): many datagrams a call, buffers allocated once. Linux on 64-bit
 * little-endian machines; elsewhere, or without koffi, `loadKernel` gives undefined and plain dgram serves.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

export interface Kernel {
  /** Messages received into the message vector at `vector`, or -1. */
  recvmmsg(fd: number, vector: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, vector: number, count: number, flags: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, length: number): number;
  close(fd: number): number;
  errno(): number;
  /** Memory that the kernel and the script share: its address and a view of it. Never freed: reuse it. */
  allocate(bytes: number): { readonly address: number; readonly view: Buffer };
}

interface Koffi {
  load(name: string): { func(signature: string): (...args: readonly unknown[]) => number };
  view(address: number, bytes: number): ArrayBuffer;
  errno(): number;
}

let loaded: Kernel | null | undefined;

export function loadKernel(): Kernel | undefined {
  if (loaded === undefined) loaded = tryLoad() ?? null;
  return loaded ?? undefined;
}

function tryLoad(): Kernel | undefined {
  if (endianness() !== 'LE') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const libc = koffi.load('libc.so.6');
    const bind = <T>(signature: string) => libc.func(signature) as unknown as T;
    const malloc = bind<(bytes: number) => number>('uintptr_t malloc(size_t)');
    return {
      recvmmsg: bind<Kernel['recvmmsg']>('int recvmmsg(int, uintptr_t, unsigned int, int, uintptr_t)'),
      sendmmsg: bind<Kernel['sendmmsg']>('int sendmmsg(int, uintptr_t, unsigned int, int)'),
      socket: bind<Kernel['socket']>('int socket(int, int, int)'),
      bind: bind<Kernel['bind']>('int bind(int, const uint8_t *, unsigned int)'),
      setsockopt: bind<Kernel['setsockopt']>('int setsockopt(int, int, int, const uint8_t *, unsigned int)'),
      close: bind<Kernel['close']>('int close(int)'),
      errno: () => koffi.errno(),
      allocate(bytes) {
        const address = malloc(bytes);
        return { address, view: Buffer.from(koffi.view(address, bytes)) };
      },
    };
  } catch {
    // No koffi, no prebuilt binary for this machine, or no glibc: plain dgram does the work.
    return undefined;
  }
}
