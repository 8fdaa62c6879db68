/** Kamailio's cfgt: a report of each message's way through the script, for suites that compare such reports. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Statement } from '../../parser/tree.js';
import {
  defineModule,
  type Host,
  intParam,
  LEVEL,
  type RouteContext,
  RpcAnswers,
  RpcFault,
  type RpcValue,
  stateKey,
  strParam,
} from '../../runtime/module.js';
import { intArg } from '../../runtime/rpc.js';
import { callIdOf } from '../../sip/header.js';
import { DUMP, dumpVariables } from '../debugger/dump.js';
import { type Json, printLines } from '../debugger/print.js';
import { Flow, type Leaving } from './flow.js';

interface Params {
  readonly basedir: string;
  readonly mask: number;
  readonly callid_prefix: string;
}

/** What is known of one message. */
interface Report {
  /** Its scenario; '' until the script gets it. */
  uuid: string;
  id: number;
  readonly flow: Flow;
  readonly sipIn: Json[];
  readonly sipOut: Json[];
}

interface State {
  /** Messages of each scenario. */
  readonly counts: Map<string, number>;
  /** The report of the message that is being handled, through all that waits. */
  readonly current: AsyncLocalStorage<Report>;
}

const CFGT = stateKey<State>('cfgt');
const UNKNOWN = 'unknown';
/** 5.6.3 takes no heed of the parameter mask: all but nulls. */
const MASK = DUMP.ALL & ~DUMP.NULL;

const paramsOf = (host: Host) => host.program.params('cfgt') as unknown as Params;

/** Variables of tm, and those whose key is a variable, are not told. */
function dump(ctx: RouteContext): Json {
  return dumpVariables(ctx, MASK, ({ text, use }) => {
    if (use.name === 'avp' || use.name === 'xavp') return false;
    return text.startsWith('$T_') || text.indexOf('$', 1) > 0;
  });
}

/**
 * The scenario that a Call-ID names: what stands between its prefix and the prefix' last character. A name that would be
 * no folder of its own is none.
 */
export function scenarioOf(callId: string, prefix: string): string | undefined {
  if (prefix === '' || !callId.startsWith(prefix)) return undefined;
  const end = callId.indexOf(prefix.at(-1)!, prefix.length);
  const name = end < 0 ? '' : callId.slice(prefix.length, end);
  return name === '' || /[/\\\0]|^\.{1,2}$/.test(name) ? undefined : name;
}

/** The script gets the message: it has a number in its scenario from now on. */
function begin(ctx: RouteContext): boolean {
  const { counts, current } = ctx.host.state(CFGT);
  const report = current.getStore();
  if (report === undefined || report.uuid !== '') return true;
  report.uuid = scenarioOf(callIdOf(ctx.msg) ?? '', paramsOf(ctx.host).callid_prefix) ?? UNKNOWN;
  report.id = (counts.get(report.uuid) ?? 0) + 1;
  counts.set(report.uuid, report.id);
  ctx.host.log.write(LEVEL.INFO, 'cfgt', `*** node uuid:[${report.uuid}] id:[${report.id}] created ***\n`);
  return true;
}

const leavingOf = (at: Statement): Leaving => {
  if (at.kind === 'return') return 'return';
  if (at.kind === 'route') return 'route';
  return at.kind === 'exit' || at.kind === 'drop' || at.kind === 'break' ? 'exit' : 'other';
};

/** For the debugger: the run is at a statement of that route. */
export function cfgtStep(ctx: RouteContext, at: Statement, routeName: string): void {
  if (!ctx.host.hasState(CFGT)) return;
  ctx.host.state(CFGT).current.getStore()?.flow.at(routeName, leavingOf(at), ctx);
}

function end(ctx: RouteContext): void {
  const { host } = ctx;
  const report = host.state(CFGT).current.getStore();
  if (report === undefined || report.uuid === '') return;
  if (!report.flow.end(ctx) && report.uuid !== UNKNOWN) host.log.write(LEVEL.ERR, 'cfgt', 'cannot create flowname\n');
  save(host, report);
}

function save(host: Host, { uuid, id, flow, sipIn, sipOut }: Report): void {
  const folder = path.join(paramsOf(host).basedir, uuid);
  const text = printLines(
    new Map<string, Json>([
      ['flow', flow.steps],
      ['sip_in', sipIn],
      ['sip_out', sipOut],
    ]),
  );
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${id}.json`), text, 'latin1');
    host.log.write(LEVEL.INFO, 'cfgt', `*** node uuid:[${uuid}] id:[${id}] saved ***\n`);
  } catch (e) {
    host.log.write(LEVEL.ERR, 'cfgt', `cannot write the report: ${e instanceof Error ? e.message : e}\n`);
  }
}

function clean(host: Host, which: string): void {
  const { counts } = host.state(CFGT);
  const all = which.startsWith('all');
  if (!all && !counts.has(which)) throw new RpcFault(500, 'error in clean');
  for (const uuid of all ? [...counts.keys()] : [which]) {
    rmSync(path.join(paramsOf(host).basedir, uuid), { recursive: true, force: true });
    counts.delete(uuid);
  }
}

export const cfgt = defineModule({
  name: 'cfgt',
  doc: 'Writes a JSON report of the way of each message through the script: the routes, their variables, what came and went.',
  params: {
    basedir: strParam('/tmp', 'Folder of the reports: a folder a scenario in it, a file a message.'),
    mask: intParam(DUMP.ALL, 'Accepted; 5.6.3 takes no heed of it: all variables that are not null are told.'),
    callid_prefix: strParam(
      'NGCP%',
      'What the Call-ID of a scenario begins with; its last character also ends the name of the scenario.',
    ),
  },
  rpc: {
    'cfgt.mask': {
      doc: 'Specify module mask',
      run(_host, args) {
        if (args.length === 0) throw new RpcFault(500, 'invalid parameters');
        intArg(args, 0);
        return '200 ok';
      },
    },
    'cfgt.list': {
      doc: 'List scenarios currently in memory',
      run(host) {
        const known = [...host.state(CFGT).counts].map(([uuid, msgid]): RpcValue => ({ uuid, msgid }));
        return new RpcAnswers([...known, '200 ok']);
      },
    },
    'cfgt.clean': {
      doc: "Clean scenario, 'all' to clean all scenarios in memory",
      run(host, args) {
        if (typeof args[0] !== 'string') throw new RpcFault(500, 'invalid parameters');
        clean(host, args[0]);
        return '200 ok';
      },
    },
  },
  start(host): State {
    const current = new AsyncLocalStorage<Report>();
    const { hooks } = host;
    hooks.aroundReceived = (data, _from, handle) => {
      const flow = new Flow((ctx) => dump(ctx as RouteContext));
      current.run({ uuid: '', id: 0, flow, sipIn: [data.toString('latin1')], sipOut: [] }, handle);
    };
    hooks.beforeRequest.push(begin);
    hooks.beforeReply.push(begin);
    hooks.onSent.push((text) => current.getStore()?.sipOut.push(text));
    hooks.afterScript.push(end);
    return { counts: new Map(), current };
  },
});
