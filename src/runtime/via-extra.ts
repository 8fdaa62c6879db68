/** What corex's via_*() functions change in the own Via: asked by those that build it, at the time of sending. */
import { MSG_FLAG, type SipMessage } from '../sip/message.js';
import type { MessageEnv } from './message-env.js';
import type { Program } from './program.js';
import { isInt, toInt, toText } from './values.js';
import { XavpList } from './xavp.js';

export interface ViaExtra {
  /** Parameters to append, `;a=b;c`; '' for none. */
  readonly params: string;
  /** In place of the socket's own address and port. */
  readonly host?: string;
  readonly port?: string;
}

const NOTHING: ViaExtra = { params: '' };

export function viaExtra(msg: SipMessage, env: MessageEnv, program: Program): ViaExtra {
  const flags = msg.internalFlags;
  if ((flags & (MSG_FLAG.ADD_SRVID | MSG_FLAG.ADD_XAVP_VIA_PARAMS | MSG_FLAG.USE_XAVP_VIA_FIELDS)) === 0)
    return NOTHING;
  const core = program.core.values;
  let params = '';
  const serverId = Number(core.get('server_id') ?? 0);
  if ((flags & MSG_FLAG.ADD_SRVID) !== 0 && serverId !== 0) params += `;srvid=${serverId >>> 0}`;
  const root = core.get('xavp_via_params');
  if ((flags & MSG_FLAG.ADD_XAVP_VIA_PARAMS) !== 0 && typeof root === 'string' && root !== '') {
    params += xavpParams(env.xavps.fields(root));
  }
  if ((flags & MSG_FLAG.USE_XAVP_VIA_FIELDS) === 0) return { params };
  return { params, ...address(env.xavps.fields(String(core.get('xavp_via_fields') ?? ''))) };
}

function xavpParams(fields: XavpList | undefined): string {
  let out = '';
  for (const { name, value } of fields ?? []) {
    if (value instanceof XavpList) continue;
    const text = isInt(value) ? String(toInt(value) >>> 0) : toText(value);
    out += text === '' ? `;${name}` : `;${name}=${text}`;
  }
  return out;
}

function address(fields: XavpList | undefined): Pick<ViaExtra, 'host' | 'port'> {
  const host = textField(fields, 'address');
  const port = textField(fields, 'port');
  return { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
}

function textField(fields: XavpList | undefined, name: string): string | undefined {
  const value = fields?.get(name)?.value;
  return typeof value === 'string' ? value : undefined;
}
