/** Groups of addresses, networks and names, each with a port and a tag. */
import { type IpNet, inNet, ipBytes, parseNet } from '../../sip/ip.js';

export interface AddressEntry {
  readonly group: number;
  /** As written: a name, or an address. */
  readonly address: string;
  /** undefined: a name. */
  readonly bytes: readonly number[] | undefined;
  /** Number of bits; 32 or 128 for a single address. */
  readonly mask: number;
  /** Of a network. */
  readonly net: IpNet | undefined;
  /** 0: any. */
  readonly port: number;
  readonly tag: string | undefined;
}

/** Single addresses are looked at first, the last of the file before the others; then networks by group. */
export class AddressTable {
  readonly addresses = new Map<string, AddressEntry[]>();
  readonly networks: AddressEntry[] = [];
  readonly names = new Map<string, AddressEntry[]>();

  constructor(entries: Iterable<AddressEntry>) {
    for (const entry of entries) this.#add(entry);
    this.networks.sort((a, b) => a.group - b.group);
  }

  #add(entry: AddressEntry): void {
    if (entry.bytes === undefined) push(this.names, entry.address, entry);
    else if (entry.mask === entry.bytes.length * 8) push(this.addresses, entry.bytes.join('.'), entry);
    else this.networks.push(entry);
  }

  /** The first entry for an address or name, of `group` where one is given. */
  find(address: string, port: number, group?: number): AddressEntry | undefined {
    const fits = (e: AddressEntry) => (group === undefined || e.group === group) && (e.port === 0 || e.port === port);
    const bytes = ipBytes(address);
    if (bytes === undefined) return this.names.get(address)?.find(fits);
    const exact = this.addresses.get(bytes.join('.'))?.find(fits);
    return exact ?? this.networks.find((e) => fits(e) && e.net !== undefined && inNet(bytes, e.net));
  }

  *entries(): IterableIterator<AddressEntry> {
    for (const list of this.addresses.values()) yield* list;
    yield* this.networks;
    for (const list of this.names.values()) yield* list;
  }
}

/** The newest is looked at first, as in Kamailio. */
function push(map: Map<string, AddressEntry[]>, key: string, entry: AddressEntry): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.unshift(entry);
}

/** Undefined where the mask does not fit the address. A mask of 0 is that of a single address. */
export function addressEntry(
  group: number,
  address: string,
  mask: number,
  port: number,
  tag: string | undefined,
): AddressEntry | undefined {
  const bytes = ipBytes(address);
  const bits = (bytes?.length ?? 0) * 8;
  if (bytes !== undefined && (mask < 0 || mask > bits)) return undefined;
  const net = bytes === undefined ? undefined : parseNet(`${address.replace(/[[\]]/g, '')}/${mask || bits}`);
  return { group, address, bytes, mask: mask || bits, net, port, tag };
}

const LINE = /^\s*(\d*)\s*(?:([^\s#]+)(?:\s+(\d*)(?:\s+(\d*)(?:\s+([^\s#]+))?)?)?)?/;

/** Lines `group address mask port tag`; the number of the first line that is none. */
export function parseAddressFile(
  text: string,
): { readonly entries: readonly AddressEntry[] } | { readonly badLine: number } {
  const entries: AddressEntry[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*$/, '');
    if (content.trim() === '') continue;
    const [, group = '', address, mask = '', port = '', tag] = LINE.exec(content) ?? [];
    const entry =
      address === undefined ? undefined : addressEntry(Number(group), address, Number(mask), Number(port), tag);
    if (entry === undefined) return { badLine: i + 1 };
    entries.push(entry);
  }
  return { entries };
}
