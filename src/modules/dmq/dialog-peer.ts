/** Peer `dialog`: a call that one node follows is known at all (`enable_dmq` of module dialog; dmq.md, 6.3). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { DFLAG, Dialog, IFLAG, keyOf, type Leg, STATE } from '../dialog/dialog.js';
import { countChange, destroy, startTimer, stopTimer, unref } from '../dialog/lifecycle.js';
import { leaveAll, Profiles } from '../dialog/profiles.js';
import { enterProfiles } from '../dialog/restore.js';
import type { DialogChange, Dialogs } from '../dialog/state.js';
import type { Bus } from './bus.js';
import {
  DIALOG_SYNC_REQUEST,
  dialogText,
  removalText,
  stateText,
  type WireDialog,
  type WireLeg,
  type WireState,
} from './dialog-body.js';
import { Friends, type FriendsOwner } from './friends.js';
import { quoted } from './htable-body.js';
import type { DmqNode } from './nodes.js';
import { type Outgoing, TELL } from './outbox.js';
import { BAD_REQUEST, FAILED, OK, type Peer, type PeerReply } from './peer.js';
import type { Plan } from './protocol.js';
import type { SyncSource } from './sync.js';
import { Recent, type Stamp, StampClock } from './versions.js';

/** Bits of what is to be told of a dialog. */
const ALL = TELL.VALUE;
const STATE_ALONE = TELL.EXPIRY;

type Gone = Pick<Dialog, 'entry' | 'id' | 'state' | 'callId'>;

const TOLD: ReadonlySet<number> = new Set([STATE.EARLY, STATE.CONFIRMED, STATE.DELETED]);

export class DialogPeer implements Peer, FriendsOwner {
  readonly name = 'dialog';
  readonly kind = 'dialog';
  readonly request = DIALOG_SYNC_REQUEST;
  readonly asks = true;
  readonly friends: Friends;
  readonly #bus: Bus;
  readonly #ds: Dialogs;
  readonly #clock: StampClock;
  /** Dialogs that are gone, as they were. */
  readonly #gone: Recent<Gone>;
  readonly #listener = (dialog: Dialog, change: DialogChange): void => this.#changed(dialog, change);
  /** What is done now came over the bus: it is not told on. */
  #applying = false;

  constructor(bus: Bus, ds: Dialogs) {
    this.#bus = bus;
    this.#ds = ds;
    this.#clock = new StampClock(bus.host.clock);
    this.#gone = new Recent(bus.host.clock);
    this.friends = new Friends(bus, this);
    ds.onChange.push(this.#listener);
  }

  nextStamp(): Stamp {
    return this.#clock.next();
  }

  requestSync(): void {
    this.friends.askAll();
  }

  stop(): void {
    const at = this.#ds.onChange.indexOf(this.#listener);
    if (at >= 0) this.#ds.onChange.splice(at, 1);
    this.friends.stop();
  }

  // ------------------------------------------------------------------ sending

  #changed(dialog: Dialog, change: DialogChange): void {
    if (change === 'removed') {
      const { entry, id, state, callId } = dialog;
      this.#gone.set(dialog.key, { entry, id, state, callId });
    }
    if (this.#applying) return;
    const what = this.#whatToTell(dialog, change);
    if (what === 0) return;
    this.friends.meetAll();
    for (const { node, outbox } of this.friends) {
      // a Kamailio node has no use for a state that it knows
      if (change !== 'data' || node.kamscript) outbox.tell(dialog.key, what);
    }
  }

  #whatToTell(dialog: Dialog, change: DialogChange): number {
    const isKnown = (dialog.iflags & IFLAG.DMQ) !== 0;
    if (change === 'sent') {
      if (isKnown && (dialog.dflags & DFLAG.PROFILES_CHANGED) === 0) return 0;
      dialog.iflags |= IFLAG.DMQ;
      dialog.dflags &= ~DFLAG.PROFILES_CHANGED;
      return ALL;
    }
    if (!isKnown) return 0;
    if (change === 'vars') return ALL;
    if (change === 'data') return dialog.state === STATE.CONFIRMED ? STATE_ALONE : 0;
    return change === 'removed' || TOLD.has(dialog.state) ? STATE_ALONE : 0;
  }

  messages(key: string, tell: number): readonly Outgoing[] {
    const [entry, id] = key.split(':').map(Number) as [number, number];
    const stamp = this.#clock.next();
    const dialog = this.#ds.table.get(entry, id);
    if (dialog !== undefined) {
      const wire = wireOf(dialog);
      return [{ body: (tell & ALL) === 0 ? stateText(wire) : dialogText(wire), stamp }];
    }
    const gone = this.#gone.get(key);
    return gone === undefined ? [] : [{ body: removalText(gone), stamp }];
  }

  /** All dialogs that have not ended, each by itself. */
  all(): SyncSource {
    const dialogs = this.#ds.table[Symbol.iterator]();
    return {
      empty: '',
      next: () => {
        for (;;) {
          const { done, value: dialog } = dialogs.next();
          if (done) return undefined;
          if (!dialog.linked || dialog.state === STATE.DELETED) continue;
          dialog.iflags |= IFLAG.DMQ;
          const { key } = dialog;
          const body = dialogText(wireOf(dialog));
          return { body, size: 1, stamp: this.#clock.next(), has: (k) => k === key, keys: () => [key] };
        }
      },
    };
  }

  // ---------------------------------------------------------------- receiving

  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined {
    if (plan.kind !== 'dialog') return BAD_REQUEST;
    const { does } = plan;
    const stamp = this.#bus.stampOf(ctx, node);
    if (stamp > 0) this.#clock.heard(stamp);
    if (does.kind === 'none') return OK;
    if (does.kind === 'sync') return this.#sync(node);
    this.#applying = true;
    try {
      if (does.kind === 'update') return this.#isGone(does.dialog, node) || this.#update(does.dialog) ? OK : FAILED;
      if (does.kind === 'state') return this.#state(does.change) ? OK : FAILED;
      return this.#remove(does.entry, does.id) ? OK : FAILED;
    } finally {
      this.#applying = false;
    }
  }

  #sync(node: DmqNode | undefined): PeerReply {
    if (node !== undefined && !node.local) this.friends.sync(node, node.kamscript);
    else this.#bus.log(LEVEL.WARN, 'a request for all dialogs from no other node of the bus: not answered');
    return OK;
  }

  /** A node that was away knows a call that has ended meanwhile: it is told so. */
  #isGone({ entry, id, callId }: WireDialog, node: DmqNode | undefined): boolean {
    const key = keyOf(entry, id);
    if (this.#gone.get(key)?.callId !== callId || this.#ds.table.get(entry, id) !== undefined) return false;
    this.friends.of(node)?.outbox.tell(key, STATE_ALONE);
    return true;
  }

  /** False: it cannot be taken in. */
  #update(wire: WireDialog): boolean {
    const ds = this.#ds;
    let dialog = ds.table.get(wire.entry, wire.id);
    if (dialog === undefined) {
      dialog = this.#create(wire);
      if (dialog === undefined) return false;
    } else {
      if (dialog.callId !== wire.callId) {
        ds.error(`dialog ${dialog.key} of another node has the number of one that is here: give the nodes h_id_start`);
        return false;
      }
      if (dialog.state === STATE.DELETED) return true;
      leaveAll(dialog);
    }
    dialog.initTs = wire.initTs;
    if (wire.startTs > 0) dialog.startTs = wire.startTs;
    for (const [name, value] of wire.vars) dialog.vars.set(name, value);
    if (wire.profiles !== '') enterProfiles(ds, dialog, wire.profiles);
    dialog.dflags &= ~DFLAG.PROFILES_CHANGED;
    // answered, not acknowledged: the rest comes with the ACK
    const state = wire.state === STATE.ANSWERED ? STATE.EARLY : wire.state;
    return state <= dialog.state || this.#state({ ...wire, state });
  }

  #create(wire: WireDialog): Dialog | undefined {
    const ds = this.#ds;
    if (ds.table.entryOf(wire.callId) !== wire.entry) {
      ds.error("inconsistent hash data from peer: make sure all nodes' dialog modules use the same hash_size");
      return undefined;
    }
    const { callId, fromUri, toUri, requestUri, initTs } = wire;
    const dialog = new Dialog(wire.entry, { callId, fromUri, toUri, requestUri, initTs });
    setLeg(dialog.legs[0], wire.caller);
    dialog.isCopy = true;
    dialog.iflags |= IFLAG.DMQ;
    ds.table.link(dialog, wire.id);
    for (const fn of ds.onLoaded) fn(dialog);
    return dialog;
  }

  #state(change: WireState): boolean {
    const ds = this.#ds;
    const dialog = ds.table.get(change.entry, change.id);
    if (dialog === undefined || !TOLD.has(change.state)) return false;
    const before = dialog.state;
    // an older state may come later: nothing goes backwards
    if (change.state < before) return true;
    if (change.state === STATE.DELETED) this.#ended(dialog);
    else this.#goesOn(dialog, change);
    countChange(ds, before, change.state);
    dialog.state = change.state;
    return true;
  }

  #goesOn(dialog: Dialog, change: WireState): void {
    if (change.startTs > 0) dialog.startTs = change.startTs;
    dialog.lifetime = change.lifetime;
    setLeg(dialog.legs[0], change.caller);
    if (change.state !== STATE.CONFIRMED) return;
    setLeg(dialog.legs[1], change.callee);
    startTimer(this.#ds, dialog, change.lifetime);
  }

  /** It stays for a while, so that what is still under way does not bring it back. */
  #ended(dialog: Dialog): void {
    unref(this.#ds, dialog, stopTimer(dialog));
    leaveAll(dialog);
    dialog.initTs = this.#ds.now();
    dialog.endTs = this.#ds.now();
  }

  #remove(entry: number, id: number): boolean {
    const dialog = this.#ds.table.get(entry, id);
    if (dialog === undefined) return false;
    destroy(this.#ds, dialog);
    return true;
  }
}

function setLeg(leg: Leg, { tag, cseq, routeSet, contact }: WireLeg): void {
  if (tag === '') return;
  leg.tag = tag;
  leg.cseq = cseq === '' ? '0' : cseq;
  leg.routeSet = routeSet;
  leg.contact = contact;
}

function wireOf(d: Dialog): WireDialog {
  const { tag, cseq, routeSet, contact } = d.legs[0];
  const callee = d.legs[1];
  return {
    entry: d.entry,
    id: d.id,
    state: d.state === STATE.ANSWERED ? STATE.EARLY : d.state,
    startTs: d.state === STATE.ANSWERED ? 0 : d.startTs,
    lifetime: d.lifetime,
    caller: { tag, cseq, routeSet, contact },
    callee: { tag: callee.tag, cseq: callee.cseq, routeSet: callee.routeSet, contact: callee.contact },
    initTs: d.initTs,
    callId: d.callId,
    fromUri: d.fromUri,
    toUri: d.toUri,
    requestUri: d.requestUri,
    vars: [...d.vars],
    profiles: d.state === STATE.DELETED ? '' : Profiles.text(d, quoted),
  };
}
