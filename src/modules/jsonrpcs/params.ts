/** Parameters of jsonrpcs. */
import { intParam, strParam } from '../../runtime/module.js';

export interface JsonrpcsParams {
  readonly pretty_format: number;
  readonly transport: number;
  readonly fifo_name: string | null;
  readonly fifo_mode: number;
  readonly fifo_group: string | null;
  readonly fifo_user: string | null;
  readonly fifo_reply_dir: string;
  readonly dgram_socket: string | null;
  readonly dgram_mode: number;
  readonly dgram_group: string | null;
  readonly dgram_user: string | null;
}

/** Bits of `transport`; 0 is all that can be had. */
export const TRANSPORT = { HTTP: 1, FIFO: 2, DATAGRAM: 4 } as const;

const GROUP_AND_OWNER = 0o660;
const UDP = /^udp:(?:\[[0-9a-f:.]+\]|[^:]+):(\d+)$/i;

function checkSocket(text: string): string | undefined {
  if (text !== '' && text.length < 6) return 'length of socket address is too short';
  if (!/^udp:/i.test(text)) return undefined;
  const port = Number(UDP.exec(text)?.[1] ?? 0);
  return port < 1024 || port > 65535 ? 'write udp:ADDRESS:PORT with a port from 1024 to 65535' : undefined;
}

export const params = {
  pretty_format: intParam(1, 'Print answers with line ends and tabs; 0 prints them without blanks.'),
  transport: intParam(6, 'Which ways are open: 1 HTTP, 2 FIFO, 4 datagram, added; 0 all that can be had.'),
  fifo_name: strParam(
    null,
    'Path of the FIFO, in the runtime folder when not a full path; empty for none. Default: kamailio_rpc.fifo.',
  ),
  fifo_mode: intParam(GROUP_AND_OWNER, 'File mode of the FIFO.'),
  fifo_group: { ...strParam(null, 'Group of the FIFO, name or number.'), number: true },
  fifo_user: { ...strParam(null, 'Owner of the FIFO, name or number.'), number: true },
  fifo_reply_dir: strParam('/tmp', 'Folder of the FIFOs in which clients wait for answers.'),
  dgram_socket: strParam(
    null,
    'Datagram socket: udp:ADDRESS:PORT, or the path of a unix socket; empty for none. Default: kamailio_rpc.sock.',
    checkSocket,
  ),
  dgram_workers: intParam(1, 'Accepted; one server answers all datagrams here.'),
  dgram_timeout: intParam(2000, 'Accepted; sending an answer never waits here.'),
  dgram_mode: intParam(GROUP_AND_OWNER, 'File mode of the unix socket.'),
  dgram_group: { ...strParam(null, 'Group of the unix socket, name or number.'), number: true },
  dgram_user: { ...strParam(null, 'Owner of the unix socket, name or number.'), number: true },
};
