/** Kamailio's utils: of its only function nothing is left without a presence server. */
import { defineModule, intParam, strParam } from '../runtime/module.js';

export const utils = defineModule({
  name: 'utils',
  doc: 'Loads, so that scripts which only name it start. Its one function asks a presence server.',
  params: {
    pres_db_url: strParam(null, 'Database of the presence server; without effect.'),
    xcap_table: strParam('xcap', 'Table of XCAP documents; without effect.'),
    forward_active: intParam(0, '1: forwarding that MI commands rule; 5.6.3 has no MI any more.'),
  },
  missing: ['xcap_auth_status'],
});
