/** Module rtpproxy: sends the media of calls through RTPproxies. */
import { type Context, ROUTE } from '../../runtime/context.js';
import { bindVariable } from '../../runtime/format.js';
import {
  type AnyFunction,
  type BindEnv,
  defineModule,
  fn,
  type Host,
  intParam,
  listParam,
  opt,
  parsed,
  RpcFault,
  type RpcValue,
  str,
  strParam,
  toText,
  type Value,
} from '../../runtime/module.js';
import { cseqOf } from '../../sip/header.js';
import { sdpOf } from '../../sip/sdp.js';
import { hasTm, transactionOf } from '../tm/api.js';
import type { NodeSettings } from './node.js';
import { complain, destroy, force, RTPPROXY, record, type SessionSettings } from './session.js';
import { parseSet, RtpSets, type SetSpec } from './sets.js';

interface Params extends NodeSettings {
  readonly nortpproxy_str: string;
  readonly rtpproxy_sock: readonly string[];
  readonly timeout_socket: string;
  readonly extra_id_pv: string;
}

const paramsOf = (host: Host) => host.program.params('rtpproxy') as unknown as Params;

const extraIds = new WeakMap<object, (ctx: Context) => Value>();

/** Binds extra_id_pv once for each version of the script. */
function bindExtraId(env: BindEnv): string | undefined {
  const params = env.params('rtpproxy') as unknown as Params;
  if (params.extra_id_pv === '' || extraIds.has(params)) return undefined;
  const variable = bindVariable(params.extra_id_pv, env);
  if ('error' in variable) return `extra_id_pv: ${variable.error}`;
  extraIds.set(params, variable.ok.get);
  return undefined;
}

function settingsOf(ctx: Context): SessionSettings {
  const params = ctx.program.params('rtpproxy') as unknown as Params;
  const extra = extraIds.get(params);
  return { ...params, extraId: extra === undefined ? undefined : (c) => toText(extra(c)) };
}

const bound = (_args: readonly unknown[], env: BindEnv) => bindExtraId(env);

/** What rtpproxy_manage() takes for an offer: an answer is what follows an INVITE that had an SDP. */
async function manage(ctx: Context, flags: string, forced: string | undefined): Promise<number> {
  const { msg } = ctx;
  // what a branch began ends with the transaction's failure
  if (ctx.routeType === ROUTE.BRANCH_FAILURE) return 1;
  const method = cseqOf(msg)?.method;
  if (method === undefined) return complain(ctx, 'no CSEQ header');
  if (method === 'CANCEL' || method === 'BYE') return await destroy(ctx, flags, settingsOf(ctx));
  const hasSdp = typeof sdpOf(msg) !== 'string';
  if (!msg.isRequest && msg.status >= 300 && MANAGED.has(method)) return await destroy(ctx, flags, settingsOf(ctx));
  if (!MANAGED.has(method) || !hasSdp) return -1;
  if (msg.isRequest && method === 'INVITE' && ctx.routeType === ROUTE.FAILURE)
    return await destroy(ctx, flags, settingsOf(ctx));
  return await force(ctx, flags, { offer: isOffer(ctx, method), forced }, settingsOf(ctx));
}

const MANAGED: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'UPDATE', 'PRACK']);

function isOffer(ctx: Context, method: string): boolean {
  if (ctx.msg.isRequest) return method !== 'ACK';
  if (method !== 'INVITE' && method !== 'ACK') return false;
  const request = hasTm(ctx.host) ? transactionOf(ctx)?.request : undefined;
  return request !== undefined && request !== null && typeof sdpOf(request) === 'string';
}

const ANSWER_IN: ReadonlySet<string> = new Set(['ACK']);

const common = { args: [opt(str('flags')), opt(str('ip'))], waits: true, check: bound } as const;

const rtpproxyDestroy: AnyFunction = fn({
  doc: 'Ends the call of the message at the RTPproxy. Flags: 1, 2, 3 the branch of that Via goes with the Call-ID, t without the tag of To.',
  args: [opt(str('flags'))],
  waits: true,
  check: bound,
  run: (ctx, _p: unknown, flags) => destroy(ctx, flags ?? '', settingsOf(ctx)),
});

const setId = parsed<number>('set', 'set', (text) =>
  /^\d+$/.test(text) ? { ok: Number(text) } : { error: `'${text}' is no number of a set` },
);

export const rtpproxy = defineModule({
  name: 'rtpproxy',
  doc: 'Sends the media of calls through RTPproxies, which it tells of offers, answers and ends. Where none serves, the SDP stays as it is and the call goes on.',
  atStart: ['rtpproxy_sock'],
  params: {
    rtpproxy_sock: listParam(
      'RTPproxies: udp:host:port, udp6:host:port, unix:/path, several apart by blanks, =weight behind each; `2 == …` for set 2.',
      (v) => {
        const set = parseSet(v);
        return typeof set === 'string' ? set : undefined;
      },
    ),
    rtpproxy_disable_tout: intParam(60, 'Seconds for which one that does not answer is left alone; below 0: for ever.'),
    rtpproxy_tout: intParam(1, 'Seconds for an answer.'),
    rtpproxy_retr: intParam(5, 'How often a command is sent.'),
    nortpproxy_str: strParam('a=nortpproxy:yes', 'Line that marks an SDP as done; empty: none.'),
    timeout_socket: strParam('', 'Where the RTPproxy tells of calls without media; it goes with offers.'),
    extra_id_pv: strParam('', 'Variable whose value goes with the Call-ID, for flag b.'),
  },
  missing: [
    // a variable does not wait for an answer
    '$rtpstat',
    '$rtppstat',
    'ice_candidate_priority_avp',
    'db_url',
    'table_name',
    'rtp_inst_pvar',
    'rtpproxy_stream2uac',
    'rtpproxy_stream2uas',
    'rtpproxy_stop_stream2uac',
    'rtpproxy_stop_stream2uas',
  ],
  functions: {
    rtpproxy_offer: fn({
      doc: 'The SDP is an offer: its media go through an RTPproxy. Flags: r trust its addresses, f also when it is marked, c also the common c=, w symmetric, a asymmetric, i e bridged, x bridged by address family, l only known calls, z repacketized, 1 2 3 with the branch of that Via, b with extra_id_pv. Codes: -2 marked, -3 no RTPproxy.',
      ...common,
      run: (ctx, _p: unknown, flags, ip) => force(ctx, flags ?? '', { offer: true, forced: ip }, settingsOf(ctx)),
    }),
    rtpproxy_answer: fn({
      doc: 'The SDP is an answer (of a reply, or an ACK); else as rtpproxy_offer().',
      ...common,
      run(ctx, _p: unknown, flags, ip) {
        if (ctx.msg.isRequest && !ANSWER_IN.has(ctx.msg.method)) return Promise.resolve(-1);
        return force(ctx, flags ?? '', { offer: false, forced: ip }, settingsOf(ctx));
      },
    }),
    rtpproxy_manage: fn({
      doc: 'Offer, answer or end, by what the message is and where it is called.',
      ...common,
      run: (ctx, _p: unknown, flags, ip) => manage(ctx, flags ?? '', ip),
    }),
    rtpproxy_destroy: rtpproxyDestroy,
    unforce_rtp_proxy: rtpproxyDestroy,
    start_recording: fn({
      doc: 'The RTPproxy records the call.',
      args: [],
      waits: true,
      async run(ctx) {
        return await record(ctx);
      },
    }),
    set_rtp_proxy_set: fn({
      doc: 'RTPproxies of that set serve the message.',
      args: [setId],
      run(ctx, _p: unknown, set) {
        const sets = ctx.host.state(RTPPROXY);
        if (!sets.sets.has(set)) return complain(ctx, `could not locate rtpproxy set ${set}`);
        sets.choose(ctx.msg.id, set);
        return 1;
      },
    }),
  },
  rpc: {
    'rtpproxy.list': {
      doc: 'The RTPproxies and whether they serve.',
      returnsArray: true,
      run(host): RpcValue {
        const out: RpcValue[] = [];
        for (const [setid, list] of host.state(RTPPROXY).sets) {
          for (const { url, index, disabled, weight, recheck } of list) {
            const ticks =
              recheck === Number.POSITIVE_INFINITY
                ? NEVER
                : Math.max(0, Math.ceil((recheck - host.clock.now()) / 1000));
            out.push({ setid, url, index, disabled: disabled ? 1 : 0, weight, recheck: ticks });
          }
        }
        return out;
      },
    },
    'rtpproxy.enable': {
      doc: 'Lets the RTPproxy of that URL serve (1) or not (0).',
      run(host, [url, on]) {
        if (url === undefined || typeof on !== 'number') throw new RpcFault(500, 'Not enough parameters');
        const found = [...host.state(RTPPROXY).nodes()].filter((node) => node.url === `${url}`);
        if (found.length === 0) throw new RpcFault(404, 'RTPProxy not found');
        for (const node of found) {
          node.recheck = on === 0 ? Number.POSITIVE_INFINITY : 0;
          node.disabled = on === 0;
        }
        return undefined;
      },
    },
  },
  start(host): RtpSets {
    const specs = paramsOf(host)
      .rtpproxy_sock.map(parseSet)
      .filter((s): s is SetSpec => typeof s !== 'string');
    const sets = new RtpSets(host, () => paramsOf(host), specs);
    for (const node of sets.nodes()) host.detach(node.test(true), 'rtpproxy: looking for it');
    return sets;
  },
  reload: () => undefined,
  async stop(_host, state) {
    await (state as RtpSets).close();
  },
});

/** What Kamailio shows for an RTPproxy that is never tried again. */
const NEVER = -1;
