/** Kamailio's pike: blocks addresses from which too many requests come. */
import type { TimerHandle } from '../../runtime/host.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  type RouteContext,
  RpcFault,
  type RpcValue,
  type StateKey,
  stateKey,
  str,
} from '../../runtime/module.js';
import { ipBytes } from '../../sip/ip.js';
import { type IpNode, IpTree, NEWLY_BLOCKED } from './ip-tree.js';

interface Params {
  readonly sampling_time_unit: number;
  readonly reqs_density_per_unit: number;
  readonly remove_latency: number;
  readonly pike_log_level: number;
}

interface Pike {
  readonly tree: IpTree;
  timers: TimerHandle[];
}

const PIKE: StateKey<Pike> = stateKey<Pike>('pike');
const SECOND = 1000;

const paramsOf = (host: Host) => host.program.params('pike') as unknown as Params;
const seconds = (host: Host) => Math.floor(host.clock.now() / SECOND);

const addressText = (path: readonly number[]): string =>
  path.length <= 4
    ? path.join('.')
    : path
        .map((b) => b.toString(16).padStart(2, '0'))
        .join('')
        .replace(/(.{4})(?=.)/g, '$1:');

function check({ host }: RouteContext, params: Params, address: string): number {
  const ip = ipBytes(address);
  if (ip === undefined) {
    host.log.write(LEVEL.ERR, 'pike', `failed to parse ip address: ${address}\n`);
    return -1;
  }
  const result = host.state(PIKE).tree.mark(ip, seconds(host) + params.remove_latency);
  if (result === NEWLY_BLOCKED) {
    host.log.write(params.pike_log_level, 'pike', `PIKE - BLOCKing ip ${address}\n`);
    host.count('pike.blocked_ips');
  }
  return result;
}

function startTimers(host: Host, state: Pike): void {
  for (const t of state.timers) t.cancel();
  const params = paramsOf(host);
  state.tree.maxHits = params.reqs_density_per_unit;
  const unblocked = (node: IpNode) =>
    host.log.write(params.pike_log_level, 'pike', `PIKE - UNBLOCKing ip ${addressText(node.path)}\n`);
  state.timers = [
    host.clock.every(Math.max(params.sampling_time_unit, 1) * SECOND, () => state.tree.swap(unblocked)),
    host.clock.every(SECOND, () => state.tree.clean(seconds(host), seconds(host) + params.remove_latency)),
  ];
}

const STATUSES = ['ALL', 'HOT', 'WARM'] as const;

/** By the first byte, then the newest first. */
function* inKamailiosOrder(roots: Iterable<IpNode>): IterableIterator<IpNode> {
  for (const root of [...roots].sort((a, b) => a.byte - b.byte)) yield* newestFirst(root);
}

function* newestFirst(node: IpNode): IterableIterator<IpNode> {
  yield node;
  for (const kid of [...node.kids.values()].reverse()) yield* newestFirst(kid);
}

/** pike.top: addresses that send much, the last one found first. WARM is a status of no whole address. */
function top(host: Host, which: string): RpcValue {
  const { tree } = host.state(PIKE);
  const wanted = STATUSES.find((s) => which.toUpperCase().includes(s));
  if (wanted === undefined) throw new RpcFault(500, 'Bad argument. Select: ALL, HOT or WARM');
  const list: RpcValue[] = [];
  for (const node of inKamailiosOrder(tree.roots.values())) {
    const hot = tree.isHot(node);
    if (!node.isLeaf || wanted === 'WARM' || (wanted === 'HOT' && !hot)) continue;
    list.unshift({
      ip_addr: addressText(node.path),
      leaf_hits_prev: node.leafHits[1],
      leaf_hits_curr: node.leafHits[0],
      expires: node.expires - seconds(host),
      status: hot ? 'HOT' : tree.isWarm(node) ? 'WARM' : '',
    });
  }
  return { max_hits: tree.maxHits, list, number_of_rows: list.length };
}

const status = (args: readonly RpcValue[]): string => (typeof args[0] === 'string' ? args[0] : 'HOT');

export const pike = defineModule({
  name: 'pike',
  doc: 'Blocks addresses from which too many requests come.',
  params: {
    sampling_time_unit: intParam(2, 'Seconds of a period in which requests are counted.'),
    reqs_density_per_unit: intParam(30, 'Requests in a period from which on an address is blocked.'),
    remove_latency: intParam(120, 'Seconds until an address from which nothing comes is forgotten.'),
    pike_log_level: intParam(LEVEL.WARN, 'Level of the lines about blocking.'),
  },
  functions: {
    pike_check_req: fn({
      doc: 'Counts the request for its source address: 1 within the limit, -2 when it is blocked by this request, -1 after.',
      args: [],
      routes: ['request', 'reply'],
      example: 'if (!pike_check_req()) exit;',
      run: (ctx, p: Params) => check(ctx, p, ctx.msg.received.srcIp),
    }),
    pike_check_ip: fn({
      doc: 'As pike_check_req(), for the address given.',
      args: [str('address')],
      routes: ['request', 'reply'],
      run: (ctx, p: Params, address) => check(ctx, p, address),
    }),
  },
  rpc: {
    'pike.top': {
      doc: 'Addresses that send much: HOT (default), or ALL.',
      run: (host, args) => top(host, status(args)),
    },
    'pike.list': { doc: 'As pike.top.', run: (host, args) => top(host, status(args)) },
  },
  start(host): Pike {
    return { tree: new IpTree(paramsOf(host).reqs_density_per_unit), timers: [] };
  },
  ready: (host) => startTimers(host, host.state(PIKE)),
  reload: (host, state) => startTimers(host, state as Pike),
  stop(_host, state) {
    for (const t of (state as Pike).timers) t.cancel();
  },
});
