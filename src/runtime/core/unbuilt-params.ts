/** Core parameters whose effect is not built: values that ask for it are refused when the server starts. */
import type { Problem } from '../../parser/problem.js';
import type { ListenAddress, Script } from '../../parser/tree.js';
import { problem } from '../compile/problems.js';

interface Unbuilt {
  /** Values that ask for nothing. */
  readonly fine: readonly (number | string)[];
  readonly why: string;
}

const NO_SCTP = 'there is no SCTP: it takes UDP, TCP and TLS';

const off = (why: string): Unbuilt => ({ fine: [0], why });

const UNBUILT: Readonly<Record<string, Unbuilt>> = {
  bind_ipv6_link_local: off('name the addresses in listen lines'),
  chroot: { fine: [''], why: 'Node.js cannot change its root; start it within one' },
  enable_sctp: { fine: [0, 2], why: NO_SCTP },
  tcp_accept_hep3: off('HEP3 packets are not taken'),
};

export function unbuiltParams(script: Script): Problem[] {
  return script.items.flatMap((item) => {
    if (item.kind !== 'param') return [];
    if (item.value.kind === 'addresses') return item.value.value.flatMap(unbuiltAddress);
    const unbuilt = UNBUILT[item.name];
    const { value } = item.value;
    if (unbuilt === undefined || unbuilt.fine.includes(value)) return [];
    return [problem('core-param-not-built', { name: item.name, value, why: unbuilt.why }, item.span)];
  });
}

function unbuiltAddress({ proto, span }: ListenAddress): Problem[] {
  if (proto?.toLowerCase() !== 'sctp') return [];
  return [problem('core-param-not-built', { name: 'listen', value: 'sctp:…', why: NO_SCTP }, span)];
}
