/** Extended message flags, internal ones, and what goes into the own Via. */
import type { Context } from '../../runtime/context.js';
import { fn, int, LEVEL, str } from '../../runtime/module.js';
import { MSG_FLAG, type SipMessage } from '../../sip/message.js';

const LAST_XFLAG = 63;

function xflag(doc: string, run: (words: number[], word: number, mask: number) => boolean) {
  return fn({
    doc,
    args: [int('flag')],
    run({ msg }, _params, flag) {
      if (flag < 0 || flag > LAST_XFLAG) return -1;
      msg.xflags ??= [0, 0];
      return run(msg.xflags, flag >> 5, 1 << (flag & 31)) ? 1 : -1;
    },
  });
}

/** Script names of `MSG_FLAG` bits; case is ignored. */
const NAMES: Readonly<Record<string, number>> = {
  USE_UAC_FROM: MSG_FLAG.USE_UAC_FROM,
  USE_UAC_TO: MSG_FLAG.USE_UAC_TO,
  UAC_AUTH: MSG_FLAG.UAC_AUTH,
};

function unknownName(ctx: Context, name: string): number {
  ctx.host.log.write(LEVEL.ERR, 'corex', `unsupported flag name [${name}]\n`);
  return -1;
}

const NOT_SET = -2;

/** What 5.6.3 does for an unknown name: every flag there is, and true (case corex/message-flags). */
function setAll(msg: SipMessage): number {
  msg.internalFlags = ~0;
  msg.forceRport = true;
  msg.localRport = true;
  return 1;
}

function viaFlag(doc: string, bit: number) {
  return fn({
    doc,
    args: [int('on')],
    run({ msg }, _params, on) {
      if (on === 0) msg.internalFlags &= ~bit;
      else msg.internalFlags |= bit;
      return 1;
    },
  });
}

export const FLAG_FUNCTIONS = {
  setxflag: xflag('Sets an extended message flag (0 to 63).', (words, word, mask) => {
    words[word]! |= mask;
    return true;
  }),
  resetxflag: xflag('Clears an extended message flag.', (words, word, mask) => {
    words[word]! &= ~mask;
    return true;
  }),
  isxflagset: xflag('Is the extended message flag set?', (words, word, mask) => (words[word]! & mask) !== 0),
  msg_iflag_set: fn({
    doc: `Sets an internal flag of the message: ${Object.keys(NAMES).join(', ')}. Any other name sets them all.`,
    args: [str('name')],
    run({ msg }, _params, name) {
      const bit = NAMES[name.toUpperCase()];
      if (bit === undefined) return setAll(msg);
      msg.internalFlags |= bit;
      return 1;
    },
  }),
  msg_iflag_reset: fn({
    doc: 'Clears an internal flag of the message.',
    args: [str('name')],
    run(ctx, _params, name) {
      const bit = NAMES[name.toUpperCase()];
      if (bit === undefined) return unknownName(ctx, name);
      ctx.msg.internalFlags &= ~bit;
      return 1;
    },
  }),
  msg_iflag_is_set: fn({
    doc: 'Is the internal flag of the message set?',
    args: [str('name')],
    run(ctx, _params, name) {
      const bit = NAMES[name.toUpperCase()];
      if (bit === undefined) return unknownName(ctx, name);
      return (ctx.msg.internalFlags & bit) === 0 ? NOT_SET : 1;
    },
  }),
  via_add_srvid: viaFlag('1: the own Via gets the parameter srvid with server_id; 0: not.', MSG_FLAG.ADD_SRVID),
  via_add_xavp_params: viaFlag(
    '1: the own Via gets the fields of the xavp that the core parameter xavp_via_params names; 0: not.',
    MSG_FLAG.ADD_XAVP_VIA_PARAMS,
  ),
  via_use_xavp_fields: viaFlag(
    '1: address and port of the own Via come from the xavp that the core parameter xavp_via_fields names; 0: not.',
    MSG_FLAG.USE_XAVP_VIA_FIELDS,
  ),
};
