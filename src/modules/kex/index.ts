/** Kamailio's kex: flags, next hop, variables, log level, and RPC commands (variables.md, section 10). */
import type { Context } from '../../runtime/context.js';
import {
  defineModule,
  fn,
  type Host,
  int,
  LEVEL,
  opt,
  pv,
  type StateKey,
  stateKey,
  str,
  variable,
} from '../../runtime/module.js';
import { sruid } from '../../runtime/sruid.js';
import { parseUri, uriTransport } from '../../sip/uri.js';
import { RPC } from './rpc.js';
import { countMessages } from './statistics.js';

interface KexState {
  /** `debug` as it was before setdebug(). */
  debug: number | undefined;
  readonly nextId: () => string;
}

const STATE: StateKey<KexState> = stateKey<KexState>('kex');

const isFlag = (flag: number) => flag >= 0 && flag <= 31;

const scriptFlag = (doc: string, run: (ctx: Context, mask: number) => boolean) =>
  fn({
    doc,
    args: [int('flag')],
    run: (ctx, _params, flag) => (isFlag(flag) && run(ctx, 1 << flag) ? 1 : -1),
  });

/** What holds the flags of a branch: 0 is the request's own, the others are the additional ones in order. */
function branchFlags({ msg }: Context, index: number): { flags: number } | undefined {
  if (index !== 0) return msg.branches[index - 1];
  return {
    get flags() {
      return msg.branchFlags;
    },
    set flags(flags) {
      msg.branchFlags = flags;
    },
  };
}

const branchFlag = (doc: string, run: (branch: { flags: number }, mask: number) => boolean) =>
  fn({
    doc,
    args: [int('flag'), opt(int('branch'))],
    run(ctx, _params, flag, branch) {
      const flags = isFlag(flag) ? branchFlags(ctx, branch ?? 0) : undefined;
      return flags !== undefined && run(flags, 1 << flag) ? 1 : -1;
    },
  });

const printf = fn({
  doc: 'Evaluates the format and assigns the text to the variable; an AVP is pushed.',
  args: [{ ...variable('variable', { writable: true }), dynamic: false }, str('format', { dynamic: false })],
  run: (ctx, _params, target, text) => (target.set!(ctx, text) === false ? -1 : 1),
});

function isMyself(ctx: Context, text: string): boolean {
  if (text.length <= 4 || !/^sips?:/.test(text)) return ctx.host.isMyself(text, 0);
  const uri = parseUri(text);
  if (uri === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'kex', `failed to parse uri [${text}]\n`);
    return false;
  }
  return ctx.host.isMyself(uri.host, uri.port, uriTransport(uri));
}

export const kex = defineModule({
  name: 'kex',
  doc: 'Script and branch flags, the next hop, own addresses, log level, counters of the core and RPC commands.',
  functions: {
    setsflag: scriptFlag('Sets a script flag (0 to 31).', (ctx, mask) => {
      ctx.scriptFlags |= mask;
      return true;
    }),
    resetsflag: scriptFlag('Clears a script flag.', (ctx, mask) => {
      ctx.scriptFlags &= ~mask;
      return true;
    }),
    issflagset: scriptFlag('Is the script flag set?', (ctx, mask) => (ctx.scriptFlags & mask) !== 0),
    setbflag: branchFlag('Sets a flag (0 to 31) of a branch; without `branch` of the request itself, 0.', (b, mask) => {
      b.flags |= mask;
      return true;
    }),
    resetbflag: branchFlag('Clears a flag of a branch.', (b, mask) => {
      b.flags &= ~mask;
      return true;
    }),
    isbflagset: branchFlag('Is the flag of the branch set?', (b, mask) => (b.flags & mask) !== 0),
    setdsturi: fn({
      doc: 'Sets the next hop (`$du`); an empty text takes it back.',
      args: [str('uri')],
      run(ctx, _params, uri) {
        ctx.msg.dstUri = uri === '' ? null : uri;
        return 1;
      },
    }),
    resetdsturi: fn({
      doc: 'Takes the next hop back.',
      args: [],
      run(ctx) {
        ctx.msg.dstUri = null;
        return 1;
      },
    }),
    isdsturiset: fn({ doc: 'Is a next hop set?', args: [], run: (ctx) => (ctx.msg.dstUri ? 1 : -1) }),
    pv_printf: printf,
    avp_printf: printf,
    is_myself: fn({
      doc: 'Is the host of the URI, or a host alone, one of the own sockets or aliases?',
      args: [str('uri')],
      run: (ctx, _params, uri) => (isMyself(ctx, uri) ? 1 : -1),
    }),
    setdebug: fn({
      doc: 'Sets the log level until resetdebug().',
      args: [int('level')],
      run(ctx, _params, level) {
        const state = ctx.host.state(STATE);
        state.debug ??= ctx.host.log.level;
        ctx.host.log.level = level;
        return 1;
      },
    }),
    resetdebug: fn({
      doc: 'Puts the log level back to what it was before setdebug().',
      args: [],
      run(ctx) {
        const state = ctx.host.state(STATE);
        if (state.debug !== undefined) ctx.host.log.level = state.debug;
        state.debug = undefined;
        return 1;
      },
    }),
  },
  pvs: {
    sruid: pv('A new unique id at each read.', (ctx) => ctx.host.state(STATE).nextId(), undefined, 'string'),
  },
  rpc: RPC,
  start(host: Host): KexState {
    countMessages(host);
    const serverId = Number(host.program.core.values.get('server_id') ?? 0);
    return {
      debug: undefined,
      nextId: sruid({ now: host.startTime, pid: host.pid, serverId, random: () => host.random() }),
    };
  },
});
