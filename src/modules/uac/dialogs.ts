/** restore_dlg: dialogs that module dialog follows keep replaced addresses in variables of theirs. */
import type { Context } from '../../runtime/context.js';
import type { Host } from '../../runtime/module.js';
import type { FromTo } from '../../sip/header.js';
import {
  allDialogs,
  currentDialog,
  DIRECTION,
  type Dialog,
  type DialogEvent,
  hasDialog,
  onLoadedDialog,
  setDialogVar,
} from '../dialog/api.js';
import { changeAddress, FLAG, headerOf, type NewAddress, type Side } from './address.js';
import { paramsOf, restoreMode } from './params.js';
import { restoreInReplies } from './replies.js';

/** Names of the variables: URI and display name as they were, and as they became. */
const NAMES: Readonly<Record<Side, { uri: string; newUri: string; display: string; newDisplay: string }>> = {
  from: { uri: '_uac_fu', newUri: '_uac_funew', display: '_uac_fdp', newDisplay: '_uac_fdpnew' },
  to: { uri: '_uac_to', newUri: '_uac_tonew', display: '_uac_tdp', newDisplay: '_uac_tdpnew' },
};

function isWanted(host: Host, program = host.program): boolean {
  const params = paramsOf(program);
  return params.restore_dlg !== 0 && restoreMode(params) === 'auto' && hasDialog(host);
}

/** False: the request belongs to no dialog that is followed. */
export function keepInDialog(ctx: Context, side: Side, header: FromTo, wanted: NewAddress): boolean {
  const { host } = ctx;
  const dialog = isWanted(host, ctx.program) ? currentDialog(ctx) : undefined;
  if (dialog === undefined) return false;
  const names = NAMES[side];
  if (!dialog.vars.has(names.uri)) {
    setDialogVar(host, dialog, names.uri, header.uri);
    follow(dialog, side);
  }
  setDialogVar(host, dialog, names.newUri, wanted.uri);
  setDialogVar(host, dialog, names.display, header.display);
  setDialogVar(host, dialog, names.newDisplay, wanted.display ?? '');
  return true;
}

/** Dialogs that the database or the bus brings. */
export function followLoaded(host: Host): void {
  if (!hasDialog(host)) return;
  const both = (dialog: Dialog): void => {
    if (!isWanted(host)) return;
    follow(dialog, 'from');
    follow(dialog, 'to');
  };
  for (const dialog of allDialogs(host)) both(dialog);
  onLoadedDialog(host, both);
}

function follow(dialog: Dialog, side: Side): void {
  for (const name of ['requestWithin', 'confirmed', 'terminated'] as const)
    dialog.on(name, (e) => replaceWithin(e, side));
}

/** From the caller the new address goes on, from the callee the old one comes back. */
function replaceWithin({ dialog, request, direction, ctx }: DialogEvent, side: Side): void {
  if (request === null || ctx === undefined || direction === DIRECTION.NONE) return;
  if ((request.internalFlags & FLAG[side]) !== 0) return;
  const downstream = direction === DIRECTION.DOWNSTREAM;
  const names = NAMES[side];
  const uri = dialog.vars.get(downstream ? names.newUri : names.uri);
  const display = dialog.vars.get(downstream ? names.newDisplay : names.display);
  const header = headerOf(request, targetOf(side, downstream));
  if (uri === undefined || display === undefined || header === undefined) return;
  changeAddress(request, header, { display, uri });
  restoreInReplies(ctx, FLAG[side]);
}

/** The caller's address is in From of the caller's requests and in To of the callee's. */
function targetOf(side: Side, downstream: boolean): Side {
  return (side === 'to') === downstream ? 'to' : 'from';
}
