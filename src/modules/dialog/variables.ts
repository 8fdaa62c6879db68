/** $dlg(…), $dlg_ctx(…), $dlg_var(…), $DLG_status, $DLG_lifetime, $DLG_count. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type BindResult, type PvAccessor, pv, pvTable, pvWith, toText, type Value } from '../../runtime/module.js';
import { Dual, isInt, toInt } from '../../runtime/values.js';
import { contextOf, dialogInView, peekContext } from './context.js';
import { CALLEE, CALLER, type Dialog, type Leg } from './dialog.js';
import { dialogsOf } from './state.js';
import { seenBy } from './tracking.js';

/** Number and text both. */
const number = (n: number): Value => new Dual(`${n}`, n, true);
const text = (s: string): Value => (s === '' ? null : s);

type Field = (dialog: Dialog, ctx: Context) => Value;

function ofLeg(side: typeof CALLER | typeof CALLEE, get: (leg: Leg) => Value): Field {
  return (dialog) => get(dialog.legs[side]);
}

/** The route's number among the routes of the script; 0 none, -1 no such route. */
function routeNumber(ctx: Context, name: string): number {
  if (name === '') return 0;
  return [...ctx.program.routes.request.keys()].filter((n) => n !== '').indexOf(name) + 1 || -1;
}

const FIELDS: Readonly<Record<string, Field>> = {
  h_id: (d) => number(d.id),
  h_entry: (d) => number(d.entry),
  ref: (d) => number(d.ref + 1),
  state: (d) => number(d.state),
  dflags: (d) => number(d.dflags),
  sflags: (d) => number(d.sflags >>> 0),
  callid: (d) => text(d.callId),
  from_uri: (d) => text(d.fromUri),
  to_uri: (d) => text(d.toUri),
  from_tag: ofLeg(CALLER, (leg) => text(leg.tag)),
  to_tag: ofLeg(CALLEE, (leg) => text(leg.tag)),
  from_rs: ofLeg(CALLER, (leg) => text(leg.routeSet)),
  to_rs: ofLeg(CALLEE, (leg) => text(leg.routeSet)),
  from_cseq: ofLeg(CALLER, (leg) => text(leg.cseq)),
  to_cseq: ofLeg(CALLEE, (leg) => text(leg.cseq)),
  from_contact: ofLeg(CALLER, (leg) => text(leg.contact)),
  to_contact: ofLeg(CALLEE, (leg) => text(leg.contact)),
  from_bindaddr: ofLeg(CALLER, (leg) => leg.socket?.text ?? null),
  to_bindaddr: ofLeg(CALLEE, (leg) => leg.socket?.text ?? null),
  lifetime: (d) => number(d.lifetime),
  start_ts: (d) => number(d.startTs),
  toroute: (d, ctx) => number(routeNumber(ctx, d.timeoutRoute)),
};

const onDialog =
  (field: Field) =>
  (ctx: Context): Value => {
    const dialog = dialogInView(ctx);
    return dialog === undefined ? null : field(dialog, ctx);
  };

// ------------------------------------------------------------------ $dlg_ctx

interface ContextField {
  readonly get: (ctx: Context) => Value;
  readonly set?: (ctx: Context, value: Value) => void;
}

type Counter = 'on' | 'flags' | 'timeout' | 'timeoutBye';

function counter(name: Counter): ContextField {
  return {
    get: (ctx) => number((peekContext(ctx)?.[name] ?? 0) >>> 0),
    set(ctx, value) {
      contextOf(ctx)[name] = isInt(value) ? toInt(value) : 0;
    },
  };
}

const LONGEST_ROUTE = 32;

/** A name that the script does not have is kept, and reads as null. */
function setTimeoutRoute(ctx: Context, value: Value): void {
  const isNone = value === null || value === undefined || (isInt(value) && toInt(value) === 0);
  const name = isNone ? '' : toText(value);
  contextOf(ctx).timeoutRoute = name.length < LONGEST_ROUTE ? name : '';
}

function timeoutRouteOf(ctx: Context): Value {
  const name = peekContext(ctx)?.timeoutRoute ?? '';
  return routeNumber(ctx, name) > 0 ? name : null;
}

const CONTEXT_FIELDS: Readonly<Record<string, ContextField>> = {
  on: counter('on'),
  flags: counter('flags'),
  timeout: counter('timeout'),
  timeout_bye: counter('timeoutBye'),
  timeout_route: { get: timeoutRouteOf, set: setTimeoutRoute },
  timeout_route_id: { get: (ctx) => number(Math.max(routeNumber(ctx, peekContext(ctx)?.timeoutRoute ?? ''), 0)) },
  set: { get: (ctx) => number(Number((peekContext(ctx)?.dialog ?? null) !== null)) },
  dir: { get: (ctx) => number(peekContext(ctx)?.direction ?? 0) },
};

// ------------------------------------------------------------------ $dlg_var

function getVar(ctx: Context, name: string): Value {
  const dialog = dialogInView(ctx);
  const vars = dialog === undefined ? peekContext(ctx)?.vars : dialog.vars;
  return vars?.get(name) ?? null;
}

/** Before there is a dialog the message keeps them. */
function setVar(ctx: Context, name: string, value: Value): boolean {
  const ds = dialogsOf(ctx.host);
  if (typeof value === 'number') {
    ds.log(LEVEL.ERR, 'non-string values are not supported');
    return false;
  }
  const given = value === null || value === undefined ? null : toText(value);
  const dialog = dialogInView(ctx);
  if (dialog !== undefined) {
    if (dialog.setVar(name, given)) ds.changed(dialog, 'vars');
    return true;
  }
  const own = contextOf(ctx);
  if (given === null) {
    own.vars?.delete(name);
    return true;
  }
  own.vars ??= new Map();
  own.vars.set(name, given);
  return true;
}

function bindContextField(name: string, pvName: string): BindResult<PvAccessor> {
  const field = Object.hasOwn(CONTEXT_FIELDS, name) ? CONTEXT_FIELDS[name] : undefined;
  return field === undefined ? { error: `unknown name '${name}' for $${pvName}` } : { ok: field };
}

export const pvs = {
  DLG_count: pv('Number of dialogs that are answered and have not ended.', (ctx) => {
    const ds = dialogsOf(ctx.host);
    return number(ds.params.enable_stats === 0 ? 0 : ds.active);
  }),
  DLG_status: pv(
    'State of the dialog (1 to 5) after loose_route() or dlg_manage() saw the request; else null.',
    (ctx) => {
      const seen = seenBy(ctx);
      return seen === undefined ? null : number(seen.status);
    },
  ),
  DLG_lifetime: pv('Seconds since the call was answered, where $DLG_status is known.', (ctx) => {
    const seen = seenBy(ctx);
    return seen === undefined ? null : number(seen.lifetime);
  }),
  dlg: pvTable('A field of the dialog in view; null without a dialog.', mapped(FIELDS, onDialog)),
  dlg_ctx: pvWith({
    doc: `What the script says about the dialog of the run. Keys: ${Object.keys(CONTEXT_FIELDS).join(', ')}.`,
    writable: true,
    bind: (use) => bindContextField(use.key?.kind === 'text' ? use.key.text : '', use.name),
  }),
  dlg_var: pvWith({
    doc: 'A variable of the dialog: text that lives as long as the dialog. Before there is one, the dialog to come gets it. Null takes it away.',
    writable: true,
    bind(use) {
      const key = use.key;
      if (key === undefined) return { error: 'a name is needed' };
      const name = key.text;
      return {
        ok: { get: (ctx) => getVar(ctx, name), set: (ctx, value) => setVar(ctx, name, value), wantsText: true },
      };
    },
  }),
};

function mapped<A, B>(table: Readonly<Record<string, A>>, fn: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, fn(value)]));
}
