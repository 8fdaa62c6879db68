/** `{sock.*}`: parts of `proto:host:port`. */

import type { Context } from '../../runtime/context.js';
import type { BindResult, Transform, TransformationDefinition } from '../../runtime/module.js';
import { toText } from '../../runtime/values.js';
import { type AddressText, parseAddress } from './address.js';

const NAMES: Readonly<Record<string, (a: AddressText) => string>> = {
  host: (a) => a.host,
  port: (a) => a.port,
  proto: (a) => a.proto,
  touri: (a) => `sip:${a.host}${a.port === '' ? '' : `:${a.port}`}${a.proto === '' ? '' : `;transport=${a.proto}`}`,
};

/** tcp and tls are no protocols where they are off, and sctp is off as long as no module brings it (seen). */
function usable(ctx: Context, { proto }: AddressText): boolean {
  const name = proto.toLowerCase();
  if (name === 'sctp') return false;
  return (name !== 'tcp' && name !== 'tls') || Number(ctx.program.core.values.get('disable_tcp') ?? 0) === 0;
}

export const sock: TransformationDefinition = {
  doc: 'Parts of a socket address `proto:host:port`.',
  names: {
    host: 'The host.',
    port: 'The port, empty when there is none.',
    proto: 'The protocol as written, empty when there is none.',
    touri: 'The address as a SIP URI with a transport parameter.',
  },
  bind(name, _args, _env, rest): BindResult<Transform> {
    if (rest !== '') return { error: `{sock.${name}} takes no argument` };
    const part = NAMES[name.toLowerCase()];
    if (part === undefined) return { error: `unknown SOCK transformation: ${name}` };
    return {
      ok(value, ctx) {
        if (value === null || value === undefined) return undefined;
        const address = parseAddress(toText(value));
        return address === undefined || !usable(ctx, address) ? undefined : part(address);
      },
    };
  },
};
