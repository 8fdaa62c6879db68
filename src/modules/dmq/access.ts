/** Who may speak on the bus: parameter accept_from (dmq.md, section 7: Kamailio itself takes KDMQ from anybody). */
import { type IpNet, inNet, ipBytes, parseNet } from '../../sip/ip.js';

/** Loopback, private and link-local ranges: RFC 1918, 6598, 3927, 4193, 4291. */
const PRIVATE = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].map((text) => parseNet(text)!);

const DEFAULT = ['private', 'nodes'];
const WORDS: ReadonlySet<string> = new Set(['any', 'private', 'nodes']);

export function accessProblem(text: string): string | undefined {
  return WORDS.has(text) || parseNet(text) !== undefined
    ? undefined
    : `'${text}' is no address, no network, and none of any, private, nodes`;
}

/** Answers known before are kept for so many addresses. */
const REMEMBERED = 4096;

export class Access {
  readonly #any: boolean;
  readonly #nodes: boolean;
  readonly #nets: readonly IpNet[];
  readonly #isNode: (ip: string) => boolean;
  readonly #known = new Map<string, boolean>();

  constructor(acceptFrom: readonly string[], isNode: (ip: string) => boolean) {
    const words = acceptFrom.length === 0 ? DEFAULT : acceptFrom;
    this.#any = words.includes('any');
    this.#nodes = words.includes('nodes');
    this.#nets = [
      ...(words.includes('private') ? PRIVATE : []),
      ...words.flatMap((w) => (WORDS.has(w) ? [] : (parseNet(w) ?? []))),
    ];
    this.#isNode = isNode;
  }

  allows(ip: string): boolean {
    return this.#any || this.#inNets(ip) || (this.#nodes && this.#isNode(ip));
  }

  #inNets(ip: string): boolean {
    let found = this.#known.get(ip);
    if (found === undefined) {
      const bytes = ipBytes(ip);
      found = bytes !== undefined && this.#nets.some((net) => inNet(bytes, net));
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(ip, found);
    }
    return found;
  }
}
