/** Kamailio's corex: what the core has and the language lacks (variables.md, section 10). */
import type { Context } from '../../runtime/context.js';
import { forwardReply } from '../../runtime/core/forward.js';
import { addBranch, parseQ } from '../../runtime/destination-set.js';
import {
  type BindEnv,
  defineModule,
  fn,
  LEVEL,
  listParam,
  opt,
  pvWith,
  str,
  strParam,
  type Value,
} from '../../runtime/module.js';
import { branch } from '../../sip/message.js';
import { addDnsRecord, parseDnsRecord } from './dns-records.js';
import { FILE_FUNCTIONS } from './files.js';
import { FLAG_FUNCTIONS } from './flags.js';
import { type CorexState, checkNetwork, NETWORK_FUNCTIONS, NETWORK_PARAMS, startNetwork } from './network.js';
import { RPC } from './rpc.js';
import { SENDING_FUNCTIONS } from './sending.js';
import { sock } from './sock.js';
import { lsock, SOCKET_FUNCTIONS } from './sockets.js';
import { isBelow, parseDomainAlias } from './subdomains.js';

function refused(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'corex', `${text}\n`);
  return -1;
}

const LONGEST_URI = 1023;

/** Without a URI the request's own becomes the branch, and takes its next hop, path, flags and socket along. */
function append(ctx: Context, uri: string, qText: string): number {
  const { msg } = ctx;
  const q = qText === '' ? -1 : parseQ(qText);
  if (q === undefined) return refused(ctx, 'cannot parse the Q parameter');
  const target = uri === '' ? msg.uri : uri;
  if (target.length > LONGEST_URI) return refused(ctx, `too long uri: ${target}`);
  const { dstUri, path, branchFlags: flags, sendSocket: socket } = msg;
  const added = addBranch(ctx, branch(target, { dstUri, path, q, flags, socket }));
  if (uri === '') {
    msg.sendSocket = null;
    msg.branchFlags = 0;
    msg.dstUri = null;
    msg.path = null;
  }
  return added ? 1 : -1;
}

/** Values of `$cfg(x)`: the place of the call in which the variable stands. */
const PLACES: Readonly<Record<string, (env: BindEnv) => Value>> = {
  line: (env) => (env.call ?? env.span).endLine,
  name: (env) => env.span.file,
  file: (env) => env.span.file,
  route: (env) => env.routeName,
};

export const corex = defineModule({
  name: 'corex',
  doc: 'Branches, sockets, raw sending, files, more flags, and the place in the script.',
  params: {
    alias_subdomains: listParam('`[proto:]domain[:port]`: the domain and all below it are this server.', (text) => {
      const alias = parseDomainAlias(text);
      return typeof alias === 'string' ? alias : undefined;
    }),
    dns_cache: listParam(
      'A record for the DNS cache: `name=…;addr=…;type=A|AAAA|SRV;ttl=…;flags=…`, for SRV with `priority=…;weight=…;port=…`; ' +
        'flags=2 keeps it for good.',
      (text) => {
        const record = parseDnsRecord(text);
        return typeof record === 'string' ? record : undefined;
      },
    ),
    ...NETWORK_PARAMS,
    evcb_reply_out: strParam(null, 'No KEMI here: only "" is taken.', (v) =>
      v === '' ? undefined : 'KEMI functions are not built',
    ),
  },
  functions: {
    append_branch: fn({
      doc: 'Adds a branch to the destination set: the URI given, or the request URI as it stands.',
      args: [opt(str('uri')), opt(str('q'))],
      routes: ['request', 'failure'],
      run: (ctx, _params, uri = '', q = '') => append(ctx, uri, q),
    }),
    forward_reply: fn({
      doc: 'Sends the reply on to its second Via at once.',
      args: [],
      routes: ['core-reply'],
      run(ctx) {
        forwardReply(ctx);
        return 1;
      },
    }),
    is_faked_msg: fn({
      doc: 'Is the message made up, as in event routes without one?',
      args: [],
      run: (ctx) => (ctx.msg.faked ? 1 : -1),
    }),
    ...NETWORK_FUNCTIONS,
    ...SENDING_FUNCTIONS,
    ...SOCKET_FUNCTIONS,
    ...FLAG_FUNCTIONS,
    ...FILE_FUNCTIONS,
  },
  pvs: {
    cfg: pvWith({
      doc: 'Where in the script this stands: line, name or file, route.',
      bind(use, env) {
        const place = use.key?.kind === 'text' ? PLACES[use.key.text] : undefined;
        if (place === undefined) return { error: `unknown PV cfg key: ${use.key?.text ?? ''}` };
        const value = place(env);
        return { ok: { get: () => value, type: typeof value === 'number' ? 'int' : 'string' } };
      },
    }),
    lsock,
  },
  transformations: { sock },
  rpc: RPC,
  events: {
    'network:msg': 'For all that comes from the network or goes there, with nio_intercept=1; the bytes are in $mb.',
    'corex:reply-out': 'Taken, and never raised: 5.6.3 calls it without the data that it needs, and so passes over it.',
  },
  check: (params, env) => checkNetwork(params, env),
  atStart: ['alias_subdomains', 'dns_cache', 'nio_intercept'],
  reload: () => undefined,
  start(host, params) {
    const state: CorexState = { incoming: false };
    for (const text of params.alias_subdomains as readonly string[]) {
      const alias = parseDomainAlias(text);
      if (typeof alias === 'string') continue;
      host.myselfCallbacks?.push((name, port, proto) => isBelow(alias, name, port, proto));
    }
    for (const text of params.dns_cache as readonly string[]) addDnsRecord(host, text);
    startNetwork(host, params);
    return state;
  },
});
