/** Module dialog: calls from their INVITE to their BYE (RFC 3261, 12). */
import { defineModule, type Host, needsNoRun } from '../../runtime/module.js';
import { DialogPeer } from '../dmq/dialog-peer.js';
import { DMQ } from '../dmq/dmq-state.js';
import { onRoute } from '../rr/state.js';
import { onLocalTransaction, onTransaction } from '../tm/api.js';
import { DIALOG_SLOT } from './context.js';
import { cseqTransactionBegan, trackCseq } from './cseq.js';
import { functions } from './functions.js';
import { profileFunctions } from './functions-profiles.js';
import { runKeepalives } from './keepalive.js';
import { COLUMNS, DB_MODE, type DialogParams, dialogParams, params, VAR_COLUMNS } from './params.js';
import { profileNames } from './profiles.js';
import { prepareRequestUri } from './request-uri.js';
import { rpc } from './rpc.js';
import { Dialogs } from './state.js';
import { openStorage, type Storage } from './storage.js';
import { clean, timedOut } from './timeout.js';
import { follow, runEnded, transactionBegan } from './tracking.js';
import { pvs } from './variables.js';

const SECOND = 1000;
const CLEAN_INTERVAL = 90 * SECOND;

function problemsOf(given: Readonly<Record<string, unknown>>): string[] {
  const { profiles_with_value, profiles_no_value } = given as unknown as DialogParams;
  const names = [...profileNames(profiles_no_value), ...profileNames(profiles_with_value)];
  const bad = names.filter((name) => !/^[A-Za-z0-9_]+$/.test(name));
  const twice = names.filter((name, i) => names.indexOf(name) < i);
  return [
    ...bad.map((name) => `bad profile name <${name}>: use letters, digits and '_' only`),
    ...twice.map((name) => `duplicate dialog profile registered <${name}>`),
  ];
}

function statistics(host: Host, ds: Dialogs): void {
  if (ds.params.enable_stats === 0) return;
  host.statistics.set('dialog.active_dialogs', () => ds.active);
  host.statistics.set('dialog.early_dialogs', () => ds.early);
  for (const name of ['processed', 'expired', 'failed']) host.count(`dialog.${name}_dialogs`, 0);
}

function startTimers(host: Host, ds: Dialogs): void {
  for (const timer of ds.timers) timer.cancel();
  const { ka_timer, ka_interval, db_mode, db_update_period } = ds.params;
  ds.timers = [host.clock.every(CLEAN_INTERVAL, () => clean(ds))];
  if (ka_timer > 0 && ka_interval > 0) ds.timers.push(host.clock.every(ka_timer * SECOND, () => runKeepalives(ds)));
  if (db_mode === DB_MODE.DELAYED)
    ds.timers.push(host.clock.every(db_update_period * SECOND, () => (ds.storage as Storage | undefined)?.flush()));
}

const PEERS = new WeakMap<Dialogs, DialogPeer>();

/** Tells the bus, or stops telling it, as enable_dmq wants. */
function connectBus(host: Host, ds: Dialogs): DialogPeer | undefined {
  const peer = PEERS.get(ds);
  const isWanted = ds.params.enable_dmq > 0 && host.hasState(DMQ);
  if (isWanted === (peer !== undefined)) return peer;
  const { bus } = host.state(DMQ);
  if (peer !== undefined) {
    bus.removePeer(peer.name);
    peer.stop();
    PEERS.delete(ds);
    return undefined;
  }
  const made = new DialogPeer(bus, ds);
  bus.addPeer(made);
  PEERS.set(ds, made);
  return made;
}

export const dialogModule = defineModule({
  name: 'dialog',
  doc: 'Follows calls from their INVITE to their BYE: states, variables, profiles, timeouts, requests of our own within them.',
  params,
  functions: { ...functions, ...profileFunctions },
  pvs,
  rpc,
  events: {
    'dialog:start': 'A call was answered; the 2xx is in view.',
    'dialog:end': 'A call ended: the BYE is in view, or a made-up request where its time was over or we sent the BYE.',
    'dialog:failed':
      'A call was not answered; the negative reply is in view, or a made-up request where it was made here.',
  },
  needs: ['tm', 'rr'],
  missing: ['dlg_remove_dialogs_from_node'],
  atStart: [
    'hash_size',
    'h_id_start',
    'h_id_step',
    'db_url',
    'db_mode',
    'table_name',
    'vars_table_name',
    ...Object.keys(COLUMNS),
    ...Object.keys(VAR_COLUMNS),
  ],
  check(given, env) {
    const uri = prepareRequestUri(given, env);
    return uri === undefined ? problemsOf(given) : [uri, ...problemsOf(given)];
  },
  async start(host): Promise<Dialogs> {
    const ds = new Dialogs(host);
    ds.onTimeout = (dialog) => timedOut(ds, dialog);
    const { profiles_with_value, profiles_no_value, db_mode } = ds.params;
    ds.profiles.define(profiles_with_value, profiles_no_value);
    statistics(host, ds);
    onTransaction(host, (t, ctx) => {
      transactionBegan(ds, t, ctx);
      cseqTransactionBegan(t, ctx.msg);
    });
    trackCseq(host, ds);
    onLocalTransaction(host, (t) => {
      if (ds.sending !== null) t.setSlot(DIALOG_SLOT, ds.sending);
    });
    onRoute(host, (ctx) => follow(ds, ctx, dialogParams(ctx.program).dlg_match_mode));
    host.hooks.afterRequest.push(needsNoRun((ctx) => runEnded(ds, ctx)));
    if (db_mode !== DB_MODE.NONE) {
      const storage = await openStorage(ds);
      ds.storage = storage;
      ds.onChange.push((dialog, change) => storage.changed(dialog, change));
    }
    if (ds.params.enable_dmq > 0 && !host.hasState(DMQ))
      throw new Error('dialog: enable_dmq wants module dmq, loaded before dialog');
    const peer = connectBus(host, ds);
    if (peer !== undefined) host.state(DMQ).bus.onFirstList(() => PEERS.get(ds)?.requestSync());
    return ds;
  },
  ready(host, state) {
    startTimers(host, state as Dialogs);
  },
  reload(host, state) {
    const ds = state as Dialogs;
    ds.profiles.define(ds.params.profiles_with_value, ds.params.profiles_no_value);
    startTimers(host, ds);
    const before = PEERS.has(ds);
    const peer = connectBus(host, ds);
    if (!before) peer?.requestSync();
  },
  async stop(_host, state) {
    const ds = state as Dialogs;
    for (const timer of ds.timers) timer.cancel();
    PEERS.get(ds)?.stop();
    await ds.storage?.close();
    for (const dialog of ds.table) dialog.timer?.cancel();
  },
});
