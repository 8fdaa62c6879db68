/** Kamailio's siputils: checks and changes of URIs, numbers, Contacts (variables.md, section 9). */
import { defineModule, strParam } from '../../runtime/module.js';
import { CHARGING_FUNCTIONS, type ChargingState, pcv } from './charging-vector.js';
import { COMPARE_FUNCTIONS } from './compare.js';
import { CONTACT_FUNCTIONS } from './contact.js';
import { MESSAGE_FUNCTIONS } from './message.js';
import { NUMBER_FUNCTIONS } from './numbers.js';
import { RPID_FUNCTIONS, rpidKey } from './rpid.js';
import { URI_FUNCTIONS } from './uri.js';

export const siputils = defineModule({
  name: 'siputils',
  doc: 'Checks and changes of URIs, numbers and Contacts, answers to OPTIONS, Remote-Party-ID, P-Charging-Vector.',
  needs: ['sl'],
  params: {
    options_accept: strParam('*/*', 'Accept in the answer of options_reply().'),
    options_accept_encoding: strParam('', 'Accept-Encoding in the answer of options_reply().'),
    options_accept_language: strParam('en', 'Accept-Language in the answer of options_reply().'),
    options_support: strParam('', 'Supported in the answer of options_reply().'),
    contact_flds_separator: strParam('*', 'Character between the fields of an encoded Contact; the first one counts.'),
    rpid_prefix: strParam('', 'What append_rpid_hf() puts before the value.'),
    rpid_suffix: strParam(
      ';party=calling;id-type=subscriber;screen=yes',
      'What append_rpid_hf() puts after the value.',
    ),
    rpid_avp: strParam('$avp(s:rpid)', 'AVP with the value of Remote-Party-ID.', (text) =>
      text !== '' && rpidKey(text) === undefined ? `malformed or non AVP ${text} AVP definition` : undefined,
    ),
  },
  functions: {
    ...MESSAGE_FUNCTIONS,
    ...URI_FUNCTIONS,
    ...NUMBER_FUNCTIONS,
    ...COMPARE_FUNCTIONS,
    ...CONTACT_FUNCTIONS,
    ...RPID_FUNCTIONS,
    ...CHARGING_FUNCTIONS,
  },
  pvs: { pcv },
  start: (): { readonly charging: ChargingState } => ({ charging: { made: 0 } }),
});
