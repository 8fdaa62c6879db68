/** Module usrloc: the tables of registered contacts (sip.md, section 7). */
import type { TimerHandle } from '../../runtime/host.js';
import { defineModule, type Host } from '../../runtime/module.js';
import { bindLogMessage, sendKeepalives, takeReply } from './keepalive.js';
import { COLUMNS, DB_MODE, params } from './params.js';
import { rpc } from './rpc.js';
import { type DatabaseStorage, openStorage } from './storage.js';
import { tablesOf } from './tables.js';
import { type Domain, Usrloc } from './usrloc.js';

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

interface Extras {
  timer?: TimerHandle;
  storage?: DatabaseStorage;
}

const extras = new WeakMap<Usrloc, Extras>();

function extrasOf(usrloc: Usrloc): Extras {
  let found = extras.get(usrloc);
  if (found === undefined) {
    found = {};
    extras.set(usrloc, found);
  }
  return found;
}

function openTables(host: Host, usrloc: Usrloc): void {
  for (const name of [...usrloc.params.preload, ...tablesOf(host.program.script)])
    countTable(host, usrloc.domain(name));
}

/** The statistics of one table, as `location_users`: what memory holds now, and how many have expired. */
function countTable(host: Host, domain: Domain): void {
  // of stats_name_separator the first character counts
  const separator = String(host.program.core.values.get('stats_name_separator') ?? '_')[0] ?? '';
  const count = (what: string, read: () => number) =>
    host.statistics.set(`usrloc.${domain.name}${separator}${what}`, read);
  count('users', () => domain.records.size);
  count('contacts', () => domain.contactCount());
  count('expires', () => domain.expired);
}

/** Opens the database, and takes in what it holds. */
async function openDatabase(host: Host, usrloc: Usrloc): Promise<void> {
  if (usrloc.params.db_mode === DB_MODE.NONE) return;
  const storage = await openStorage(host, usrloc.domains.keys());
  extrasOf(usrloc).storage = storage;
  usrloc.storage = storage;
  await loadTables(usrloc, usrloc.domains.keys());
}

async function loadTables(usrloc: Usrloc, tables: Iterable<string>): Promise<void> {
  const { db_mode, db_load, db_clean_tcp } = usrloc.params;
  const { storage } = extrasOf(usrloc);
  if (storage === undefined || db_mode === DB_MODE.ONLY) return;
  if (db_load === 0 && db_mode !== DB_MODE.READ_ONLY) return;
  for (const table of tables) {
    if (db_clean_tcp !== 0) await storage.deleteConnections(table);
    for (const contact of await storage.all(table)) usrloc.restore(contact);
  }
}

function startTimer(host: Host, usrloc: Usrloc): void {
  const own = extrasOf(usrloc);
  own.timer?.cancel();
  const { timer_interval: seconds } = usrloc.params;
  if (seconds > 0) own.timer = host.clock.every(seconds * SECOND, () => tick(host, usrloc));
}

function tick(host: Host, usrloc: Usrloc): void {
  usrloc.tick();
  sendKeepalives(host, usrloc);
  const { db_mode, db_timer_clean, rm_expired_delay } = usrloc.params;
  const { storage } = extrasOf(usrloc);
  if (storage === undefined) return;
  if (db_mode !== DB_MODE.ONLY && (db_timer_clean === 0 || db_mode === DB_MODE.READ_ONLY)) return;
  for (const table of usrloc.domains.keys())
    host.detach(storage.deleteExpired(table, usrloc.now() - rm_expired_delay), 'usrloc: rows that have expired');
}

export const usrloc = defineModule({
  name: 'usrloc',
  doc: 'The location service: tables of registered contacts, kept in memory, in a database or both.',
  params,
  rpc,
  atStart: ['db_url', 'db_mode', 'use_domain', 'expires_type', 'hash_size', ...Object.keys(COLUMNS)],
  check: (values, env) => bindLogMessage(values, env),
  async start(host): Promise<Usrloc> {
    const state = new Usrloc(host);
    host.hooks.onReply.push((ctx) => {
      takeReply(ctx);
      return false;
    });
    openTables(host, state);
    host.statistics.set('usrloc.registered_users', () => state.users());
    await openDatabase(host, state);
    return state;
  },
  ready(host, state) {
    startTimer(host, state as Usrloc);
  },
  async reload(host, state) {
    const usrloc = state as Usrloc;
    const known = new Set(usrloc.domains.keys());
    openTables(host, usrloc);
    startTimer(host, usrloc);
    await loadTables(
      usrloc,
      [...usrloc.domains.keys()].filter((name) => !known.has(name)),
    );
  },
  async stop(_host, state) {
    const own = extrasOf(state as Usrloc);
    own.timer?.cancel();
    if ((state as Usrloc).params.db_mode === DB_MODE.WRITE_BACK) (state as Usrloc).tick();
    await own.storage?.close();
  },
});
