/** RPC commands permissions.*. */
import { coreHash } from '../../runtime/corehash.js';
import { type Host, type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../runtime/module.js';
import { PROTO_ID } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import type { AddressEntry } from './addresses.js';
import { findRule } from './rules.js';
import { PERMISSIONS, type Permissions } from './state.js';

const FAULT = 500;
const SLOTS = 128;
const SECOND = 1000;

function reloading(load: (state: Permissions) => Promise<void>): RpcDefinition['run'] {
  return async (host: Host) => {
    const state = host.state(PERMISSIONS);
    const now = host.clock.now();
    if (state.lastReload > now - state.params.reload_delta * SECOND) throw new RpcFault(FAULT, 'ongoing reload');
    state.lastReload = now;
    try {
      await load(state);
    } catch (e) {
      host.log.write(-1, 'permissions', `reload failed: ${e instanceof Error ? e.message : String(e)}\n`);
      throw new RpcFault(FAULT, 'Reload failed.');
    }
    return 'Reload OK';
  };
}

const slotOf = (key: string): number => coreHash(key, undefined, SLOTS);

function dumpAddresses(host: Host): RpcValue {
  const { addresses } = host.state(PERMISSIONS);
  if (addresses === undefined) throw new RpcFault(FAULT, 'No address table');
  const shown = (e: AddressEntry) => ({
    table: slotOf(String.fromCharCode(...(e.bytes ?? []).slice(0, 4))),
    group: e.group,
    item: { ip: e.address, port: e.port, tag: e.tag ?? 'NULL' },
  });
  return sortedBySlot([...addresses.addresses.values()].flat().map(shown));
}

/** One record with the fields of all after each other, as 5.6.3 gives it: JSON keeps the last of equal names. */
function inOneRecord(items: readonly Readonly<Record<string, RpcValue>>[]): RpcRecord {
  return new RpcRecord(items.flatMap((item) => Object.entries(item)));
}

function sortedBySlot<T extends { readonly table: number }>(items: readonly T[]): T[] {
  return items.slice().sort((a, b) => a.table - b.table);
}

function dumpNetworks(host: Host): RpcValue {
  const { addresses } = host.state(PERMISSIONS);
  if (addresses === undefined) throw new RpcFault(FAULT, 'No subnet table');
  return addresses.networks.map((e, id) => ({
    id,
    group: e.group,
    item: { ip: e.address, mask: e.mask, port: e.port, tag: e.tag ?? '' },
  }));
}

function dumpNames(host: Host): RpcValue {
  const { addresses } = host.state(PERMISSIONS);
  if (addresses === undefined) throw new RpcFault(FAULT, 'No domain list table');
  const shown = (e: AddressEntry) => ({
    table: slotOf(e.address),
    group: e.group,
    item: { domain_name: e.address, port: e.port, tag: e.tag ?? 'NULL' },
  });
  return inOneRecord(sortedBySlot([...addresses.names.values()].flat().map(shown)));
}

function dumpPeers(host: Host): RpcValue {
  const { peers } = host.state(PERMISSIONS);
  if (peers === undefined) throw new RpcFault(FAULT, 'No trusted table');
  const byPriority = [...peers.values()].flat().sort((a, b) => b.priority - a.priority);
  const items = sortedBySlot(
    byPriority.map((peer) => {
      const proto = protoOf(peer.proto);
      return {
        table: slotOf(peer.source),
        item: {
          ip: peer.source,
          proto: proto === undefined ? 0 : PROTO_ID[proto],
          pattern: peer.from ?? 'NULL',
          ruri_pattern: peer.ruri ?? 'NULL',
          tag: peer.tag ?? 'NULL',
          priority: peer.priority,
        },
      };
    }),
  );
  return inOneRecord(items);
}

function testUri(host: Host, args: readonly RpcValue[]): RpcValue {
  const [base, uri, contact] = args.map(String);
  if (base === undefined || uri === undefined || contact === undefined)
    throw new RpcFault(FAULT, 'Not enough parameters (basename, URI and contact)');
  const state = host.state(PERMISSIONS);
  const { allow_suffix, deny_suffix } = state.params;
  if (!state.knowsRules(base + allow_suffix)) return 'Denied';
  if (findRule(state.rules(base + allow_suffix), uri, contact)) return 'Allowed';
  return findRule(state.rules(base + deny_suffix), uri, contact) ? 'Denied' : 'Allowed';
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'permissions.addressReload': {
    doc: 'Reads the addresses again.',
    run: reloading((state) => state.loadAddresses()),
  },
  'permissions.trustedReload': { doc: 'Reads the trusted peers again.', run: reloading((state) => state.loadPeers()) },
  'permissions.addressDump': { doc: 'The single addresses.', run: dumpAddresses, returnsArray: true },
  'permissions.subnetDump': { doc: 'The networks.', run: dumpNetworks, returnsArray: true },
  'permissions.domainDump': { doc: 'The names.', run: dumpNames },
  'permissions.trustedDump': { doc: 'The trusted peers.', run: dumpPeers },
  'permissions.testUri': { doc: 'Would allow_uri() allow it? Base name of the files, URI, contact.', run: testUri },
  'permissions.allowUri': { doc: 'As permissions.testUri.', run: testUri },
};
