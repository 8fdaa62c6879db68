/** The table of dialogs: by their number, and by Call-ID and tags. */
import { coreHash } from '../../runtime/corehash.js';
import { DIRECTION, type Dialog, STATE } from './dialog.js';

/** Call-ID and tags of a message or an RPC command. */
export interface Identity {
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string;
}

export interface Found {
  readonly dialog: Dialog;
  /** DIRECTION.x of a message with that identity. */
  readonly direction: number;
}

interface Slot {
  nextId: number;
  readonly dialogs: Dialog[];
}

/** How numbers are given out. */
export interface Numbering {
  readonly start: number;
  readonly step: number;
  random(): number;
}

export class DialogTable {
  readonly size: number;
  readonly #numbering: Numbering;
  /** Made when first used. */
  readonly #slots: (Slot | undefined)[];
  #count = 0;

  constructor(size: number, numbering: Numbering) {
    this.size = size;
    this.#numbering = numbering;
    this.#slots = new Array<Slot | undefined>(size).fill(undefined);
  }

  get count(): number {
    return this.#count;
  }

  entryOf(callId: string): number {
    return coreHash(callId, undefined, this.size);
  }

  #slot(entry: number): Slot {
    let slot = this.#slots[entry];
    if (slot === undefined) {
      const { start, step, random } = this.#numbering;
      const first = Math.floor(random() * 3 * this.size);
      slot = { nextId: step > 1 ? start + step * (first + 1) : first, dialogs: [] };
      this.#slots[entry] = slot;
    }
    return slot;
  }

  /** Puts it in under a number of its own, or under `id`. */
  link(dialog: Dialog, id?: number): void {
    const slot = this.#slot(dialog.entry);
    dialog.id = id ?? this.#nextId(slot);
    if (id !== undefined) this.#skip(slot, id);
    slot.dialogs.push(dialog);
    dialog.linked = true;
    dialog.ref++;
    this.#count++;
  }

  /** 0 is no number; one that another node gave out may be taken. */
  #nextId(slot: Slot): number {
    const { start, step } = this.#numbering;
    for (;;) {
      let id: number;
      if (step > 1) {
        if (slot.nextId === 0 || slot.nextId + step > 0xffffffff) slot.nextId = start + step;
        id = slot.nextId;
        slot.nextId += step;
      } else {
        slot.nextId = slot.nextId >= 0xffffffff ? 1 : slot.nextId + 1;
        id = slot.nextId;
      }
      if (!slot.dialogs.some((d) => d.id === id)) return id;
    }
  }

  #skip(slot: Slot, id: number): void {
    const { start, step } = this.#numbering;
    if (step > 1 && (id - start) % step !== 0) return;
    if (slot.nextId <= id) slot.nextId = step > 1 ? id + step : id;
  }

  unlink(dialog: Dialog): void {
    if (!dialog.linked) return;
    dialog.linked = false;
    this.#count--;
    const list = this.#slots[dialog.entry]?.dialogs;
    const at = list?.indexOf(dialog) ?? -1;
    if (at >= 0) list!.splice(at, 1);
  }

  get(entry: number, id: number): Dialog | undefined {
    return this.#slots[entry]?.dialogs.find((d) => d.id === id);
  }

  /** Of those that match, one whose callee has a tag comes first. */
  find(who: Identity): Found | undefined {
    let early: Found | undefined;
    for (const dialog of this.#slots[this.entryOf(who.callId)]?.dialogs ?? []) {
      const direction = match(dialog, who);
      if (direction === DIRECTION.NONE) continue;
      if (dialog.legs[1].tag !== '') return { dialog, direction };
      early = { dialog, direction };
    }
    return early;
  }

  /** Those of a Call-ID, in any state. */
  *ofCall(callId: string, fromTag?: string): IterableIterator<Dialog> {
    for (const d of this.#slots[this.entryOf(callId)]?.dialogs ?? []) {
      if (d.callId === callId && (fromTag === undefined || d.legs[0].tag === fromTag)) yield d;
    }
  }

  /** All of them, slot by slot; what is taken out meanwhile does no harm. */
  *[Symbol.iterator](): IterableIterator<Dialog> {
    if (this.#count === 0) return;
    for (const slot of this.#slots) if (slot !== undefined) for (const d of slot.dialogs.slice()) yield d;
  }
}

/** The direction of a message with that identity; NONE: it is not of this dialog. */
export function match(dialog: Dialog, { callId, fromTag, toTag }: Identity): number {
  if (dialog.callId !== callId) return DIRECTION.NONE;
  const [{ tag: caller }, { tag: callee }] = dialog.legs;
  if (callee === '') {
    // who the callee is, is not known yet
    if (caller === toTag) return DIRECTION.UPSTREAM;
    return caller === fromTag ? DIRECTION.DOWNSTREAM : DIRECTION.NONE;
  }
  if (caller === toTag && callee === fromTag) return DIRECTION.UPSTREAM;
  if (caller === fromTag && callee === toTag) return DIRECTION.DOWNSTREAM;
  // the INVITE itself, in view of a callback of its 2xx
  const isInvite = toTag === '' && dialog.state === STATE.ANSWERED && caller === fromTag;
  return isInvite ? DIRECTION.DOWNSTREAM : DIRECTION.NONE;
}

export function isEarly(dialog: Dialog): boolean {
  return dialog.state === STATE.UNCONFIRMED || dialog.state === STATE.EARLY;
}
