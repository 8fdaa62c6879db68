import { parseAvpAliases } from '../../runtime/message-env.js';
import { defineModule, listParam } from '../../runtime/module.js';
import { TRANSFORMATIONS_PV } from '../../runtime/transformations/index.js';
import { PV_VARIABLES } from '../../runtime/variables/index.js';
import { SCRATCH_FUNCTIONS } from './scratch-branch.js';
import { addFirstValues, checkFirstValue, earlyValue, SHARED_RPC, setFirstValues } from './shared.js';
import { VALUE_FUNCTIONS } from './values.js';
import { XAVP_FUNCTIONS } from './xavp.js';

const params = {
  shvset: listParam('First value of a $shv: `name=i:4` or `name=s:text`.', checkFirstValue),
  varset: listParam('First value of a $var: `name=i:4` or `name=s:text`.', checkFirstValue),
  avp_aliases: listParam('Other names of AVPs: `acct=s:account;num=i:45`.', (text) =>
    parseAvpAliases(text) === undefined ? `parse error in <${text}>` : undefined,
  ),
};

export const pv = defineModule({
  name: 'pv',
  doc: 'Pseudo-variables, transformations, and functions on variables.',
  params,
  functions: { ...VALUE_FUNCTIONS, ...XAVP_FUNCTIONS, ...SCRATCH_FUNCTIONS },
  pvs: PV_VARIABLES,
  transformations: TRANSFORMATIONS_PV,
  rpc: SHARED_RPC,
  early: earlyValue,
  start: setFirstValues,
  reload: (host, _state, values) => addFirstValues(host, values),
});
