/** RPC commands on the metrics. */
import { type Host, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { anyText } from '../../runtime/rpc.js';
import { add, assign, type Change, type MetricKind, observe, reset } from './metrics.js';
import { METRICS } from './state.js';

/** `add %d to counter` … as the faults say it. */
type What = (number: number, labels: number) => string;

interface Command {
  readonly doc: string;
  readonly kind: MetricKind;
  readonly what: What;
  /** Undefined: the number is refused without a word. */
  readonly change: (number: number) => Change | undefined;
  readonly takesNumber: boolean;
}

function nameArg(args: readonly RpcValue[], kind: MetricKind): string {
  const [name] = args;
  if (typeof name !== 'string') throw new RpcFault(400, `required ${kind} identifier`);
  if (name === '') throw new RpcFault(400, `invalid ${kind} identifier`);
  return name;
}

function command({ doc, kind, what, change, takesNumber }: Command): RpcDefinition {
  return {
    doc,
    run(host: Host, args: readonly RpcValue[]) {
      const name = nameArg(args, kind);
      const number = takesNumber ? args[1] : 0;
      if (typeof number !== 'number') throw new RpcFault(400, 'required number argument');
      const labels = args.slice(takesNumber ? 2 : 1).map((_, i, rest) => anyText(rest, i) ?? '');
      const by = change(number);
      if (by === undefined) return undefined;
      if (host.state(METRICS).change(kind, name, labels, by) !== undefined) {
        const shown = labels.length > 0 ? ` (${labels.join(', ')})` : '';
        throw new RpcFault(500, `Failed to ${what(number, labels.length)}: ${name}${shown}`);
      }
      return undefined;
    },
  };
}

const DIGITS = 6;

export const promRpc: Readonly<Record<string, RpcDefinition>> = {
  'xhttp_prom.counter_reset': command({
    doc: 'Reset a counter based on its identifier',
    kind: 'counter',
    what: () => 'reset counter',
    change: () => reset,
    takesNumber: false,
  }),
  'xhttp_prom.counter_inc': command({
    doc: 'Add a number (greater or equal to zero) to a counter based on its identifier',
    kind: 'counter',
    what: (n) => `add ${Math.trunc(n)} to counter`,
    change: (n) => (n < 0 ? undefined : add(Math.trunc(n))),
    takesNumber: true,
  }),
  'xhttp_prom.gauge_reset': command({
    doc: 'Reset a gauge based on its identifier',
    kind: 'gauge',
    what: () => 'reset gauge',
    change: () => reset,
    takesNumber: false,
  }),
  'xhttp_prom.gauge_set': command({
    doc: 'Set a gauge to a number based on its identifier',
    kind: 'gauge',
    what: (n, labels) => `assign ${n.toFixed(DIGITS)} ${labels > 0 ? 'to ' : ''}gauge`,
    change: assign,
    takesNumber: true,
  }),
  'xhttp_prom.histogram_observe': command({
    doc: 'Observe a number in a histogram',
    kind: 'histogram',
    what: (n) => `observe ${n.toFixed(DIGITS)} in histogram`,
    change: observe,
    takesNumber: true,
  }),
  'xhttp_prom.metric_list_print': {
    doc: 'Print a list showing all user defined metrics',
    run(host) {
      const prefix = String(host.program.params('xhttp_prom').xhttp_prom_beginning);
      return host.state(METRICS).print(prefix);
    },
  },
};
