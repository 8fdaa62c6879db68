/** Module usrloc: the tables of registered contacts (sip.md, section 7). */
import type { TimerHandle } from '../../runtime/host.js';
import { defineModule, type Host } from '../../runtime/module.js';
import { params } from './params.js';
import { rpc } from './rpc.js';
import { tablesOf } from './tables.js';
import { Usrloc } from './usrloc.js';

export type { AorRecord, Contact, ContactInfo } from './contact.js';
export { ALL_METHODS, CONTACT_FLAG, isValid, sameInstance } from './contact.js';
export { DB_MODE } from './params.js';
export {
  type ChangeKind,
  type ChangeListener,
  Domain,
  hasUsrloc,
  type Match,
  type MatchKey,
  type Storage,
  USRLOC,
  Usrloc,
  usrlocOf,
} from './usrloc.js';

const SECOND = 1000;

const timers = new WeakMap<Usrloc, TimerHandle>();

function openTables(host: Host, usrloc: Usrloc): void {
  for (const name of [...usrloc.params.preload, ...tablesOf(host.program.script)]) usrloc.domain(name);
}

function startTimer(host: Host, usrloc: Usrloc): void {
  timers.get(usrloc)?.cancel();
  const { timer_interval: seconds } = usrloc.params;
  if (seconds > 0)
    timers.set(
      usrloc,
      host.clock.every(seconds * SECOND, () => usrloc.tick()),
    );
}

export const usrloc = defineModule({
  name: 'usrloc',
  doc: 'The location service: tables of registered contacts, kept in memory, in a database or both.',
  params,
  rpc,
  start(host): Usrloc {
    const state = new Usrloc(host);
    openTables(host, state);
    host.statistics.set('usrloc.registered_users', () => state.users());
    return state;
  },
  ready(host, state) {
    startTimer(host, state as Usrloc);
  },
  reload(host, state) {
    openTables(host, state as Usrloc);
    startTimer(host, state as Usrloc);
  },
  stop(_host, state) {
    timers.get(state as Usrloc)?.cancel();
  },
});
