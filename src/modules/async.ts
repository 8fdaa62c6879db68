/** Kamailio's async: going on with a message later, or in a task of its own. */
import { NOWHERE } from '../parser/problem.js';
import { Context, ROUTE } from '../runtime/context.js';
import {
  type BindEnv,
  defineModule,
  extraKey,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  pvTable,
  type RouteContext,
  str,
} from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import { runRoute } from '../runtime/run.js';
import { runTopRoute } from './main-route.js';
import { type Resumed, resumeRun, suspendRun } from './tm/api.js';

interface Params {
  readonly workers: number;
  readonly ms_timer: number;
  readonly return: number;
}

const FAILED = -1;
const SECOND = 1000;
/** Kamailio's ring of slots: a delay has to be below (seconds). */
const MAX_SECONDS = 100;
const MAX_MS = 30_000;
const DEFAULT_GROUP = 'default';

interface Task {
  /** Of async_task_data(). */
  readonly data: string | null;
  /** Group of workers. */
  readonly group: string;
}

const TASK = extraKey<Task>('async task');

function refuse({ host }: RouteContext, why: string): number {
  host.log.write(LEVEL.ERR, 'async', `${why}\n`);
  return FAILED;
}

/** Goes on with the transaction after `ms`; the run ends unless `return` says otherwise. */
function goOnLater(ctx: RouteContext, p: Params, what: Resumed, ms: number, task?: Task): number {
  const { host } = ctx;
  const suspended = suspendRun(ctx);
  if (suspended === undefined) return refuse(ctx, 'failed to suspend the processing');
  const run = (later: Context) => {
    if (task !== undefined) later.setExtra(TASK, task);
    return typeof what === 'function' ? what(later) : runRoute(later, what);
  };
  host.clock.after(ms, () => {
    const done = resumeRun(host, suspended, run);
    if (done instanceof Promise) host.detach(done, 'async');
  });
  return p.return;
}

/** Milliseconds, or undefined: refused, and told. */
type Delay = (ctx: RouteContext, p: Params, n: number) => number | undefined;

function refused(ctx: RouteContext, why: string): undefined {
  refuse(ctx, why);
  return undefined;
}

const seconds: Delay = (ctx, p, n) => {
  if (p.workers <= 0) return refused(ctx, 'no async mod timer workers');
  if (n <= 0) return refused(ctx, `negative or zero sleep time (${n})`);
  if (n >= MAX_SECONDS) return refused(ctx, `max sleep time is ${MAX_SECONDS} sec (${n})`);
  return n * SECOND;
};

const milliseconds: Delay = (ctx, p, n) => {
  if (p.workers <= 0) return refused(ctx, 'no async mod timer workers');
  if (p.ms_timer === 0) return refused(ctx, 'async timer list not initialized - check modparams');
  if (n <= 0) return refused(ctx, `negative or zero sleep time (${n})`);
  if (n >= MAX_MS) return refused(ctx, `max sleep time is ${MAX_MS} msec`);
  return n;
};

function routeLater(delay: Delay) {
  return (ctx: RouteContext, p: Params, name: string, n: number): number => {
    if (ctx.msg.faked) return refuse(ctx, 'invalid usage for faked message');
    const route = ctx.program.routes.request.get(name);
    if (route === undefined) return refuse(ctx, `route block not found: ${name}`);
    const ms = delay(ctx, p, n);
    return ms === undefined ? FAILED : goOnLater(ctx, p, route, ms);
  };
}

function restLater(delay: Delay) {
  return (ctx: RouteContext, p: Params, n: number): number => {
    const { rest } = ctx;
    ctx.rest = null;
    if (ctx.msg.faked) return refuse(ctx, 'invalid usage for faked message');
    if (rest === null) return refuse(ctx, 'cannot be executed as last action in a route block');
    const ms = delay(ctx, p, n);
    if (ms === undefined) return FAILED;
    return goOnLater(ctx, p, { ...BLOCK, run: rest }, ms);
  };
}

/** What `runRoute` needs to know of the rest of a block. */
const BLOCK = {
  name: 'async_sleep',
  table: 'request',
  isAsync: false,
  text: '',
  span: NOWHERE,
} as const;

/** Names of the groups of workers that the script declares. */
function groupsOf(program: Program): ReadonlySet<string> {
  const names = new Set([DEFAULT_GROUP]);
  for (const item of program.script.items) {
    if (item.kind !== 'param' || item.name !== 'async_workers_group') continue;
    const name = /(?:^|;)\s*name\s*=\s*([^;]*?)\s*(?:;|$)/.exec(String(item.value.value))?.[1];
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** Does such a group work on tasks? Kamailio warns, and the task is lost, where not. */
function hasGroup({ host, program }: RouteContext, group: string): boolean {
  if (groupsOf(program).has(group)) return true;
  host.log.write(LEVEL.WARN, '<core>', `group [${group}] not found - ignoring\n`);
  return false;
}

function taskRoute(ctx: RouteContext, p: Params, name: string, group: string): number {
  if (ctx.msg.faked) return refuse(ctx, 'invalid usage for faked message');
  const route = ctx.program.routes.request.get(name);
  if (route === undefined) return refuse(ctx, `route block not found: ${name}`);
  if (hasGroup(ctx, group)) return goOnLater(ctx, p, route, 0, { data: null, group });
  return suspendRun(ctx) === undefined ? refuse(ctx, 'failed to suspend the processing') : p.return;
}

function taskData(ctx: RouteContext, name: string, group: string, data: string): number {
  const { host, program } = ctx;
  const route = program.routes.request.get(name);
  if (route === undefined) return refuse(ctx, `route block not found: ${name}`);
  if (hasGroup(ctx, group)) host.clock.after(0, () => runData(host, program, name, { data, group }));
  return 1;
}

function runData(host: Host, program: Program, name: string, task: Task): void {
  const route = program.routes.request.get(name);
  if (route === undefined) return;
  const ctx = new Context(host, program, host.fakeRequest(), ROUTE.REQUEST);
  ctx.setExtra(TASK, task);
  const done = runTopRoute(ctx, route);
  if (done instanceof Promise) host.detach(done, `route[${name}]`);
}

/** Tasks need workers: Kamailio refuses the script without (fixup_async_task_route). */
const needsWorkers = (_args: unknown, { core }: BindEnv): string | undefined =>
  core !== undefined && !(Number(core.values.get('async_workers')) > 0)
    ? 'async task framework was not initialized - set async_workers parameter in core'
    : undefined;

const SUSPENDING = ['request', 'failure'] as const;

export const asyncModule = defineModule({
  name: 'async',
  doc: 'Suspends the transaction of a message and goes on with it later; tasks beside the message.',
  needs: ['tm'],
  params: {
    workers: intParam(1, 'Timer processes; here one thread does it all, but with 0 nothing can be put off.'),
    ms_timer: intParam(0, 'Milliseconds between looks at what async_ms_… put off; 0: these cannot be used.'),
    return: intParam(0, 'What the functions that suspend give; 0 ends the run of the script.'),
  },
  functions: {
    async_route: fn({
      doc: 'Ends this run, and runs the route after that many seconds, with the request and what was set for it.',
      args: [str('route'), int('seconds')],
      routes: SUSPENDING,
      example: 'async_route("LATER", "3");',
      run: routeLater(seconds),
    }),
    async_ms_route: fn({
      doc: 'As async_route(), after milliseconds.',
      args: [str('route'), int('milliseconds')],
      routes: SUSPENDING,
      run: routeLater(milliseconds),
    }),
    async_sleep: fn({
      doc: 'Ends this run; after that many seconds what stands behind it in its block runs, and no more than that block.',
      args: [int('seconds')],
      routes: SUSPENDING,
      rest: true,
      run: restLater(seconds),
    }),
    async_ms_sleep: fn({
      doc: 'As async_sleep(), for milliseconds.',
      args: [int('milliseconds')],
      routes: SUSPENDING,
      rest: true,
      run: restLater(milliseconds),
    }),
    async_task_route: fn({
      doc: 'Ends this run, and runs the route as soon as the messages that wait have had their turn. Needs async_workers.',
      args: [str('route')],
      routes: SUSPENDING,
      check: needsWorkers,
      run: (ctx, p: Params, name) => taskRoute(ctx, p, name, DEFAULT_GROUP),
    }),
    async_task_group_route: fn({
      doc: 'As async_task_route(), by a group of workers of async_workers_group.',
      args: [str('route'), str('group')],
      routes: SUSPENDING,
      check: needsWorkers,
      run: (ctx, p: Params, name, group) => taskRoute(ctx, p, name, group),
    }),
    async_task_data: fn({
      doc: 'Runs the route soon on a made-up request, with the text in `$async(data)`; this run goes on.',
      args: [str('route'), str('data')],
      check: needsWorkers,
      run: (ctx, _p: Params, name, data) => taskData(ctx, name, DEFAULT_GROUP, data),
    }),
    async_task_group_data: fn({
      doc: 'As async_task_data(), by a group of workers of async_workers_group.',
      args: [str('route'), str('group'), str('data')],
      check: needsWorkers,
      run: (ctx, _p: Params, name, group, data) => taskData(ctx, name, group, data),
    }),
  },
  pvs: {
    async: pvTable('The task that runs.', {
      data: (ctx) => ctx.extra(TASK)?.data ?? null,
      gname: (ctx) => ctx.extra(TASK)?.group ?? null,
    }),
  },
});
