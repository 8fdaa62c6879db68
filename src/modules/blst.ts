/** Kamailio's blst: the script's hand on the list of avoided destinations (use_dst_blocklist). */
import { BLOCKED, blockSeconds, forceBlock, isBlocked, retryAfter, usesBlocklist } from '../runtime/blocklist.js';
import type { Context } from '../runtime/context.js';
import { defineModule, fn, int, LEVEL, opt } from '../runtime/module.js';

const source = ({ msg: { received } }: Context) => ({
  proto: received.proto,
  ip: received.srcIp,
  port: received.srcPort,
});

/** False after a warning where there is no list. */
function enabled(ctx: Context): boolean {
  if (usesBlocklist(ctx.program)) return true;
  ctx.host.log.write(LEVEL.WARN, 'blst', 'blocklist support disabled\n');
  return false;
}

function add(ctx: Context, seconds: number): number {
  if (enabled(ctx)) forceBlock(ctx.host, ctx.program, BLOCKED.ADMIN, source(ctx), seconds || blockSeconds(ctx.program));
  return 1;
}

const ALL = 255;
type Ignore = 'blocklistIgnore' | 'replyBlocklistIgnore';

function masked(doc: string, which: Ignore, change: (old: number, mask: number) => number) {
  return fn({
    doc: `${doc} Bits: ${BLOCKED.SEND} sending, ${BLOCKED.CONNECT} connecting, ${BLOCKED.TIMEOUT} no reply, ${BLOCKED.REPLY_503} 503; all when left out.`,
    args: [opt(int('mask'))],
    run({ msg }, _params, mask = ALL) {
      msg[which] = change(msg[which], mask & ALL);
      return 1;
    },
  });
}

const set = (old: number, mask: number) => old | mask;
const clear = (old: number, mask: number) => old & ~mask;

export const blst = defineModule({
  name: 'blst',
  doc: 'The list of destinations that are avoided for a while (`use_dst_blocklist=yes`): the source of the message on it, and what does not count.',
  functions: {
    blst_add: fn({
      doc: 'The source of the message is avoided for so many seconds; without a number, or with 0, for dst_blocklist_expire.',
      args: [opt(int('seconds'))],
      run: (ctx, _params, seconds = 0) => add(ctx, seconds),
    }),
    blst_add_retry_after: fn({
      doc: 'The source is avoided for the seconds of Retry-After, held between the two numbers; false where there is none.',
      args: [int('least'), int('greatest')],
      run(ctx, _params, least, greatest) {
        if (!enabled(ctx)) return 1;
        const asked = retryAfter(ctx.msg);
        if (asked === undefined) return -1;
        const seconds = Math.min(Math.max(asked, least >>> 0), greatest >>> 0);
        if (seconds > 0) forceBlock(ctx.host, ctx.program, BLOCKED.ADMIN, source(ctx), seconds);
        return 1;
      },
    }),
    blst_del: fn({
      doc: 'The source is avoided no longer; false where it was not.',
      args: [],
      run(ctx) {
        const { proto, ip, port } = source(ctx);
        return enabled(ctx) && ctx.host.blocklist?.delete(proto, ip, port) ? 1 : -1;
      },
    }),
    blst_is_blocklisted: fn({
      doc: 'Is the source avoided?',
      args: [],
      run: (ctx) => (enabled(ctx) && isBlocked(ctx.host, ctx.program, source(ctx)) ? 1 : -1),
    }),
    blst_set_ignore: masked('Failures of this request do not count.', 'blocklistIgnore', set),
    blst_clear_ignore: masked('Failures of this request count again.', 'blocklistIgnore', clear),
    blst_rpl_set_ignore: masked('Failures of replies to this request do not count.', 'replyBlocklistIgnore', set),
    blst_rpl_clear_ignore: masked('Failures of replies to this request count again.', 'replyBlocklistIgnore', clear),
  },
});
