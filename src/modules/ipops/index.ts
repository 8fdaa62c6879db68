/** Kamailio's ipops: questions about IP addresses, and DNS. */
import { hostname } from 'node:os';
import {
  defineModule,
  fn,
  type Host,
  int,
  type PvAccessor,
  pvTable,
  quoted,
  str,
  variable,
} from '../../runtime/module.js';
import { type Address, addressType, isInSubnets, PRIVATE_NETS, parseAddress, sameAddress } from './address.js';
import {
  addressesOf,
  IPOPS,
  type IpopsState,
  pvs,
  queryAddresses,
  queryPointers,
  queryServices,
  systemAddress,
} from './dns.js';

const code = (ok: boolean): number => (ok ? 1 : -1);

const TYPES = { ipv4: 1, ipv6: 2, 'ipv6-reference': 3 } as const;
const BAD_ADDRESS = -3;
const NOT_RESOLVED = -4;

function question(doc: string, test: (address: Address | undefined) => boolean) {
  return fn({ doc, args: [str('text')], run: (_ctx, _params: unknown, text) => code(test(parseAddress(text))) });
}

/** Stores the type of an address that `accept` takes. */
function detailed(doc: string, accept: (address: Address) => boolean) {
  return fn({
    doc,
    args: [str('address'), variable('result', { writable: true })],
    run(ctx, _params: unknown, text, result: PvAccessor) {
      const address = parseAddress(text.trim());
      if (address === undefined || !accept(address)) return -1;
      result.set?.(ctx, addressType(address));
      return 1;
    },
  });
}

async function matchesName(host: Host, name: string, ip: string): Promise<number> {
  const address = parseAddress(ip);
  if (address === undefined) return BAD_ADDRESS;
  const found = await addressesOf(host, name);
  if (found === undefined) return NOT_RESOLVED;
  return code(
    found.some((f) => {
      const other = parseAddress(f);
      return other !== undefined && sameAddress(address, other);
    }),
  );
}

function compare(a: string, b: string, pure: boolean): number {
  const [x, y] = [parseAddress(a), parseAddress(b)];
  if (x === undefined || y === undefined) return -1;
  if (pure && (x.kind === 'ipv6-reference' || y.kind === 'ipv6-reference')) return -1;
  return code(sameAddress(x, y));
}

const shortName = (full: string) => full.split('.')[0] ?? full;

export const ipops = defineModule({
  name: 'ipops',
  doc: 'Questions about IP addresses, and DNS look-ups.',
  functions: {
    is_ip: question('True for an IPv4 or IPv6 address, the latter in brackets too.', (a) => a !== undefined),
    is_pure_ip: question(
      'True for an IPv4 address or an IPv6 one without brackets.',
      (a) => a !== undefined && a.kind !== 'ipv6-reference',
    ),
    is_ipv4: question('True for an IPv4 address.', (a) => a?.kind === 'ipv4'),
    is_ipv6: question('True for an IPv6 address without brackets.', (a) => a?.kind === 'ipv6'),
    is_ipv6_reference: question('True for an IPv6 address in brackets.', (a) => a?.kind === 'ipv6-reference'),
    ip_type: fn({
      doc: '1 for an IPv4 address, 2 for an IPv6 one, 3 for one in brackets, else false.',
      args: [str('text')],
      run(_ctx, _params: unknown, text) {
        const address = parseAddress(text);
        return address === undefined ? -1 : TYPES[address.kind];
      },
    }),
    detailed_ip_type: detailed(
      'Stores what kind of address it is: PUBLIC, PRIVATE, LOOPBACK, GLOBAL-UNICAST …',
      () => true,
    ),
    detailed_ipv4_type: detailed('The same for IPv4 addresses only.', (a) => a.kind === 'ipv4'),
    detailed_ipv6_type: detailed('The same for IPv6 addresses only.', (a) => a.kind !== 'ipv4'),
    compare_ips: fn({
      doc: 'True if the two are one address, in whatever spelling.',
      args: [str('a'), str('b')],
      run: (_ctx, _params: unknown, a, b) => compare(a, b, false),
    }),
    compare_pure_ips: fn({
      doc: 'True if the two are one address; brackets are not allowed.',
      args: [str('a'), str('b')],
      run: (_ctx, _params: unknown, a, b) => compare(a, b, true),
    }),
    is_ip_rfc1918: fn({
      doc: 'True for a private IPv4 address of RFC 1918.',
      args: [str('text')],
      run(_ctx, _params: unknown, text) {
        const address = parseAddress(text);
        return code(address?.kind === 'ipv4' && isInSubnets(address, PRIVATE_NETS));
      },
    }),
    is_in_subnet: fn({
      doc: 'True if the address is in one of the nets: "192.0.2.0/24, 10.0.0.0/8, 198.51.100.7".',
      args: [str('address'), str('nets')],
      run(_ctx, _params: unknown, text, nets) {
        const address = parseAddress(text);
        return code(address !== undefined && address.kind !== 'ipv6-reference' && isInSubnets(address, nets));
      },
    }),
    dns_sys_match_ip: fn({
      doc: 'True if the name has the address; -4 if it does not resolve.',
      args: [str('name'), str('address')],
      waits: true,
      run: (ctx, _params: unknown, name, ip) => matchesName(ctx.host, name, ip),
    }),
    dns_int_match_ip: fn({
      doc: 'True if the name has the address; -4 if it does not resolve.',
      args: [str('name'), str('address')],
      waits: true,
      run: (ctx, _params: unknown, name, ip) => matchesName(ctx.host, name, ip),
    }),
    dns_query: fn({
      doc: 'Looks up the addresses of a name for `$dns(id=>…)`; -4 if there are none.',
      args: [str('name'), str('id')],
      waits: true,
      run: (ctx, _params: unknown, name, id) => queryAddresses(ctx.host, name, id),
    }),
    srv_query: fn({
      doc: 'Looks up SRV records for `$srvquery(id=>…)`.',
      args: [str('name'), str('id')],
      waits: true,
      run: (ctx, _params: unknown, name, id) => queryServices(ctx.host, name, id),
    }),
    naptr_query: fn({
      doc: 'Looks up NAPTR records for `$naptrquery(id=>…)`.',
      args: [str('name'), str('id')],
      waits: true,
      run: (ctx, _params: unknown, name, id) => queryPointers(ctx.host, name, id),
    }),
    dns_set_local_ttl: fn({
      doc: 'Lifetime of local DNS records in seconds; answers are not kept here, so it changes nothing.',
      args: [quoted(int('seconds'))],
      run: () => 1,
    }),
  },
  pvs: {
    ...pvs,
    HN: pvTable('The host that the server runs on: `n` name, `f` full name, `d` domain, `i` address.', {
      n: (ctx) => shortName(ctx.host.state(IPOPS).host.full),
      f: (ctx) => ctx.host.state(IPOPS).host.full,
      d: (ctx) => ctx.host.state(IPOPS).host.full.slice(shortName(ctx.host.state(IPOPS).host.full).length + 1) || null,
      i: (ctx) => ctx.host.state(IPOPS).host.ip,
    }),
  },
  async start(): Promise<IpopsState> {
    const full = hostname();
    const ip = await systemAddress(full);
    return { addresses: new Map(), services: new Map(), pointers: new Map(), host: { full, ip } };
  },
});
