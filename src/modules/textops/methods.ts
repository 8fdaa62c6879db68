/** is_method(): names of one or several methods. */
import type { BindResult } from '../../runtime/module.js';
import { METHOD_OTHER, methodId, methodOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';

export type MethodTest = (msg: SipMessage) => boolean;

/**
 * The test for `INVITE`, `INVITE|ACK`. Names ignore case. In a list every name must be known; a single unknown one is
 * compared as text.
 */
export function parseMethods(text: string): BindResult<MethodTest> {
  const names = text.split(/[|,]/).map((name) => name.trim().toUpperCase());
  if (!names.every((name) => /^[!#$%&'*+.^_`~0-9A-Z-]+$/.test(name))) return { error: `bad method names '${text}'` };
  const mask = names.reduce((bits, name) => bits | methodId(name), 0);
  if ((mask & METHOD_OTHER) === 0) return { ok: (msg) => (methodId(methodOf(msg)) & mask) !== 0 };
  if (text.includes('|'))
    return { error: `unknown method in list '${text}'`, hint: 'a list takes only methods that Kamailio knows' };
  if (mask !== METHOD_OTHER) return { ok: (msg) => (methodId(methodOf(msg)) & mask) !== 0 };
  return { ok: (msg) => methodId(methodOf(msg)) === METHOD_OTHER && methodOf(msg).toUpperCase() === names[0] };
}
