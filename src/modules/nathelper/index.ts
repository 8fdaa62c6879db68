/** Module nathelper: clients behind NAT (sip.md, section 8). */
import type { Context } from '../../runtime/context.js';
import { defineModule, fn, forms, int, opt, pv, RpcFault, str, variable } from '../../runtime/module.js';
import { intArg } from '../../runtime/rpc.js';
import { routesOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseUri, uriParam } from '../../sip/uri.js';
import {
  addAlias,
  addReceived,
  aliasUri,
  fixContact,
  givenAlias,
  rememberSource,
  setAlias,
  takeAlias,
} from './contact.js';
import { nathelperParams, params } from './params.js';
import { newPinger, PINGER, type Pinger, startPings, takeAnswer } from './ping.js';
import { isPrivate } from './private.js';
import { fixSdp } from './sdp.js';
import { selects } from './selects.js';
import { natUacTest } from './uac-test.js';

const CONTACT_ROUTES = ['request', 'reply', 'branch', 'local'] as const;
const WITH_FAILURE = ['request', 'reply', 'failure', 'branch', 'local'] as const;

/** Values of the topmost Record-Route that belong together: one, or two with r2. */
function topRecordRoutes({ msg }: Context): number {
  const first = routesOf(msg, HDR.RECORDROUTE)[0];
  if (first === undefined) return 0;
  const uri = parseUri(first.uri);
  return uri !== undefined && uriParam(uri, 'r2') ? 2 : 1;
}

export const nathelper = defineModule({
  name: 'nathelper',
  doc: 'Clients behind NAT: tests, corrections of Contact and SDP, keepalives.',
  params,
  missing: ['pings over raw sockets (natping_socket, udpping_from_path)'],
  selects,
  functions: {
    nat_uac_test: fn({
      doc: 'Does one of the tests hold? 1 private Contact, 2 Via host is not the source, 4 private Via, 8 private SDP, 16 Via port is not the source port, 32 private source, 64 WebSocket, 128 Contact port is not the source port, 256 SDP address is not the source, 512 the destination differs from the request URI.',
      args: [int('tests')],
      routes: WITH_FAILURE,
      run: (ctx, _p: unknown, tests) => natUacTest(ctx, tests),
    }),
    fix_nated_contact: fn({
      doc: 'Puts the source address into the Contact: 1, -1 without Contact or at a second call.',
      args: [],
      routes: CONTACT_ROUTES,
      run: (ctx) => fixContact(ctx),
    }),
    set_contact_alias: fn({
      doc: 'Adds the source address as parameter alias to the URI of the Contact; 1: an older one goes.',
      args: [opt(int('trim'))],
      routes: CONTACT_ROUTES,
      run: (ctx, _p: unknown, trim) => setAlias(ctx, (trim ?? 0) > 0),
    }),
    add_contact_alias: forms(
      fn({
        doc: 'As set_contact_alias(), behind host and port; 2 where the Contact names the source itself.',
        args: [],
        routes: CONTACT_ROUTES,
        run: (ctx) => addAlias(ctx),
      }),
      fn({
        doc: 'Adds that address as alias.',
        args: [str('ip'), str('port'), str('proto')],
        routes: ['request', 'reply', 'branch', 'failure'],
        run(ctx, _p: unknown, ip, port, proto) {
          const value = givenAlias(ip, port, proto);
          return value === undefined ? -1 : addAlias(ctx, value);
        },
      }),
    ),
    handle_ruri_alias: fn({
      doc: 'Takes the alias off the request URI and makes it the next hop: 1, 2 where there is none. Mode 1: the last one.',
      args: [opt(int('mode'))],
      routes: ['request', 'branch', 'local'],
      run: (ctx, _p: unknown, mode) => takeAlias(ctx, mode ?? 0),
    }),
    set_alias_to_pv: fn({
      doc: 'Writes the URI that the alias of the Contact stands for into a variable.',
      args: [variable('target', { writable: true })],
      run(ctx, _p: unknown, target) {
        const uri = aliasUri(ctx);
        if (uri === undefined) return -1;
        target.set?.(ctx, uri);
        return 1;
      },
    }),
    fix_nated_sdp: fn({
      doc: 'Changes SDP: 1 adds a=direction:active, 2 the source address into c=, 4 adds nortpproxy_str, 8 the source address into o=. An address may be given.',
      args: [int('level'), opt(str('ip'))],
      routes: WITH_FAILURE,
      run: (ctx, _p: unknown, level, ip) => fixSdp(ctx, level, ip ?? ''),
    }),
    fix_nated_register: fn({
      doc: 'Puts the source address into received_avp, for save().',
      args: [],
      routes: ['request'],
      check: (_args, env) =>
        env.params('nathelper').received_avp === null
          ? "set modparam received_avp, to the same AVP as registrar's"
          : undefined,
      run: (ctx) => rememberSource(ctx),
    }),
    add_rcv_param: fn({
      doc: 'Adds the source address to each Contact as parameter received; 1: to its URI.',
      args: [opt(int('in_uri'))],
      routes: ['request'],
      run: (ctx, _p: unknown, inUri) => addReceived(ctx, (inUri ?? 0) !== 0),
    }),
    is_rfc1918: fn({
      doc: 'Is it a private IPv4 address? -2 for an empty text.',
      args: [str('address')],
      run(ctx, _p: unknown, address) {
        if (address === '') return -2;
        return isPrivate(address, nathelperParams(ctx.program).nat_addr_mode) ? 1 : -1;
      },
    }),
  },
  pvs: {
    rr_count: pv('How many Record-Routes the message has.', ({ msg }) => routesOf(msg, HDR.RECORDROUTE).length),
    rr_top_count: pv('How many of them the topmost hop has put: 1, or 2 with r2.', topRecordRoutes),
  },
  rpc: {
    'nathelper.enable_ping': {
      doc: 'Turns pings on (1) or off (0).',
      run(host, args) {
        if (nathelperParams(host.program).natping_interval <= 0) throw new RpcFault(500, 'NATping disabled');
        host.state(PINGER).enabled = intArg(args, 0) !== 0;
        return undefined;
      },
    },
  },
  check(values, env) {
    if (Number(values.natping_interval) <= 0) return [];
    const problems: string[] = [];
    const usrloc = env.params('usrloc');
    if (usrloc.nat_bflag === undefined) problems.push('natping_interval needs module usrloc');
    else if (values.ping_nated_only !== 0 && Number(usrloc.nat_bflag) < 0)
      problems.push('ping_nated_only needs nat_bflag of usrloc');
    if (Number(values.sipping_bflag) >= 0 && values.sipping_from === '') problems.push('SIP pings need sipping_from');
    return problems;
  },
  start(host): Pinger {
    host.hooks.onReply.push((ctx) => !takeAnswer(ctx));
    return newPinger(host);
  },
  ready: (host, state) => startPings(host, state as Pinger),
  reload: (host, state) => startPings(host, state as Pinger),
  stop: (_host, state) => (state as Pinger).timer?.cancel(),
});
