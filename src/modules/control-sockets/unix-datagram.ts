/**
 * A unix datagram socket. Node has none, and the add-ons that bring one need a compiler; so a helper in Perl (part of the
 * base system of Debian and its kin) holds the socket and passes datagrams on by its standard input and output, each as
 * two counted texts: the address of the client and the data.
 */
import { spawn } from 'node:child_process';
import { type Access, ControlSocketError, cannotOpen, clearPath, codeOf, grant, removeFile } from './files.js';

export interface UnixDatagram {
  readonly path: string;
  send(data: string, to: string): void;
  close(): void;
}

const HELPER = String.raw`
use strict; use Socket; use IO::Select;
my $path = $ARGV[0];
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($s, pack_sockaddr_un($path)) or die "bind: $!\n";
binmode STDIN; binmode STDOUT;
syswrite(STDOUT, pack("NN", 0, 0));
my $select = IO::Select->new($s, \*STDIN);
my $in = "";
while (1) {
  for my $ready ($select->can_read) {
    if ($ready == $s) {
      my $from = recv($s, my $data, 65536, 0);
      next unless defined $from;
      my $address = eval { unpack_sockaddr_un($from) } // "";
      my $out = pack("NN", length $address, length $data) . $address . $data;
      while (length $out) { my $n = syswrite(STDOUT, $out); exit unless defined $n; substr($out, 0, $n, ""); }
    } else {
      my $n = sysread(STDIN, $in, 65536, length $in);
      exit unless $n;
      while (length $in >= 8) {
        my ($names, $bytes) = unpack("NN", $in);
        last if length $in < 8 + $names + $bytes;
        my ($to, $data) = (substr($in, 8, $names), substr($in, 8 + $names, $bytes));
        send($s, $data, MSG_DONTWAIT, pack_sockaddr_un($to)) if length $to;
        substr($in, 0, 8 + $names + $bytes, "");
      }
    }
  }
}
`;

const HEAD = 8;
const LENGTH_BYTES = 4;

/** `onData` gets the data and the address that an answer goes to; '' when the client has none. */
export async function openUnixDatagram(
  file: string,
  access: Access,
  onData: (data: Buffer, from: string) => void,
): Promise<UnixDatagram> {
  clearPath(file, 'socket');
  const child = spawn('perl', ['-e', HELPER, file], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said = (said + d.toString()).slice(0, 1024);
  });
  child.stdin.on('error', () => undefined);
  let open = false;
  await new Promise<void>((resolve, reject) => {
    child.once('error', (e) => reject(unavailable(file, e)));
    child.once('exit', () => reject(cannotOpen(file, new Error(said.trim() || 'its helper ended'))));
    const take = frames((from, data) => {
      if (open) onData(data, from);
      else resolve();
      open = true;
    });
    child.stdout.on('data', take);
  });
  child.removeAllListeners('exit');
  child.on('error', () => undefined);
  grant(file, access);
  return {
    path: file,
    send(data, to) {
      if (to !== '' && child.stdin.writable) child.stdin.write(frame(to, data));
    },
    close() {
      // here and now, so that the next socket of that name is not taken for this one
      removeFile(file);
      child.stdin.end();
    },
  };
}

function unavailable(file: string, e: Error): ControlSocketError {
  if (codeOf(e) !== 'ENOENT') return cannotOpen(file, e);
  return new ControlSocketError(`cannot open ${file}: unix datagram sockets need perl, which is not installed here`, e);
}

function frame(address: string, data: string): Buffer {
  const body = Buffer.from(address + data, 'latin1');
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(address.length, 0);
  head.writeUInt32BE(data.length, LENGTH_BYTES);
  return Buffer.concat([head, body]);
}

/** Cuts the helper's output into address and data. */
function frames(onFrame: (address: string, data: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= HEAD) {
      const address = pending.readUInt32BE(0);
      const end = HEAD + address + pending.readUInt32BE(LENGTH_BYTES);
      if (pending.length < end) return;
      const taken = pending;
      pending = pending.subarray(end);
      onFrame(taken.toString('latin1', HEAD, HEAD + address), taken.subarray(HEAD + address, end));
    }
  };
}
