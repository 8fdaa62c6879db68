/** What scripts do with the dialog in view: functions without profiles. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type BindResult, fn, forms, int, opt, parsed, str, toText, variable } from '../../runtime/module.js';
import { contextDialog, contextOf, dialogInView, lookUp, peekContext } from './context.js';
import { CALLEE, CALLER, DFLAG, DIRECTION, type Dialog, IFLAG, type Side, STATE } from './dialog.js';
import { countChange, setLifetime } from './lifecycle.js';
import { leaveAll } from './profiles.js';
import { dialogsOf } from './state.js';
import { manage } from './tracking.js';
import { bridge, transfer } from './transfer.js';
import { bye, byeAll, sendWithin } from './within.js';

const OK = 1;
const FAILED = -1;
const result = (done: boolean): number => (done ? OK : FAILED);

function sideArg(allowed: readonly string[]) {
  return parsed<string>('side', allowed.join(', '), (text): BindResult<string> => {
    const name = text.toLowerCase();
    return allowed.includes(name) ? { ok: name } : { error: `invalid param "${text}": one of ${allowed.join(', ')}` };
  });
}

const SIDES: Readonly<Record<string, Side>> = { caller: CALLER, callee: CALLEE };

// --------------------------------------------------------------------- flags

type FlagStep = (flags: number, mask: number) => number;

function changeFlag(ctx: Context, flag: number, step: FlagStep): number {
  if (flag < 0 || flag > 31) return FAILED;
  const own = contextOf(ctx);
  own.flags = step(own.flags, 1 << flag);
  const dialog = linkedOf(ctx);
  if (dialog !== undefined) dialog.sflags = step(dialog.sflags, 1 << flag);
  return OK;
}

function linkedOf(ctx: Context): Dialog | undefined {
  return contextDialog(ctx);
}

const PROPERTIES: Readonly<Record<string, number>> = {
  'ka-src': IFLAG.KA_SRC,
  'ka-dst': IFLAG.KA_DST,
  'timeout-noreset': IFLAG.TIMER_NORESET,
};

function changeProperty(ctx: Context, name: string, step: FlagStep): number {
  const mask = Object.hasOwn(PROPERTIES, name) ? PROPERTIES[name] : undefined;
  if (mask === undefined) {
    dialogsOf(ctx.host).error(`unknown property value [${name}]`);
    return FAILED;
  }
  const own = contextOf(ctx);
  own.iflags = step(own.iflags, mask);
  const dialog = linkedOf(ctx);
  if (dialog !== undefined) dialog.iflags = step(dialog.iflags, mask);
  return OK;
}

const set: FlagStep = (flags, mask) => flags | mask;
const reset: FlagStep = (flags, mask) => flags & ~mask;

// -------------------------------------------------------------------- finding

function find(ctx: Context, callId: string, fromTag: string, toTag: string) {
  return dialogsOf(ctx.host).table.find({ callId, fromTag, toTag });
}

function setTimeout(ctx: Context, seconds: number, dialog: Dialog | undefined): number {
  const ds = dialogsOf(ctx.host);
  if (seconds <= 0) {
    ds.error(`invalid timeout value: ${seconds}`);
    return FAILED;
  }
  return dialog === undefined ? FAILED : result(setLifetime(ds, dialog, seconds));
}

const STATES: Readonly<Record<string, number>> = {
  unconfirmed: STATE.UNCONFIRMED,
  early: STATE.EARLY,
  answered: STATE.ANSWERED,
  confirmed: STATE.CONFIRMED,
  deleted: STATE.DELETED,
};

/** What dlg.set_state and dlg_set_state() do: the state alone, and what counts it. */
export function forceState(ctx: { readonly host: Context['host'] }, dialog: Dialog, state: number): void {
  const ds = dialogsOf(ctx.host);
  const before = dialog.state;
  if (before !== STATE.CONFIRMED || state !== STATE.DELETED)
    ds.log(LEVEL.WARN, `updating states of dialogs that are not confirmed: '${dialog.callId}'`);
  dialog.state = state;
  dialog.dflags |= DFLAG.CHANGED;
  countChange(ds, before, state);
  if (state === STATE.DELETED && before !== state) {
    dialog.initTs = ds.now();
    dialog.endTs = ds.now();
    leaveAll(dialog);
  }
  ds.log(LEVEL.NOTICE, `dialog callid '${dialog.callId}' - state change forced - old: ${before} - new: ${state}`);
  ds.changed(dialog, 'state');
}

function sidesOf(name: string): readonly Side[] {
  const one = SIDES[name];
  return one === undefined ? [CALLER, CALLEE] : [one];
}

function requestWithin(
  ctx: Context,
  side: string,
  method: string,
  headers = '',
  type: string | undefined = undefined,
  body = '',
): number {
  const ds = dialogsOf(ctx.host);
  const dialog = contextDialog(ctx);
  if (dialog?.isAnswered !== true) return FAILED;
  const line = headers === '' || headers.endsWith('\n') ? headers : `${headers}\r\n`;
  const all = type === undefined ? line : `${line}Content-Type: ${type}\r\n`;
  return result(sidesOf(side).every((s) => sendWithin(ds, dialog, s, { method, headers: all, body })));
}

export const functions = {
  dlg_manage: fn({
    doc: 'The INVITE begins a dialog; a request within a dialog is matched by its tags, without loose_route().',
    args: [],
    routes: ['request'],
    example: 'if (is_method("INVITE")) dlg_manage();',
    run: (ctx) => manage(dialogsOf(ctx.host), ctx),
  }),
  is_known_dlg: fn({
    doc: 'Is there a dialog of the message?',
    args: [],
    run: (ctx) => result(dialogInView(ctx) !== undefined),
  }),
  dlg_setflag: fn({
    doc: 'Sets a flag (0 to 31) of the dialog, or of the one to come.',
    args: [int('flag')],
    run: (ctx, _p: unknown, flag) => changeFlag(ctx, flag, set),
  }),
  dlg_resetflag: fn({
    doc: 'Takes a flag of the dialog back.',
    args: [int('flag')],
    run: (ctx, _p: unknown, flag) => changeFlag(ctx, flag, reset),
  }),
  dlg_isflagset: fn({
    doc: 'Is the flag of the dialog set?',
    args: [int('flag')],
    run(ctx, _p: unknown, flag) {
      if (flag < 0 || flag > 31) return FAILED;
      const flags = linkedOf(ctx)?.sflags ?? peekContext(ctx)?.flags ?? 0;
      return result((flags & (1 << flag)) !== 0);
    },
  }),
  dlg_set_property: fn({
    doc: 'ka-src, ka-dst: keepalives to the caller, to the callee. timeout-noreset: requests within the dialog do not begin its time anew.',
    args: [str('property')],
    run: (ctx, _p: unknown, name) => changeProperty(ctx, name, set),
  }),
  dlg_reset_property: fn({
    doc: 'Takes a property back.',
    args: [str('property')],
    run: (ctx, _p: unknown, name) => changeProperty(ctx, name, reset),
  }),
  dlg_get: fn({
    doc: 'The dialog with that Call-ID and tags is in view from now on.',
    args: [str('callid'), str('from_tag'), str('to_tag')],
    run(ctx, _p: unknown, callId, fromTag, toTag) {
      if (callId === '' || fromTag === '' || toTag === '') return FAILED;
      const found = find(ctx, callId, fromTag, toTag);
      if (found === undefined) return FAILED;
      const own = contextOf(ctx);
      own.dialog = found.dialog;
      own.direction = found.direction;
      return OK;
    },
  }),
  dlg_get_var: fn({
    doc: 'A variable of another dialog (of Kamailio 5.7); to_tag "" finds one that is not answered.',
    args: [str('callid'), str('from_tag'), str('to_tag'), str('name'), variable('result', { writable: true })],
    run(ctx, _p: unknown, callId, fromTag, toTag, name, into) {
      const value = find(ctx, callId, fromTag, toTag)?.dialog.vars.get(name);
      return value === undefined ? FAILED : result(into.set!(ctx, value) !== false);
    },
  }),
  dlg_set_var: fn({
    doc: 'Sets a variable of another dialog (of Kamailio 5.7).',
    args: [str('callid'), str('from_tag'), str('to_tag'), str('name'), str('value')],
    run(ctx, _p: unknown, callId, fromTag, toTag, name, value) {
      const dialog = find(ctx, callId, fromTag, toTag)?.dialog;
      if (dialog === undefined) return FAILED;
      dialog.setVar(name, toText(value));
      dialogsOf(ctx.host).changed(dialog, 'vars');
      return OK;
    },
  }),
  dlg_set_state: fn({
    doc: 'Sets the state of the dialog in view (of Kamailio 5.8): unconfirmed, early, answered, confirmed, deleted.',
    args: [
      parsed<number>('state', 'state', (text) => {
        const state = Object.hasOwn(STATES, text) ? STATES[text] : undefined;
        return state === undefined ? { error: `invalid state "${text}"` } : { ok: state };
      }),
    ],
    run(ctx, _p: unknown, state) {
      const dialog = dialogInView(ctx);
      if (dialog === undefined) return FAILED;
      forceState(ctx, dialog, state);
      return OK;
    },
  }),
  dlg_set_timeout: forms(
    fn({
      doc: 'Seconds that the dialog in view may last from now on.',
      args: [int('seconds')],
      run: (ctx, _p: unknown, seconds) => setTimeout(ctx, seconds, dialogInView(ctx)),
    }),
    fn({
      doc: 'The same for the dialog with those numbers ($dlg(h_entry), $dlg(h_id)).',
      args: [int('seconds'), int('h_entry'), int('h_id')],
      run: (ctx, _p: unknown, seconds, entry, id) =>
        setTimeout(ctx, seconds, dialogsOf(ctx.host).table.get(entry, id >>> 0)),
    }),
  ),
  dlg_set_ruri: fn({
    doc: 'The request URI becomes the contact of the side that the request goes to.',
    args: [],
    run(ctx) {
      const found = lookUp(ctx);
      if (found === undefined) return FAILED;
      const { contact } = found.dialog.legs[found.direction === DIRECTION.DOWNSTREAM ? CALLEE : CALLER];
      if (contact === '') return FAILED;
      ctx.msg.newUri = contact;
      return OK;
    },
  }),
  dlg_bye: fn({
    doc: 'BYE to one side of the dialog, or to both.',
    args: [sideArg(['all', 'caller', 'callee'])],
    run(ctx, _p: unknown, side) {
      const dialog = contextDialog(ctx);
      if (dialog === undefined) return FAILED;
      const ds = dialogsOf(ctx.host);
      const one = SIDES[side];
      return result(one === undefined ? byeAll(ds, dialog) : bye(ds, dialog, one));
    },
  }),
  dlg_refer: fn({
    doc: 'REFER to a side of the dialog: it is told to call the address, and gets a BYE.',
    args: [sideArg(['caller', 'callee']), str('address')],
    run(ctx, _p: unknown, side, address) {
      const dialog = contextDialog(ctx);
      if (dialog === undefined || address === '') return FAILED;
      return result(transfer(dialogsOf(ctx.host), dialog, SIDES[side]!, address));
    },
  }),
  dlg_bridge: fn({
    doc: 'Calls the first address (on hold) and sends it on to the second one by REFER; the third is the next hop, or "".',
    args: [str('from'), str('to'), str('next_hop')],
    run: (ctx, _p: unknown, from, to, hop) =>
      from === '' || to === '' ? FAILED : result(bridge(dialogsOf(ctx.host), from, to, hop)),
  }),
  dlg_req_within: fn({
    doc: 'Sends a request of that method within the dialog to caller, callee or all (of Kamailio 5.8).',
    args: [
      sideArg(['caller', 'callee', 'all']),
      str('method'),
      opt(str('headers')),
      opt(str('content_type')),
      opt(str('content')),
    ],
    run: (ctx, _p: unknown, side, method, headers, type, content) =>
      requestWithin(ctx, side, method, headers, type, content),
  }),
  dlg_db_load_callid: fn({
    doc: 'Loads the dialogs of a Call-ID from the database.',
    args: [str('callid')],
    waits: true,
    async run(ctx, _p: unknown, callId) {
      const { storage } = dialogsOf(ctx.host);
      if (storage === undefined || callId === '') return FAILED;
      return await storage.load(callId).then(
        () => OK,
        () => FAILED,
      );
    },
  }),
  dlg_db_load_extra: fn({
    doc: 'Loads the dialogs of the database that are not here.',
    args: [],
    waits: true,
    async run(ctx) {
      const { storage } = dialogsOf(ctx.host);
      if (storage === undefined) return FAILED;
      return await storage.load().then(
        () => OK,
        () => FAILED,
      );
    },
  }),
};
