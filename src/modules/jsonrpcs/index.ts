/** Kamailio's jsonrpcs: RPC commands by JSON-RPC 2.0 over HTTP (xhttp), a FIFO and datagrams, and from the script. */
import {
  defineModule,
  fn,
  type Host,
  LEVEL,
  pvTable,
  type RouteContext,
  type StateKey,
  stateKey,
  str,
} from '../../runtime/module.js';
import { httpReply, isHttpRequest } from '../xhttp/reply.js';
import { type Answer, execute, readRequest } from './execute.js';
import { type JsonrpcsParams, params, TRANSPORT } from './params.js';
import { type Opened, startDatagram, startFifo } from './sockets.js';

interface State {
  /** What jsonrpc_exec() got last, for $jsonrpl(…). */
  reply: Answer | undefined;
  opened: Opened[];
}

const STATE: StateKey<State> = stateKey<State>('jsonrpcs');

const paramsOf = (host: Host) => host.program.params('jsonrpcs') as unknown as JsonrpcsParams;
const state = (ctx: RouteContext) => ctx.host.state(STATE);
const JSON_TYPE = 'application/json';
const DONE = 1;
const FAILED = -1;

const isOpen = (transport: number, bit: number) => transport === 0 || (transport & bit) !== 0;

function hasHttp(host: Host): boolean {
  return isOpen(paramsOf(host).transport, TRANSPORT.HTTP) && host.module('xhttp') !== undefined;
}

function dispatch(ctx: RouteContext): number | Promise<number> {
  const { host, msg } = ctx;
  if (!isHttpRequest(ctx)) return DONE;
  if (!hasHttp(host)) {
    host.log.write(LEVEL.ERR, 'jsonrpcs', 'jsonrpc over http not initialized - check transport param\n');
    return FAILED;
  }
  const request = readRequest(msg.body);
  if (request === undefined) return invalid(host, msg.body);
  const send = ({ code, reason, body }: Answer) => {
    httpReply(ctx, code, reason, JSON_TYPE, body);
    return DONE;
  };
  const answer = execute(host, request, { transport: 'http' }, paramsOf(host).pretty_format !== 0);
  return answer instanceof Promise ? answer.then(send) : send(answer);
}

function invalid(host: Host, text: string): number {
  host.log.write(LEVEL.ERR, 'jsonrpcs', `invalid json doc [[${text}]]\n`);
  return FAILED;
}

function executeText(ctx: RouteContext, text: string): number | Promise<number> {
  const { host } = ctx;
  const request = readRequest(text);
  if (request === undefined) return invalid(host, text);
  const keep = (answer: Answer) => {
    state(ctx).reply = answer;
    return DONE;
  };
  const answer = execute(host, request, { transport: 'script' }, paramsOf(host).pretty_format !== 0);
  return answer instanceof Promise ? answer.then(keep) : keep(answer);
}

async function open(host: Host): Promise<Opened[]> {
  const own = paramsOf(host);
  if ((own.transport & TRANSPORT.HTTP) !== 0 && host.module('xhttp') === undefined) {
    throw new Error('jsonrpcs: parameter transport asks for HTTP, which needs loadmodule "xhttp.so"');
  }
  const opened: Opened[] = [];
  if (host.sandbox !== undefined) return opened;
  const begin = async (bit: number, how: (host: Host, p: JsonrpcsParams) => Promise<Opened | undefined>) => {
    if (!isOpen(own.transport, bit)) return;
    const socket = await how(host, own);
    if (socket !== undefined) opened.push(socket);
  };
  try {
    await begin(TRANSPORT.FIFO, startFifo);
    await begin(TRANSPORT.DATAGRAM, startDatagram);
  } catch (e) {
    close(opened);
    throw e;
  }
  return opened;
}

function close(opened: readonly Opened[]): void {
  for (const socket of opened) socket.close();
}

export const jsonrpcs = defineModule({
  name: 'jsonrpcs',
  doc: 'RPC commands by JSON-RPC 2.0: over HTTP (with xhttp), a FIFO, datagrams, and from the script itself.',
  params,
  functions: {
    jsonrpc_dispatch: fn({
      doc: 'Runs the JSON-RPC request in the body of the HTTP request and answers it.',
      args: [],
      routes: ['request', 'event'],
      waits: true,
      example: 'event_route[xhttp:request] { if ($hu =~ "^/RPC") { jsonrpc_dispatch(); exit; } }',
      run: (ctx: RouteContext) => dispatch(ctx),
    }),
    jsonrpc_exec: fn({
      doc: 'Runs a JSON-RPC request; the answer is in $jsonrpl(code), $jsonrpl(text) and $jsonrpl(body).',
      args: [str('request')],
      waits: true,
      example: `jsonrpc_exec('{"jsonrpc": "2.0", "method": "core.uptime", "id": 1}');`,
      run: (ctx: RouteContext, _params: unknown, text) => (text === '' ? FAILED : executeText(ctx, text)),
    }),
  },
  pvs: {
    jsonrpl: pvTable('The answer that jsonrpc_exec() got last.', {
      code: (ctx) => state(ctx).reply?.code ?? 0,
      text: (ctx) => state(ctx).reply?.reason ?? null,
      body: (ctx) => state(ctx).reply?.body ?? null,
    }),
  },
  rpc: {
    'jsonrpc.echo': {
      doc: 'Sample echo command',
      returnsArray: true,
      run(_host, [text, number]) {
        if (text === undefined) return [];
        return number === undefined ? [String(text)] : [String(text), Math.trunc(Number(number)) || 0];
      },
    },
  },
  start: async (host): Promise<State> => ({ reply: undefined, opened: await open(host) }),
  async reload(host, state) {
    const own = state as State;
    close(own.opened);
    own.opened = [];
    own.opened = await open(host);
  },
  stop: (_host, state) => close((state as State).opened),
});
