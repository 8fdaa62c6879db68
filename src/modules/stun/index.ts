/** Kamailio's stun: answers binding requests on the UDP sockets, beside SIP. */
import { SIGNATURE } from '../../runtime/core/version.js';
import { defineModule } from '../../runtime/module.js';
import { stunAnswer } from './message.js';

/** As Kamailio has it: with the name of the header. */
const SOFTWARE = `Server: ${SIGNATURE}`;

export const stun = defineModule({
  name: 'stun',
  doc: 'Answers binding requests of STUN (RFC 5389 and 3489) on the UDP sockets of SIP: where do my messages come from? There is nothing to set.',
  missing: ['STUN over TCP and TLS'],
  start(host) {
    host.hooks.onStun = (data, { proto, srcIp, srcPort, socket }) => {
      const answer = stunAnswer(data, srcIp, srcPort, SOFTWARE);
      if (answer !== undefined) host.send(answer.toString('latin1'), { proto, ip: srcIp, port: srcPort, socket });
    };
  },
  reload: () => undefined,
  stop(host) {
    host.hooks.onStun = undefined;
  },
});
