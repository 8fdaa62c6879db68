/** Runs a block of the main table (`route[X]`) that no message asked for: timers and tasks. */
import { Context, ROUTE } from '../runtime/context.js';
import { type Host, LEVEL } from '../runtime/host.js';
import type { Route } from '../runtime/program.js';
import { runRoute } from '../runtime/run.js';

/** Runs a route as that of a request, with what modules do after one; a promise only where it waits. */
export function runTopRoute(ctx: Context, route: Route): void | Promise<void> {
  const after = (): void => {
    for (const hook of ctx.host.hooks.afterRequest) hook(ctx);
  };
  const done = runRoute(ctx, route);
  return done instanceof Promise ? done.then(after) : after();
}

/** Runs `route[name]` of the newest script on a made-up OPTIONS request; `origin` is the module that asks for it. */
export function runMainRoute(host: Host, name: string, origin: string): void | Promise<void> {
  const route = host.program.routes.request.get(name);
  if (route === undefined) {
    host.log.write(LEVEL.WARN, origin, `route not declared: ${name}\n`);
    return;
  }
  return runTopRoute(new Context(host, host.program, host.fakeRequest(), ROUTE.REQUEST), route);
}

/** Work that is done again and again. */
export interface Rounds {
  cancel(): void;
}

/**
 * Every `ms` one round of `work`, the next no sooner than the last has ended, as within one timer process.
 */
export function everyRound(host: Host, ms: number, what: string, work: () => void | Promise<void>): Rounds {
  let stopped = false;
  const arm = () => host.clock.after(ms, round);
  const next = (): void => {
    if (!stopped) handle = arm();
  };
  const round = (): void => {
    const done = work();
    if (done instanceof Promise) host.detach(done.then(next), what);
    else next();
  };
  let handle = arm();
  return {
    cancel() {
      stopped = true;
      handle.cancel();
    },
  };
}
