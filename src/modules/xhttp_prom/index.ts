/** Kamailio's xhttp_prom: metrics for Prometheus, over HTTP. */
import {
  type AnyFunction,
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  listParam,
  opt,
  type RouteContext,
  str,
  strParam,
} from '../../runtime/module.js';
import { httpReply, isHttpRequest } from '../xhttp/reply.js';
import {
  add,
  assign,
  type Change,
  type MetricKind,
  type MetricSpec,
  Metrics,
  observe,
  parseSpec,
  reset,
} from './metrics.js';
import { promRpc } from './rpc.js';
import { METRICS } from './state.js';
import { printStatistics } from './statistics.js';

interface Params {
  readonly xhttp_prom_stats: string;
  readonly xhttp_prom_beginning: string;
  readonly xhttp_prom_timeout: number;
  readonly prom_counter: readonly string[];
  readonly prom_gauge: readonly string[];
  readonly prom_histogram: readonly string[];
}

const check = (kind: MetricKind) => (text: string) => {
  const spec = parseSpec(kind, text);
  return typeof spec === 'string' ? spec : undefined;
};

const params = {
  xhttp_prom_stats: strParam('', 'Statistics to show: "all", a group as "sl:", one by its name; empty for none.'),
  xhttp_prom_beginning: strParam('kamailio_', 'What the name of each metric begins with.'),
  xhttp_prom_timeout: intParam(
    60,
    'Minutes without a change after which the values of labels are dropped; 0 never.',
    (n) => (n < 0 ? 'it cannot be negative' : undefined),
  ),
  xhttp_prom_buf_size: intParam(0, 'Accepted; the answer has no limit here.'),
  prom_counter: listParam('Defines a counter: "name=requests; label=method:ip".', check('counter')),
  prom_gauge: listParam('Defines a gauge: "name=load; label=node".', check('gauge')),
  prom_histogram: listParam('Defines a histogram: "name=delay; label=method; buckets=0.1:0.5:1".', check('histogram')),
};

function specs(values: Params): MetricSpec[] {
  const of = (kind: MetricKind, texts: readonly string[]) => texts.map((text) => parseSpec(kind, text));
  const all = [
    ...of('counter', values.prom_counter),
    ...of('gauge', values.prom_gauge),
    ...of('histogram', values.prom_histogram),
  ];
  return all.filter((s) => typeof s !== 'string');
}

const MINUTE = 60_000;
const URI = '/metrics';
const TEXT = 'text/plain; version=0.0.4';
/** Ends the run of the script, as 5.6.3 has it. */
const ANSWERED = 0;

function dispatch(ctx: RouteContext): number {
  if (!isHttpRequest(ctx)) return 1;
  const { host } = ctx;
  const { xhttp_prom_beginning: prefix, xhttp_prom_stats: wanted } = host.program.params(
    'xhttp_prom',
  ) as unknown as Params;
  const statistics = printStatistics(host, wanted, prefix);
  if (statistics === undefined) {
    host.log.write(LEVEL.ERR, 'xhttp_prom', `stat not found: ${wanted}\n`);
    httpReply(ctx, 500, 'Internal Server Error', TEXT, 'Internal Server Error');
  } else {
    httpReply(ctx, 200, 'OK', TEXT, host.state(METRICS).print(prefix) + statistics);
  }
  return ANSWERED;
}

function change(
  ctx: RouteContext,
  kind: MetricKind,
  name: string,
  labels: readonly (string | undefined)[],
  by: Change,
): number {
  const given = labels.filter((l) => l !== undefined);
  const why = ctx.host.state(METRICS).change(kind, name, given, by);
  if (why !== undefined) ctx.host.log.write(LEVEL.ERR, 'xhttp_prom', `${why}\n`);
  return why === undefined ? 1 : -1;
}

const labels = [opt(str('label1')), opt(str('label2')), opt(str('label3'))] as const;

function resetOf(kind: MetricKind): AnyFunction {
  return fn({
    doc: `Sets a ${kind} to 0.`,
    args: [str('name'), ...labels],
    run: (ctx: RouteContext, _params: unknown, name, ...values) => change(ctx, kind, name, values, reset),
  });
}

/** As atof(3): what is no number is 0. */
const float = (text: string) => Number.parseFloat(text) || 0;

export const xhttpProm = defineModule({
  name: 'xhttp_prom',
  doc: 'Metrics for Prometheus: statistics of the server, and counters, gauges and histograms of the script.',
  needs: ['xhttp'],
  params,
  functions: {
    prom_check_uri: fn({
      doc: 'Is the URL of the HTTP request /metrics?',
      args: [],
      routes: ['request', 'event'],
      run: (ctx: RouteContext) => (ctx.msg.originalUri === URI ? 1 : -1),
    }),
    prom_dispatch: fn({
      doc: 'Answers the HTTP request with all metrics, and ends the run.',
      args: [],
      routes: ['request', 'event'],
      example: 'event_route[xhttp:request] { if (prom_check_uri()) { prom_dispatch(); exit; } }',
      run: (ctx: RouteContext) => dispatch(ctx),
    }),
    prom_counter_inc: fn({
      doc: 'Adds a number to a counter.',
      args: [str('name'), int('number'), ...labels],
      run(ctx: RouteContext, _params: unknown, name, number, ...values) {
        if (number >= 0) return change(ctx, 'counter', name, values, add(number));
        ctx.host.log.write(LEVEL.ERR, 'xhttp_prom', 'invalid negative number parameter\n');
        return -1;
      },
    }),
    prom_counter_reset: resetOf('counter'),
    prom_gauge_set: fn({
      doc: 'Sets a gauge to a number, which may have a fraction.',
      args: [str('name'), str('number'), ...labels],
      run: (ctx: RouteContext, _params: unknown, name, number, ...values) =>
        change(ctx, 'gauge', name, values, assign(float(number))),
    }),
    prom_gauge_reset: resetOf('gauge'),
    prom_histogram_observe: fn({
      doc: 'Adds an observation to a histogram.',
      args: [str('name'), str('number'), ...labels],
      run: (ctx: RouteContext, _params: unknown, name, number, ...values) =>
        change(ctx, 'histogram', name, values, observe(float(number))),
    }),
  },
  rpc: promRpc,
  start(host: Host, values) {
    const own = values as unknown as Params;
    return new Metrics(specs(own), () => host.clock.now(), own.xhttp_prom_timeout * MINUTE);
  },
  reload: (_host, state, values) => (state as Metrics).define(specs(values as unknown as Params)),
});
