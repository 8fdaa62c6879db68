/** Kamailio's debugger: a trace of the script's statements in the log, and log levels of modules. */
import path from 'node:path';
import type { Statement } from '../../parser/tree.js';
import { actionOf } from '../../runtime/actions.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  isInt,
  LEVEL,
  listParam,
  opt,
  parsed,
  ROUTE,
  type RouteContext,
  RpcFault,
  type StateKey,
  stateKey,
  str,
  strParam,
  toInt,
  toText,
  type Value,
} from '../../runtime/module.js';
import { intArg, textArg } from '../../runtime/rpc.js';
import { rebuild } from '../../sip/build.js';
import { cfgtStep } from '../cfgt/index.js';
import { isFacility } from '../xlog/params.js';

import { Breakpoints, SET } from './breakpoints.js';
import { DUMP, dumpVariables } from './dump.js';
import { printCompact } from './print.js';

interface Params {
  readonly cfgtrace: number;
  readonly cfgtrace_format: number;
  readonly log_level: number;
  readonly log_prefix: string;
  readonly log_level_name: string | null;
  readonly mod_level_mode: number;
  readonly mod_level: readonly string[];
  readonly mod_facility: readonly string[];
  readonly log_assign: number;
  readonly reset_msgid: number;
  readonly cfgtest: number;
  readonly breakpoint: number;
  readonly step_usleep: number;
  readonly step_loops: number;
}

interface State {
  tracing: boolean;
  readonly breakpoints: Breakpoints;
  /** Levels of modules by name, in force where mod_level_mode is 1. */
  readonly levels: Map<string, number>;
  /** Syslog facilities of modules by name: kept, and told. */
  readonly facilities: Map<string, string>;
}

const STATE: StateKey<State> = stateKey<State>('debugger');
const paramsOf = (host: Host) => host.program.params('debugger') as unknown as Params;

const MOD_FACILITY = /^\s*([\w<>-]+)\s*=\s*(LOG_\w+)\s*$/;
const MOD_LEVEL = /^\s*([\w<>-]+)\s*=\s*(-?\d+)\s*$/;

const params = {
  cfgtrace: intParam(
    0,
    '1: each statement of the script that runs is told to the log; the RPC command dbg.trace switches it.',
  ),
  cfgtrace_format: intParam(0, '1: without the name of the file.'),
  log_level: intParam(LEVEL.ERR, 'Log level of the trace.'),
  log_prefix: strParam('*** cfgtrace:', 'What each line of the trace begins with.'),
  log_level_name: strParam(null, 'Word in place of the level in the lines of the trace: "exec".'),
  log_facility: strParam(null, 'Accepted; the trace goes to the log.'),
  mod_hash_size: intParam(0, 'Accepted; levels of modules need no size here.'),
  mod_level_mode: intParam(0, '1: the levels of modules count.'),
  mod_level: listParam('Log level of one module: "tm=3"; "core" is the core.', (text) =>
    MOD_LEVEL.test(text) ? undefined : 'write MODULE=LEVEL',
  ),
  mod_facility_mode: intParam(0, 'Accepted; there are no facilities here.'),
  mod_facility: listParam(
    'Syslog facility of one module: "tm=LOG_LOCAL1"; told by dbg.get_mod_facility alone.',
    (text) => (isFacility(MOD_FACILITY.exec(text)?.[2] ?? '') ? undefined : 'write MODULE=LOG_NAME'),
  ),
  breakpoint: intParam(0, '1: each run stops at each statement until `dbg.bp` lets it go on; as `dbg.bp on`.'),
  step_usleep: intParam(100_000, 'Microseconds of a round in which `dbg.bp` waits for a run that stops.'),
  step_loops: intParam(200, 'Rounds that `dbg.bp` waits before it gives up.'),
  log_assign: intParam(0, '1: each assignment is told to the log, at level 3.'),
  reset_msgid: intParam(0, '1: the command dbg.reset_msgid may number messages anew (`$mi`).'),
  cfgpkgcheck: intParam(0, 'Accepted; there is no memory manager to check.'),
  cfgtest: intParam(0, '1: the module cfgt, which must be loaded before, reports the way of each message.'),
};

// ------------------------------------------------------------------------ trace

/** First that fits, as Kamailio names the kind of a run. */
const KINDS: readonly (readonly [bits: number, name: string])[] = [
  [ROUTE.REQUEST, 'request_route'],
  [ROUTE.FAILURE, 'failure_route'],
  [ROUTE.ONREPLY, 'onreply_route'],
  [ROUTE.BRANCH, 'branch_route'],
  [ROUTE.ONSEND, 'onsend_route'],
  [ROUTE.ERROR, 'error_route'],
  [ROUTE.LOCAL, 'local_route'],
  [ROUTE.BRANCH_FAILURE, 'branch_failure_route'],
  [ROUTE.EVENT, 'event_route'],
];

const WITHOUT_FILE = 1;

// biome-ignore lint/suspicious/noConfusingVoidType: as Watch
function watch(ctx: RouteContext, at: Statement, routeName: string): Promise<number> | void {
  const { host } = ctx;
  if (!host.hasState(STATE)) return;
  const { tracing, breakpoints } = host.state(STATE);
  if (tracing) trace(ctx, at, routeName);
  if (paramsOf(host).cfgtest !== 0) cfgtStep(ctx, at, routeName);
  return breakpoints.on ? breakpoints.reached(ctx, at) : undefined;
}

function trace(ctx: RouteContext, at: Statement, routeName: string): void {
  const { host } = ctx;
  const own = paramsOf(host);
  if (own.log_level > host.log.level) return;
  const kind = KINDS.find(([bits]) => (ctx.routeType & bits) !== 0)?.[1] ?? '';
  const { file, line } = at.span;
  const { number, name } = actionOf(at);
  const place = (own.cfgtrace_format & WITHOUT_FILE) !== 0 ? '' : ` c=[${path.resolve(file)}]`;
  const text = `${own.log_prefix}dbg_cfg_trace(): ${kind}=[${routeName}]${place} l=${line} a=${number} n=${name}\n`;
  if (host.log.raw) host.log.raw(own.log_level, text, own.log_level_name ?? undefined);
  else host.log.write(own.log_level, 'debugger', text);
}

const ownLevel = ({ log }: Host): number => log.levels?.get('debugger') ?? log.level;

function assigned(ctx: RouteContext, target: string, value: Value): void {
  const { host } = ctx;
  if (ownLevel(host) < LEVEL.DBG || !host.hasState(STATE) || paramsOf(host).log_assign === 0) return;
  const shown = isInt(value)
    ? `:${toInt(value)}`
    : value === null || value === undefined
      ? ': $null'
      : `:"${toText(value)}"`;
  host.log.write(LEVEL.DBG, 'debugger', `${target}${shown}\n`);
}

// --------------------------------------------------------------------- variables

/** Told by the third letter alone, as Kamailio reads it: `L_ERR`. */
const DUMP_LEVELS: Readonly<Record<string, number>> = {
  A: LEVEL.ALERT,
  B: LEVEL.BUG,
  C: LEVEL.CRIT,
  E: LEVEL.ERR,
  W: LEVEL.WARN,
  N: LEVEL.NOTICE,
  I: LEVEL.INFO,
  D: LEVEL.DBG,
};

const dumpMask = parsed<number>('mask', 'number', (text) =>
  /^\d+$/.test(text) ? { ok: Number(text) } : { error: `'${text}' is no number` },
);
const dumpLevel = parsed<number>('level', 'log level', (text) => {
  const level = DUMP_LEVELS[text[2] ?? ''];
  if (level === undefined) return { error: 'unknown log level' };
  // level 0 is no level: 5.6.3 takes L_DBG
  return { ok: level === LEVEL.WARN ? LEVEL.DBG : level };
});

function dumpToLog(ctx: RouteContext, mask: number = DUMP.ALL, level: number = LEVEL.DBG): number {
  if (level <= ownLevel(ctx.host)) ctx.host.log.write(level, 'debugger', `${printCompact(dumpVariables(ctx, mask))}\n`);
  return 1;
}

// ----------------------------------------------------------------------- message

const FRAME = {
  start: '------------------------- START OF SIP message debug --------------------------\n',
  headers: '------------------------------ SIP header diffs -------------------------------\n',
  body: '------------------------------- SIP body diffs --------------------------------\n',
  end: '-------------------------- END OF SIP message debug ---------------------------\n\n',
};

const LEVELS: Readonly<Record<string, number>> = {
  L_ALERT: LEVEL.ALERT,
  L_BUG: LEVEL.BUG,
  L_CRIT: LEVEL.CRIT,
  L_ERR: LEVEL.ERR,
  L_WARN: LEVEL.WARN,
  L_NOTICE: LEVEL.NOTICE,
  L_INFO: LEVEL.INFO,
  L_DBG: LEVEL.DBG,
};

function showMessage(ctx: RouteContext, name: string | undefined): number {
  const { host, msg } = ctx;
  const level = name === undefined ? host.log.level : LEVELS[name];
  if (level === undefined) return -1;
  const text = rebuild(msg);
  if (text === undefined) return -1;
  const changes = (fits: (at: number) => boolean) =>
    msg.edits.list
      .filter((e) => fits(e.at))
      .map(
        (e) =>
          `${e.remove > 0 ? `${msg.text.slice(e.at, e.at + e.remove)}` : ''}${typeof e.text === 'string' ? e.text : ''}`,
      )
      .join('');
  const bodyAt = msg.bodyStart < 0 ? msg.text.length : msg.bodyStart;
  const headers = changes((at) => at < bodyAt);
  const body = changes((at) => at >= bodyAt);
  host.log.write(
    level,
    'debugger',
    `CONFIG LINE unknown\n${FRAME.start}${text}${FRAME.headers}${headers}${FRAME.body}${body}${FRAME.end}`,
  );
  return 1;
}

// -------------------------------------------------------------------------- RPC

const OK = '200 ok';

function useLevels(host: Host, state: State): void {
  if (paramsOf(host).mod_level_mode !== 0) host.log.levels = state.levels;
}

/** Kamailio's commands take a process; here there is one. */
function requirePid(host: Host, pid: unknown): void {
  if (typeof pid === 'number' && pid !== host.pid) throw new RpcFault(500, 'No such pid');
}

export const debuggerModule = defineModule({
  name: 'debugger',
  doc: 'Traces the statements of the script in the log, and gives modules log levels of their own.',
  params,
  watch,
  assigned,
  functions: {
    dbg_breakpoint: fn({
      doc: 'Has no effect, as in 5.6.3: with the parameter breakpoint, or after `dbg.bp on`, a run stops at every statement.',
      args: [str('name')],
      run: () => 1,
    }),
    dbg_pv_dump: fn({
      doc: 'Writes the variables that the script names into the log, as JSON. `mask` adds up 1 nulls, 2 AVPs, 4 `$var`, 8 XAVPs, 16 others; `level` is L_DBG unless given.',
      args: [opt(dumpMask), opt(dumpLevel)],
      example: '$var(x) = 5;\ndbg_pv_dump("4", "L_ERR");',
      run: (ctx: RouteContext, _params: unknown, mask, level) => dumpToLog(ctx, mask, level),
    }),
    dbg_sip_msg: fn({
      doc: 'Writes the message with the changes of the script into the log.',
      args: [opt(str('level')), opt(str('facility'))],
      routes: ['request', 'reply'],
      run: (ctx: RouteContext, _params: unknown, level) => showMessage(ctx, level),
    }),
  },
  rpc: {
    'dbg.trace': {
      doc: 'Config trace command',
      run(host, [command, pid]) {
        if (typeof command !== 'string') throw new RpcFault(500, 'Config trace command missing');
        requirePid(host, pid);
        if (command !== 'on' && command !== 'off') throw new RpcFault(500, 'Unknown trace command');
        host.state(STATE).tracing = command === 'on';
        return OK;
      },
    },
    'dbg.bp': {
      doc: 'Breakpoint command',
      run: (host, args) => host.state(STATE).breakpoints.run(args),
    },
    'dbg.ls': {
      doc: 'List debugging process array',
      run(host, [pid]) {
        requirePid(host, pid);
        const { tracing, breakpoints } = host.state(STATE);
        const { on, state, askedBy, command } = breakpoints;
        const test = paramsOf(host).cfgtest !== 0 ? SET.TEST : 0;
        const set = (tracing ? SET.TRACE : 0) | (on ? SET.BREAKPOINTS : 0) | test;
        return { entry: 0, pid: host.pid, set, state, 'in.pid': askedBy, 'in.cmd': command };
      },
    },
    'dbg.set_mod_level': {
      doc: 'Set module log level',
      run(host, args) {
        if (typeof args[0] !== 'string') throw new RpcFault(500, 'invalid parameters');
        const state = host.state(STATE);
        state.levels.set(textArg(args, 0), intArg(args, 1));
        useLevels(host, state);
        return OK;
      },
    },
    'dbg.get_mod_level': {
      doc: 'Get module log level',
      run(host, args) {
        if (typeof args[0] !== 'string') throw new RpcFault(500, 'invalid parameters');
        return host.log.levels?.get(args[0]) ?? host.log.level;
      },
    },
    'dbg.set_mod_facility': {
      doc: 'Set module log facility',
      run(host, args) {
        if (typeof args[0] !== 'string' || typeof args[1] !== 'string') throw new RpcFault(500, 'invalid parameters');
        if (!isFacility(args[1])) throw new RpcFault(500, 'facility not found');
        host.state(STATE).facilities.set(args[0], args[1]);
        return OK;
      },
    },
    'dbg.get_mod_facility': {
      doc: 'Get module log facility',
      run(host, args) {
        if (typeof args[0] !== 'string') throw new RpcFault(500, 'invalid parameters');
        return host.state(STATE).facilities.get(args[0]) ?? 'LOG_DAEMON';
      },
    },
    'dbg.reset_msgid': {
      doc: 'Reset msgid on all process',
      run(host) {
        if (paramsOf(host).reset_msgid === 0) throw new RpcFault(500, 'reset_msgid is 0. Set it to 1 to enable.');
        host.resetMessageIds?.();
        return OK;
      },
    },
  },
  start(host): State {
    const own = paramsOf(host);
    const breakpoints = new Breakpoints(host, () => paramsOf(host));
    const state: State = { tracing: own.cfgtrace === 1, breakpoints, levels: new Map(), facilities: new Map() };
    if (own.breakpoint === 1) breakpoints.turn(true);
    if (own.cfgtest !== 0 && host.module('cfgt') === undefined) throw new Error("debugger: can't find cfgt module");
    addLevels(state, own);
    useLevels(host, state);
    return state;
  },
  reload(host, state) {
    const own = paramsOf(host);
    const s = state as State;
    s.tracing = own.cfgtrace === 1;
    s.breakpoints.turn(own.breakpoint === 1 || s.breakpoints.on);
    addLevels(s, own);
    useLevels(host, s);
  },
  stop: (_host, state) => (state as State).breakpoints.letGo(),
});

function addLevels(state: State, own: Params): void {
  for (const text of own.mod_level) {
    const [, name = '', level = ''] = MOD_LEVEL.exec(text) ?? [];
    state.levels.set(name, Number(level));
  }
  for (const text of own.mod_facility) {
    const [, name = '', facility = ''] = MOD_FACILITY.exec(text) ?? [];
    state.facilities.set(name, facility);
  }
}
