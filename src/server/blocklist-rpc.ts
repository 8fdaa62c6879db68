/** `dst_blocklist.*`. */
import { BLOCKED, type BlockedAddress, blocklistMemory, blockSeconds, usesBlocklist } from '../runtime/blocklist.js';
import type { Host } from '../runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../runtime/module.js';
import { intArg, textArg } from '../runtime/rpc.js';
import { isIp } from '../sip/ip.js';
import { PROTO_ID, type Proto } from '../sip/transport.js';

const SECOND = 1000;
const PROTOS = Object.entries(PROTO_ID) as [Proto, number][];
const LAST_PROTO = PROTO_ID.sctp;

function listOf(host: Host): NonNullable<Host['blocklist']> {
  if (host.blocklist === undefined || !usesBlocklist(host.program))
    throw new RpcFault(500, 'dst blocklist support disabled');
  return host.blocklist;
}

const left = (host: Host, e: BlockedAddress) => Math.trunc((e.expires - host.clock.now()) / SECOND);
const nameOf = (e: BlockedAddress) => e.proto ?? '*';

function view(host: Host): RpcValue[] {
  return [...listOf(host).all()]
    .filter((e) => left(host, e) >= 0)
    .flatMap((e) => [
      `{\n    protocol: ${nameOf(e)}`,
      `    ip: ${e.ip}`,
      `    port: ${e.port}`,
      `    expires in (s): ${left(host, e)}`,
      `    flags: ${e.flags}\n}`,
    ]);
}

function add(host: Host, args: readonly RpcValue[]): undefined {
  const list = listOf(host);
  const [ip, port, id, flags] = [textArg(args, 0), intArg(args, 1), intArg(args, 2), intArg(args, 3)];
  if (id < 0 || id > LAST_PROTO) throw new RpcFault(400, 'Unknown protocol');
  const plain = ip.replace(/^\[(.*)\]$/, '$1');
  if (!isIp(plain) || ((flags & BLOCKED.IPV6) !== 0 && !plain.includes(':')))
    throw new RpcFault(400, 'Malformed ip address');
  const proto = PROTOS.find(([, n]) => n === id)?.[0];
  const { program } = host;
  if (!list.add(flags & 255, proto, plain, port, blockSeconds(program), blocklistMemory(program)))
    throw new RpcFault(400, 'Failed to add the entry to the blocklist');
  return undefined;
}

export const BLOCKLIST_RPC: Readonly<Record<string, RpcDefinition>> = {
  'dst_blocklist.mem_info': {
    doc: 'dst blocklist memory usage info.',
    run: (host) => [listOf(host).used, blocklistMemory(host.program)],
  },
  'dst_blocklist.debug': {
    doc: 'dst blocklist debug info.',
    run: (host) => [...listOf(host).all()].flatMap((e) => [nameOf(e), e.ip, e.port, left(host, e), e.flags]),
  },
  'dst_blocklist.view': { doc: 'dst blocklist dump in human-readable format.', run: view },
  'dst_blocklist.delete_all': {
    doc: 'Deletes all the entries from the dst blocklist except the permanent ones.',
    run(host) {
      listOf(host).clear();
      return undefined;
    },
  },
  'dst_blocklist.add': { doc: 'Adds a new entry to the dst blocklist: address, port, protocol, flags.', run: add },
};
