/** rr: Record-Route and Route (RFC 3261, 16.6 and 16.12). */
import type { Context } from '../../runtime/context.js';
import {
  defineModule,
  fn,
  forms,
  int,
  intParam,
  pv,
  pvTable,
  raw,
  regex,
  str,
  strParam,
  type Value,
} from '../../runtime/module.js';
import { fromOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { MSG_FLAG } from '../../sip/message.js';
import { looseRoute, PRELOADED } from './loose.js';
import { addRrParam, recordRoute, recordRouteAdvertised, recordRoutePreset, removeRecordRoute } from './record.js';
import { DOWNSTREAM, directionOf, type Rr, type RrParams, routeParams, UPSTREAM } from './state.js';

const RECORDS = ['request', 'branch', 'failure'] as const;
const REQUEST = ['request'] as const;

const DIRECTIONS: Readonly<Record<string, number>> = { downstream: DOWNSTREAM, upstream: UPSTREAM };

/** Tag of the side that began the dialog (`$fti`), or of the other one. */
function tagOf(ctx: Context, caller: boolean): Value {
  const fromCaller = directionOf(ctx) === DOWNSTREAM;
  return (caller === fromCaller ? fromOf(ctx.msg)?.tag : toOf(ctx.msg)?.tag) ?? null;
}

export const rr = defineModule({
  name: 'rr',
  doc: 'Record-Route for the requests of a dialog, and Route for those that follow (RFC 3261, 16.6 and 16.12).',
  params: {
    append_fromtag: intParam(1, 'Put the From tag into Record-Route as ftag: is_direction() needs it.'),
    enable_double_rr: intParam(
      1,
      'Two Record-Routes where a request leaves by another socket: 0 never, 1 then, 2 always.',
    ),
    enable_full_lr: intParam(0, 'Write lr=on in place of lr.'),
    add_username: intParam(0, 'Put the user of the request URI into Record-Route.'),
    enable_socket_mismatch_warning: intParam(1, 'Warn where no socket has the address of the second Route of a pair.'),
    custom_user_avp: strParam(null, 'AVP with the user for add_username: $avp(name).'),
    force_send_socket: intParam(0, 'Send from the socket that our Route names, for single ones too.'),
    ignore_sips: intParam(0, 'Write sip: even where the request URI is sips:.'),
    ignore_user: strParam(null, 'A Route of ours with this user is not taken for ours.'),
    sockname_mode: intParam(
      0,
      '1: the name of the socket goes into Record-Route as `sn`, and later requests leave by the socket of that name.',
    ),
  },
  functions: {
    record_route: forms(
      fn({
        doc: 'Adds our Record-Route; a second call does nothing and gives -1.',
        args: [],
        routes: RECORDS,
        run: (ctx) => recordRoute(ctx, ''),
      }),
      fn({
        doc: 'Adds our Record-Route with this text at its end, as it is (begin it with a semicolon).',
        args: [str('params')],
        routes: RECORDS,
        run: (ctx, _p: RrParams, params) => recordRoute(ctx, params),
      }),
    ),
    record_route_preset: forms(
      fn({
        doc: 'Adds a Record-Route with that host:port.',
        args: [str('address')],
        routes: RECORDS,
        run: (ctx, _p: RrParams, address) => recordRoutePreset(ctx, address, undefined),
      }),
      fn({
        doc: 'Adds two, the first argument on top.',
        args: [str('address'), str('address2')],
        routes: RECORDS,
        run: (ctx, _p: RrParams, address, second) => recordRoutePreset(ctx, address, second),
      }),
    ),
    record_route_advertised_address: fn({
      doc: 'Adds a Record-Route with that host:port, and a transport where the protocol changes on the way.',
      args: [str('address')],
      routes: RECORDS,
      run: (ctx, _p: RrParams, address) => recordRouteAdvertised(ctx, address),
    }),
    add_rr_param: fn({
      doc: 'Adds a parameter (with its semicolon) to our Record-Route, before or after it was made; in a branch route for that branch.',
      args: [str('param')],
      routes: RECORDS,
      run: (ctx, _p: RrParams, param) => addRrParam(ctx, param),
    }),
    loose_route: fn({
      doc: 'Takes our Route off and sets the next hop: 1; -1 without Route; -3 where ours was the only one of a request that begins a dialog.',
      args: [],
      routes: REQUEST,
      run: (ctx) => looseRoute(ctx),
    }),
    loose_route_mode: fn({
      doc: 'As loose_route(); mode 1 does not look whether the request URI is ours.',
      args: [int('mode')],
      routes: REQUEST,
      run: (ctx, _p: RrParams, mode) => looseRoute(ctx, mode),
    }),
    loose_route_preloaded: fn({
      doc: 'True where our Route was the only one of a request that begins a dialog.',
      args: [],
      routes: REQUEST,
      run: (ctx) => (looseRoute(ctx) === PRELOADED ? 1 : -1),
    }),
    check_route_param: fn({
      doc: 'Does the expression match the parameters of our Route that was taken off?',
      args: [regex('expression', { ignoreCase: true, newline: true })],
      routes: REQUEST,
      run(ctx, _p: RrParams, expression) {
        const params = routeParams(ctx);
        return params !== undefined && expression.test(`;${params}`) ? 1 : -1;
      },
    }),
    is_direction: fn({
      doc: '"downstream": from caller to callee, as the ftag of our Route says; "upstream": the other way.',
      args: [raw('direction')],
      routes: REQUEST,
      check: ([direction], env) => {
        if (env.params('rr').append_fromtag === 0) return 'is_direction() needs append_fromtag';
        const known = direction?.kind === 'constant' && direction.text.toLowerCase() in DIRECTIONS;
        return known ? undefined : 'unknown direction';
      },
      run: (ctx, _p: RrParams, direction) => (directionOf(ctx) === DIRECTIONS[direction.toLowerCase()] ? 1 : -1),
    }),
    remove_record_route: fn({
      doc: 'Takes our Record-Route back; those of others stay.',
      args: [],
      routes: ['request', 'failure'],
      run: (ctx) => removeRecordRoute(ctx),
    }),
    rr_next_hop_route: fn({
      doc: 'Did loose_route() find a further Route after ours?',
      args: [],
      run: (ctx) => ((ctx.msg.internalFlags & MSG_FLAG.ROUTE_ADDR) !== 0 ? 1 : -1),
    }),
  },
  pvs: {
    route_uri: pv('URI of the first Route.', (ctx) => routesOf(ctx.msg, HDR.ROUTE)[0]?.uri),
    fti: pv('Tag of the caller: From tag of the request that began the dialog.', (ctx) => tagOf(ctx, true)),
    tti: pv('Tag of the callee.', (ctx) => tagOf(ctx, false)),
    rdir: pvTable('Direction of the request in its dialog.', {
      id: (ctx) => directionOf(ctx),
      name: (ctx) => (directionOf(ctx) === UPSTREAM ? 'upstream' : 'downstream'),
    }),
  },
  start(): Rr {
    return { onRoute: [] };
  },
});
