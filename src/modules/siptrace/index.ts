/** Kamailio's siptrace: copies of SIP messages for a database, a collector (Homer) or another server. */
import { openDatabase } from '../../runtime/database.js';
import {
  defineModule,
  fn,
  forms,
  type Host,
  LEVEL,
  parsed,
  type RouteContext,
  RpcFault,
  str,
} from '../../runtime/module.js';
import { anyText } from '../../runtime/rpc.js';
import { callIdOf } from '../../sip/header.js';
import { checkTableVersion } from '../sql/version.js';
import { followAll, statelessReply, type TraceType, TYPE, trace, traceMessage } from './calls.js';
import { EVENT, traceNetwork } from './network.js';
import { checkParams, INIT, params, type SiptraceParams } from './params.js';
import { SIPTRACE, Siptrace, type Target } from './state.js';
import { variables } from './variables.js';

const TABLE_VERSION = 4;

/** What sip_trace() makes of its arguments; undefined: there is no place to send to. */
function targetOf(state: Siptrace, uri: string | undefined): Target | undefined {
  const text = uri === undefined || uri === '' || uri === '<null>' ? state.params.duplicate_uri : uri;
  if (text) return state.target(text);
  return state.complain('no duplicate_uri modparam nor duplicate uri sip_trace() argument provided!');
}

/** Without a type: the transaction where the flag is set, else the message. */
function defaultType(ctx: RouteContext, { trace_flag }: SiptraceParams): TraceType {
  return trace_flag >= 0 && (ctx.msg.flags & (1 << trace_flag)) !== 0 ? TYPE.TRANSACTION : TYPE.MESSAGE;
}

function sipTrace(ctx: RouteContext, values: SiptraceParams, uri?: string, correlationId = '', type?: TraceType) {
  const state = ctx.host.state(SIPTRACE);
  const hasUri = uri !== undefined;
  const wanted = hasUri || values.trace_to_database === 0;
  const target = wanted ? targetOf(state, uri) : undefined;
  if (wanted && target === undefined) return -1;
  const what = { target: hasUri ? target : undefined, correlationId, hasUri };
  return trace(ctx, { ...what, type: type ?? defaultType(ctx, values) });
}

const traceType = parsed<TraceType>('type', 'm, t or d', (text) => {
  const letters = text.toLowerCase().replace(/[ \t]/g, '');
  const found = Object.values(TYPE).find((t) => t === letters);
  return found === undefined ? { error: `'${text}' is none of m, t and d` } : { ok: found };
});

function modeOf(ctx: RouteContext, text: string): TraceType {
  const found = Object.values(TYPE).find((t) => t === text[0]?.toLowerCase());
  if (found === undefined) {
    ctx.host.log.write(LEVEL.INFO, 'siptrace', `unexpected tracing mode [${text}] - trace message\n`);
  }
  return found ?? TYPE.MESSAGE;
}

function log(ctx: RouteContext, correlationId: string | undefined, message: string): number {
  const state = ctx.host.state(SIPTRACE);
  const id = correlationId ?? callIdOf(ctx.msg);
  if (id === undefined) state.complain('cannot parse Call-Id header');
  return id !== undefined && state.sendLog(id, message, ctx.msg.received.socket) ? 1 : -1;
}

const MESSAGE = 'Traces the message: into the database, and to `duplicate_uri`';
const EXAMPLE = `modparam("siptrace", "duplicate_uri", "sip:192.0.2.9:9060")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
`;

function followScript(host: Host, state: Siptrace): void {
  followAll(host, state);
  host.hooks.onLocalReply.push((ctx, text, code) => statelessReply(state, ctx, text, code));
  if (state.params.trace_sl_acks !== 0) host.hooks.onFilteredAck.push((ctx) => void traceMessage(state, ctx));
}

export const siptrace = defineModule({
  name: 'siptrace',
  doc: 'Copies of SIP messages: into a table, to a collector such as Homer by HEP, or as they are to another server.',
  params,
  atStart: ['db_url', 'trace_to_database', 'trace_init_mode', 'trace_on'],
  functions: {
    sip_trace: forms(
      fn({
        doc: `${MESSAGE}; with \`trace_flag\` set on it the whole transaction.`,
        args: [],
        example: `${EXAMPLE}sip_trace();`,
        run: (ctx, values: SiptraceParams) => sipTrace(ctx, values),
      }),
      fn({
        doc: `${MESSAGE} or another URI.`,
        args: [str('uri')],
        run: (ctx, values: SiptraceParams, uri) => sipTrace(ctx, values, uri),
      }),
      fn({
        doc: 'The same, with a correlation id for HEP version 3.',
        args: [str('uri'), str('correlation')],
        run: (ctx, values: SiptraceParams, uri, id) => sipTrace(ctx, values, uri, id),
      }),
      fn({
        doc: 'Traces the message (m), its transaction (t) or its dialog (d, for an INVITE, which needs modules tm and dialog).',
        args: [str('uri'), str('correlation'), traceType],
        example: `${EXAMPLE}if (is_method("INVITE")) sip_trace("sip:192.0.2.9:9060", "$ci-1", "t");`,
        run: (ctx, values: SiptraceParams, uri, id, type) => sipTrace(ctx, values, uri, id, type),
      }),
    ),
    sip_trace_mode: fn({
      doc: 'Traces the message, its transaction or its dialog, by the first letter of the mode: m, t, d.',
      args: [str('mode')],
      example: `${EXAMPLE}sip_trace_mode("t");`,
      run: (ctx, _values: SiptraceParams, mode) =>
        trace(ctx, { type: modeOf(ctx, mode), target: undefined, correlationId: '', hasUri: false }),
    }),
    hlog: forms(
      fn({
        doc: 'Sends a line of a log to `duplicate_uri` by HEP version 3, with the Call-ID as correlation id.',
        args: [str('message')],
        example: `${EXAMPLE}hlog("a call of $fu begins");`,
        run: (ctx, _values: SiptraceParams, message) => log(ctx, undefined, message),
      }),
      fn({
        doc: 'The same with another correlation id.',
        args: [str('correlation'), str('message')],
        run: (ctx, _values: SiptraceParams, id, message) => log(ctx, id, message),
      }),
    ),
  },
  pvs: variables,
  events: { [EVENT]: 'With `trace_mode`: a message came or goes; drop leaves it out.' },
  rpc: {
    'siptrace.status': {
      doc: 'Get status or turn on/off siptrace. Parameters: on, off or check.',
      run(host, args) {
        const state = host.state(SIPTRACE);
        const text = anyText(args, 0)?.toLowerCase();
        if (text === undefined) throw new RpcFault(500, 'Not enough parameters (on, off or check)');
        if (text.startsWith('on')) state.on = true;
        else if (text.startsWith('off')) state.on = false;
        else if (!text.startsWith('check')) throw new RpcFault(500, 'Bad parameter (on, off or check)');
        return state.on ? 'Enabled' : 'Disabled';
      },
    },
  },
  check: checkParams,
  async start(host, values): Promise<Siptrace> {
    const own = values as unknown as SiptraceParams;
    const state = new Siptrace(host, own);
    for (const name of ['traced_requests', 'traced_replies']) host.statistics.set(`siptrace.${name}`, 0);
    if (state.usesDatabase) {
      state.db = await openDatabase(host, own.db_url);
      if (host.sandbox?.isolated !== true) await checkTableVersion(state.db, own.table, TABLE_VERSION);
    }
    if (own.trace_init_mode !== INIT.SCRIPT && own.trace_mode !== 0) traceNetwork(host, state);
    return state;
  },
  /** tm and dialog may be loaded later than this one. */
  ready(host, state) {
    const own = state as Siptrace;
    if (own.params.trace_init_mode !== INIT.NETWORK) followScript(host, own);
  },
  reload(_host, state, values) {
    (state as Siptrace).configure(values as unknown as SiptraceParams);
  },
  async stop(_host, state) {
    await (state as Siptrace).db?.close();
  },
});
