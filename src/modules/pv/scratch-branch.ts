/** The scratch branch `$sbranch`: appended to the destination set, or made the request URI. */
import { addBranch } from '../../runtime/destination-set.js';
import { type AnyFunction, fn, type RouteContext } from '../../runtime/module.js';
import { scratchBranch } from '../../runtime/variables/branches.js';
import { branch } from '../../sip/message.js';

function append(ctx: RouteContext): 1 | -1 {
  const scratch = scratchBranch(ctx.host).branch;
  if (scratch.uri === '') return -1;
  return addBranch(ctx, { ...scratch }) ? 1 : -1;
}

/** Path is cleared and not set, as in 5.6.3. */
function setRequestUri(ctx: RouteContext): 1 | -1 {
  const scratch = scratchBranch(ctx.host).branch;
  if (scratch.uri === '') return -1;
  const { msg } = ctx;
  msg.newUri = scratch.uri;
  msg.dstUri = scratch.dstUri;
  msg.path = null;
  msg.instance = scratch.instance;
  msg.ruid = scratch.ruid;
  msg.locationUa = scratch.locationUa;
  if (scratch.socket !== null) msg.sendSocket = scratch.socket;
  msg.q = scratch.q;
  msg.branchFlags |= scratch.flags;
  return 1;
}

export const SCRATCH_FUNCTIONS: Readonly<Record<string, AnyFunction>> = {
  sbranch_reset: fn({
    doc: 'Empties the scratch branch.',
    args: [],
    run(ctx) {
      scratchBranch(ctx.host).branch = branch('');
      return 1;
    },
  }),
  sbranch_append: fn({ doc: 'Appends a copy of the scratch branch to the destination set.', args: [], run: append }),
  sbranch_set_ruri: fn({
    doc: 'Makes the scratch branch the request URI, with its next hop, socket, flags and q.',
    args: [],
    run: setRequestUri,
  }),
};
