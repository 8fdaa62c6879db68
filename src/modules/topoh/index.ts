/** Kamailio's topoh: hides the addresses of one side of a call from the other. */
import { defineModule, type Host, intParam, strParam } from '../../runtime/module.js';
import { parseUri } from '../../sip/uri.js';
import { arrived, EVENTS, leaving } from './network.js';
import { type TopohParams, Topology } from './topology.js';

class Topoh {
  params: TopohParams;
  topology: Topology;

  constructor(host: Host, params: TopohParams) {
    this.params = params;
    this.topology = new Topology(host, params);
  }
}

const filled = (text: string) => (text === '' ? 'must not be empty' : undefined);

export const topoh = defineModule({
  name: 'topoh',
  doc: 'Hides the addresses of one side of a call from the other: what Via, Contact, Record-Route and Call-ID tell leaves encoded and comes back decoded, and the script sees all as it is. Servers with the same key are one.',
  params: {
    mask_key: strParam('aL9.n8~Hm]Z', 'Key of the code.', filled),
    mask_ip: strParam('127.0.0.8', 'Address that stands for all hidden ones.', (text) =>
      text === '' || parseUri(`sip:${text}`) === undefined ? 'mask IP parameter is invalid' : undefined,
    ),
    mask_callid: intParam(0, '1: the Call-ID is hidden too.'),
    uparam_name: strParam('line', 'Parameter of URIs that holds what is hidden.'),
    uparam_prefix: strParam('sr-', 'What it begins with.'),
    vparam_name: strParam('branch', 'Parameter of Via that holds what is hidden.'),
    vparam_prefix: strParam('z9hG4bKsr-', 'What it begins with.'),
    callid_prefix: strParam('!!:', 'What a hidden Call-ID begins with.'),
    sanity_checks: intParam(0, '1: requests that module sanity refuses are left as they are.'),
    uri_prefix_checks: intParam(0, '1: only what has the masked address is decoded.'),
    event_mode: intParam(3, 'Event routes that run: 1 topoh:msg-outgoing, 2 topoh:msg-sending, added.'),
  },
  missing: ['event_callback'],
  events: {
    [EVENTS.OUTGOING]: 'A message is about to leave, on a made-up request; drop leaves it as it is.',
    [EVENTS.SENDING]: 'The same with the message in view.',
  },
  check({ sanity_checks }, env) {
    const missing = sanity_checks !== 0 && env.catalog.moduleWithFunction('sanity_check') !== undefined;
    return missing ? ['sanity_checks needs loadmodule "sanity.so"'] : [];
  },
  start(host, params): Topoh {
    const state = new Topoh(host, params as unknown as TopohParams);
    host.hooks.onNetIn.push((data) => arrived(host, state.topology, state.params, data));
    host.hooks.onNetOut.push((data) => leaving(host, state.topology, state.params, data));
    return state;
  },
  reload(host, state, params) {
    const own = state as Topoh;
    own.params = params as unknown as TopohParams;
    own.topology = new Topology(host, own.params);
  },
});
