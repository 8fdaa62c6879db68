/** Module pua: publishes for other modules, at this server or elsewhere. */
import { openDatabase } from '../../runtime/database.js';
import type { TimerHandle } from '../../runtime/host.js';
import { defineModule, type Host, intParam, LEVEL, strParam } from '../../runtime/module.js';
import { checkTableVersion } from '../sql/version.js';
import { PUA, Pua, puaParams } from './pua.js';
import { PUA_VERSION, PuaTable } from './table.js';

const DEFAULT_URL = 'mysql://kamailio:kamailiorw@localhost/kamailio';
const SECOND = 1000;

const timers = new WeakMap<Pua, TimerHandle>();

/** Undefined where the script names no database. Rejects with a DbError. */
async function openTable(host: Host): Promise<PuaTable | undefined> {
  const { db_url, db_table } = puaParams(host.program);
  if (db_url === DEFAULT_URL && host.module('db_mysql') === undefined) {
    host.log.write(LEVEL.NOTICE, 'pua', 'no db_url and no db_mysql: what is published is forgotten with the server\n');
    return undefined;
  }
  const db = await openDatabase(host, db_url);
  await checkTableVersion(db, db_table, PUA_VERSION);
  return new PuaTable(db, db_table);
}

function startTimer(host: Host, pua: Pua): void {
  timers.get(pua)?.cancel();
  const { update_period } = pua.params;
  if (update_period > 0)
    timers.set(
      pua,
      host.clock.every((update_period - 5) * SECOND, () => pua.refresh()),
    );
}

export const pua = defineModule({
  name: 'pua',
  doc: 'Publishes what other modules such as pua_dialoginfo have to tell, by PUBLISH requests, and refreshes it.',
  params: {
    hash_size: intParam(9, 'Without effect: tables grow by themselves.'),
    db_url: strParam(DEFAULT_URL, 'Database of the table; the default without db_mysql: none.'),
    db_table: strParam('pua', 'Table of what is published, for after a restart.'),
    min_expires: intParam(0, 'Seconds in Expires of a PUBLISH that takes a document away.'),
    default_expires: intParam(3600, 'Seconds for what is published for good; below 600: 3600.'),
    update_period: intParam(100, 'Seconds between refreshes; 0 never, else more than 5.', (v) =>
      v === 0 || v > 5 ? undefined : 'update_period must be 0 or > 5',
    ),
    outbound_proxy: strParam(null, 'SIP URI of where PUBLISH requests go, in place of their R-URI.'),
    dlginfo_increase_version: intParam(0, '1: documents about dialogs are numbered.'),
    reginfo_increase_version: intParam(0, 'Without effect: no module here publishes registrations.'),
    check_remote_contact: intParam(1, 'Without effect: it is about subscriptions of this server elsewhere.'),
    db_mode: intParam(0, 'Each change is written at once in all modes.', (v) =>
      v === 0 || v === 2 ? undefined : 'one of 0, 2',
    ),
    fetch_rows: intParam(500, 'Without effect: the table is read in one go.'),
    db_table_lock_write: intParam(1, 'Without effect: no table is locked.'),
  },
  atStart: ['db_url', 'db_table'],
  missing: ['pua_update_contact'],
  needs: ['tm'],
  rpc: {
    'pua.cleanup': {
      doc: 'Refreshes what would end soon, and forgets what has ended.',
      run(host) {
        host.state(PUA).refresh();
        return undefined;
      },
    },
  },
  async start(host): Promise<Pua> {
    const state = new Pua(host, await openTable(host));
    await state.restore();
    return state;
  },
  ready(host, state) {
    startTimer(host, state as Pua);
  },
  reload(host, state) {
    startTimer(host, state as Pua);
  },
  async stop(_host, state) {
    const own = state as Pua;
    timers.get(own)?.cancel();
    await own.table?.close();
  },
});
