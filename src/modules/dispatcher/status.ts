/** A destination goes up and down: the rules, and the events told of it. */
import type { Context, ExtraKey } from '../../runtime/context.js';
import { extraKey } from '../../runtime/context.js';
import { MessageEnv } from '../../runtime/message-env.js';
import { type Destination, isDown, STATE } from './destination.js';
import type { DestinationSet } from './set.js';
import type { Dispatcher } from './state.js';

/** Why an event route runs: `$dsv`. */
export interface Cause {
  readonly code: number;
  readonly reason: string | null;
  /** 1: there is a reply. */
  readonly flags: number;
}

export const CAUSE: ExtraKey<Cause> = extraKey<Cause>('dispatcher event');

/** Sets the state of the destination with that URI by the thresholds; false where the set has none such. */
export function updateState(
  state: Dispatcher,
  set: DestinationSet | undefined,
  uri: string,
  wanted: number,
  cause: Cause,
  ctx?: Context,
): boolean {
  const d = set?.find(uri);
  if (set === undefined || d === undefined) return false;
  const old = d.flags;
  d.flags = (old & ~STATE.ALL) | newFlags(state, d, old, wanted);
  if (isDown(old) !== d.down) {
    runEvent(state, d.down ? 'dispatcher:dst-down' : 'dispatcher:dst-up', uri, cause, ctx);
    if (d.attrs.rweight > 0) set.weighRelative(() => state.host.random());
  }
  return true;
}

function newFlags(state: Dispatcher, d: Destination, old: number, wanted: number): number {
  const wasInactive = (old & STATE.INACTIVE) !== 0;
  // from inactive it becomes active first, and trying after that
  const asked = wasInactive && (wanted & STATE.TRYING) !== 0 ? (wanted & ~STATE.TRYING) | STATE.INACTIVE : wanted;
  let flags: number = (asked & STATE.DISABLED) !== 0 ? STATE.DISABLED : asked;
  if ((asked & STATE.TRYING) !== 0) {
    if (++d.messages < state.params.ds_probing_threshold) return flags;
    d.messages = 0;
    return (flags & ~STATE.TRYING) | STATE.INACTIVE;
  }
  if ((wanted & STATE.TRYING) !== 0 || !wasInactive) {
    d.messages = 0;
    return flags;
  }
  if (++d.messages < state.params.ds_inactive_threshold) {
    flags |= STATE.INACTIVE | (old & STATE.PROBING);
    return flags;
  }
  d.messages = 0;
  return flags;
}

/** Runs the event route on the message in view, or on one made for it whose request URI is the destination's. */
function runEvent(state: Dispatcher, name: string, uri: string, cause: Cause, ctx?: Context): void {
  const { host } = state;
  const program = ctx?.program ?? host.program;
  if (program.routes.event.get(name) === undefined) return;
  const msg = ctx?.msg ?? host.fakeRequest();
  if (ctx === undefined) msg.newUri = uri;
  const begin = (own: Context): void => {
    own.setExtra(CAUSE, cause);
    if (ctx === undefined) return;
    own.transaction = ctx.transaction;
    own.transactionSought = ctx.transactionSought;
  };
  const run = host.runEvent(name, msg, begin, ctx?.env ?? new MessageEnv(), program);
  if (run instanceof Promise) host.detach(run, `event_route[${name}]`);
}

/** Sets the state as it is, without thresholds and events (dispatcher.set_state). */
export function forceState(state: Dispatcher, set: DestinationSet, d: Destination, flags: number): void {
  const before = d.down;
  d.flags = (d.flags & ~STATE.ALL) | flags;
  if (d.attrs.rweight > 0 && before !== d.down) set.weighRelative(() => state.host.random());
}

const LETTERS: Readonly<Record<string, number>> = {
  i: STATE.INACTIVE,
  d: STATE.DISABLED,
  t: STATE.TRYING,
  p: STATE.PROBING,
};

/** Letters of ds_mark_dst(); `a` takes all before it back. Undefined: another letter. */
export function parseState(text: string): number | undefined {
  let flags = 0;
  for (const letter of text.toLowerCase()) {
    if (letter === 'a') flags = 0;
    else if (Object.hasOwn(LETTERS, letter)) flags |= LETTERS[letter]!;
    else return undefined;
  }
  return flags;
}
