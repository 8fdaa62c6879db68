/** Addresses that are not reached from outside (RFC 1918, 6598, 7335). */
import { type IpNet, inNet, ipBytes, parseNet } from '../../sip/ip.js';

const nets = (...texts: string[]): readonly IpNet[] => texts.map((t) => parseNet(t)).filter((n) => n !== undefined);

const PRIVATE = nets('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '192.0.0.0/29');
/** Counted too with nat_addr_mode 1. */
const RESERVED = nets('192.0.0.0/24');

const IPV4_BYTES = 4;

/** False too for what is no IPv4 address. */
export function isPrivate(text: string, mode: number): boolean {
  const bytes = ipBytes(text);
  if (bytes?.length !== IPV4_BYTES) return false;
  return PRIVATE.some((net) => inNet(bytes, net)) || (mode === 1 && RESERVED.some((net) => inNet(bytes, net)));
}
