/** The name of Kamailio's sctp, for scripts that load it and speak UDP, TCP or TLS: Node.js has no SCTP. */
import { defineModule, intParam } from '../runtime/module.js';

const SETTINGS = [
  'sctp_socket_rcvbuf',
  'sctp_socket_sndbuf',
  'sctp_autoclose',
  'sctp_send_ttl',
  'sctp_send_retries',
  'sctp_assoc_tracking',
  'sctp_assoc_reuse',
  'sctp_max_assocs',
  'sctp_srto_initial',
  'sctp_srto_max',
  'sctp_srto_min',
  'sctp_asocmaxrxt',
  'sctp_init_max_attempts',
  'sctp_init_max_timeo',
  'sctp_hbinterval',
  'sctp_pathmaxrxt',
  'sctp_sack_delay',
  'sctp_sack_freq',
  'sctp_max_burst',
];

export const sctp = defineModule({
  name: 'sctp',
  doc: 'Taken so that scripts that load it run: SCTP is not there, and `enable_sctp=1` or `listen=sctp:…` is refused.',
  missing: ['sctp.info', 'sctp.options'],
  params: Object.fromEntries(SETTINGS.map((name) => [name, intParam(0, 'Without effect: there is no SCTP.')])),
});
