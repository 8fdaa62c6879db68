/** Module dmq_usrloc: registered contacts over the DMQ bus (dmq.md, 6.2). */
import { defineModule, type Host, intParam, strParam } from '../runtime/module.js';
import { DMQ } from './dmq/dmq-state.js';
import { UsrlocPeer, type UsrlocPeerSettings } from './dmq/usrloc-peer.js';
import { DB_MODE, usrlocOf } from './usrloc/index.js';

type Params = Readonly<Record<string, unknown>>;

const MOST_CONTACTS = 150;
const MOST_BYTES = 60_000;

function settingsOf(p: Params): UsrlocPeerSettings {
  const number = (name: string): number => p[name] as number;
  const [after, usleep] = [number('batch_size'), number('batch_usleep')];
  return {
    sync: number('sync') !== 0,
    socketInfo: number('replicate_socket_info') !== 0,
    batchContacts: Math.min(Math.max(number('batch_msg_contacts'), 1), MOST_CONTACTS),
    batchBytes: Math.min(Math.max(number('batch_msg_size'), 1), MOST_BYTES),
    pause: after > 0 && usleep > 0 ? { after, ms: Math.ceil(usleep / 1000) } : undefined,
    domain: p.usrloc_domain as string,
    tellDeletes: number('usrloc_delete') !== 0,
  };
}

export const dmqUsrloc = defineModule({
  name: 'dmq_usrloc',
  doc: 'Tells the other nodes of the DMQ bus of registered contacts, and takes in theirs.',
  params: {
    enable: intParam(0, '1: contacts are replicated.'),
    sync: intParam(1, '1: the other nodes are asked for all contacts at start.'),
    replicate_socket_info: intParam(0, '1: the socket that a contact came by is told; used where it is an own one.'),
    batch_msg_contacts: intParam(1, 'Contacts of one message of a synchronisation, at most 150.'),
    batch_msg_size: intParam(60000, 'Bytes of one message of a synchronisation, at most 60000.'),
    batch_size: intParam(0, 'Contacts of a synchronisation after which it pauses; 0 never.'),
    batch_usleep: intParam(0, 'Microseconds of that pause.'),
    usrloc_domain: strParam('location', 'The table of contacts that is replicated.'),
    usrloc_delete: intParam(1, '0: removals are not told.'),
  },
  needs: ['dmq', 'usrloc'],
  start(host, given): UsrlocPeer | null {
    if (given.enable === 0) return null;
    if (usrlocOf(host).params.db_mode === DB_MODE.ONLY)
      throw new Error('dmq_usrloc: with db_mode 3 of usrloc the database already is what the nodes share');
    const { bus } = host.state(DMQ);
    const peer = new UsrlocPeer(bus, settingsOf(given));
    bus.addPeer(peer);
    bus.onFirstList(() => peer.requestSync());
    return peer;
  },
  reload(_host: Host, state, given) {
    if (state !== null) (state as UsrlocPeer).settings = settingsOf(given);
  },
  stop(_host, state) {
    (state as UsrlocPeer | null)?.stop();
  },
});
