/** Kamailio's ctl: RPC commands over control sockets, for kamcmd. */
import {
  defineModule,
  type Host,
  intParam,
  LEVEL,
  listParam,
  RpcAnswers,
  type RpcCall,
  RpcFault,
  type RpcValue,
  type StateKey,
  stateKey,
  strParam,
} from '../../runtime/module.js';
import { type Access, ControlSocketError, inRuntimeDir, makeFolder } from '../control-sockets/files.js';
import { type CtlAddress, parseCtlAddress } from './address.js';
import { type CtlState, openCtl } from './serve.js';

interface Params {
  readonly binrpc: readonly string[];
  readonly mode: number;
  readonly user: string | null;
  readonly group: string | null;
}

const STATE: StateKey<CtlState> = stateKey<CtlState>('ctl');
const OWNER_ALONE = 0o600;
const DEFAULT_SOCKET = 'kamailio_ctl';

const params = {
  binrpc: listParam(
    'Control socket: unixs:PATH, unixd:PATH, tcp:HOST[:PORT] or udp:HOST[:PORT]; may be given several times. ' +
      'Default: unixs:kamailio_ctl in the runtime folder.',
    (text) => (parseCtlAddress(text) === undefined ? `bad listen socket: "${text}"` : undefined),
  ),
  mode: intParam(OWNER_ALONE, 'File mode of unix sockets.'),
  user: { ...strParam(null, 'Owner of unix sockets, name or number.'), number: true },
  group: { ...strParam(null, 'Group of unix sockets, name or number.'), number: true },
  autoconversion: intParam(0, 'Accepted; each command takes the types it knows.'),
  binrpc_max_body_size: intParam(4, 'Accepted; answers have no limit here.'),
  binrpc_struct_max_body_size: intParam(1, 'Accepted; structs have no limit here.'),
  binrpc_buffer_size: intParam(1024, 'Accepted; texts have no limit here.'),
};

async function start(host: Host, values: Readonly<Record<string, unknown>>): Promise<CtlState> {
  const { binrpc, mode, user, group } = values as unknown as Params;
  const state: CtlState = { listening: [], connections: new Set(), open: [] };
  if (host.sandbox !== undefined) return state;
  const access: Access = { mode, user, group };
  try {
    if (binrpc.length === 0) await openDefault(host, state, access);
    for (const text of binrpc) {
      const address = parseCtlAddress(text);
      if (address !== undefined) await openCtl(host, state, address, access);
    }
  } catch (e) {
    stop(state);
    throw e;
  }
  return state;
}

/** Nobody asked for this one: where it cannot be had the server runs without it, and says so. */
async function openDefault(host: Host, state: CtlState, access: Access): Promise<void> {
  const path = inRuntimeDir(host, DEFAULT_SOCKET);
  if (path === undefined) return;
  makeFolder(path);
  try {
    await openCtl(host, state, { kind: 'unix_stream', path }, access);
  } catch (e) {
    if (!(e instanceof ControlSocketError)) throw e;
    host.log.write(LEVEL.WARN, 'ctl', `${e.message}; the server runs without it\n`);
  }
}

function stop(state: CtlState): void {
  for (const socket of state.open) socket.close();
}

const PROTOCOL = 'binrpc';

function ends(address: CtlAddress): [name: string, port: string] {
  return 'path' in address ? [address.path, ''] : [address.host, String(address.port)];
}

function who(state: CtlState): RpcValue[] {
  return [...state.connections].flatMap(({ address, remote }) => {
    const from = remote === undefined ? ['<anonymous unix socket>', ''] : [remote.ip, String(remote.port)];
    return [PROTOCOL, address.kind, ...from, ...ends(address)];
  });
}

const ELSEWHERE = 606;

/** In Kamailio only the process of the control sockets knows of them. */
function requireBinrpc(call: RpcCall | undefined): void {
  if (call?.transport !== 'binrpc') throw new RpcFault(ELSEWHERE, 'rpc available only over binrpc (ctl)');
}

export const ctl = defineModule({
  name: 'ctl',
  doc: 'RPC commands over control sockets, as kamcmd speaks with them.',
  params,
  missing: ['fifo'],
  rpc: {
    'ctl.who': {
      doc: 'list open connections',
      run(host, _args, call) {
        requireBinrpc(call);
        const all = who(host.state(STATE));
        if (all.length === 0) throw new RpcFault(400, 'no open stream connection');
        return new RpcAnswers(all);
      },
    },
    'ctl.connections': {
      doc: 'returns number of open connections',
      run(host, _args, call) {
        requireBinrpc(call);
        return host.state(STATE).connections.size;
      },
    },
    'ctl.listen': {
      doc: 'list ctl listen sockets',
      run(host, _args, call) {
        if (call?.transport !== 'binrpc') return undefined;
        return new RpcAnswers(host.state(STATE).listening.flatMap((a) => [PROTOCOL, a.kind, ...ends(a)]));
      },
    },
  },
  start,
  stop: (_host, state) => stop(state as CtlState),
});
