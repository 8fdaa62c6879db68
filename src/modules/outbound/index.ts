/** Kamailio's outbound: flow tokens in what rr and path write, and taken by loose_route() (RFC 5626). */
import { createHash, randomBytes } from 'node:crypto';
import { defineModule, type Host, intParam, LEVEL, strParam } from '../../runtime/module.js';
import type { Outbound, OutboundParams } from './api.js';

const KEY_LENGTH = 20;
const LAST_FLAG = 31;

const flag = (doc: string) =>
  intParam(-1, doc, (v) => (v < -1 || v > LAST_FLAG ? `bad flag ${v}: 0 to ${LAST_FLAG}` : undefined));

function keyOf(host: Host): Buffer {
  const { flow_token_secret: secret } = host.program.params('outbound') as unknown as OutboundParams;
  if (secret === null) return randomBytes(KEY_LENGTH);
  return createHash('sha1').update(secret, 'latin1').digest();
}

export const outbound = defineModule({
  name: 'outbound',
  doc: 'Connections that clients opened are used for what goes to them (RFC 5626): with it record_route() and add_path() name the flow of a request that wants that (reg-id in REGISTER, ob in Contact or Route), and loose_route() sends over it.',
  params: {
    force_outbound_flag: flag('Requests with this flag are taken to want their flow kept; -1: none.'),
    force_no_outbound_flag: flag('Requests with this flag are taken not to; -1: none.'),
    flow_token_secret: strParam(
      null,
      'What tokens are signed by, so that they are good after a restart and on other nodes; missing: something random.',
    ),
  },
  atStart: ['flow_token_secret'],
  start(host): Outbound {
    if (host.module('stun') === undefined) {
      host.log.write(
        LEVEL.WARN,
        'outbound',
        '"stun" module is not loaded. STUN is required to use outbound with UDP.\n',
      );
    }
    return { key: keyOf(host) };
  },
  reload: () => undefined,
});
