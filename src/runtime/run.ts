/** Runs a top-level block on a context. */
import type { Context } from './context.js';
import { STOP } from './context.js';
import { LEVEL } from './host.js';
import type { Route } from './program.js';

/**
 * Runs `route` as the top block of `ctx`. Gives the code of language.md, section 7 (`ctx.stop` tells exit and drop);
 * a promise only when something in it waits. An exception within is logged and gives -1 with `ctx.crashed` set: a
 * message never ends a listener.
 */
export function runRoute(ctx: Context, route: Route): number | Promise<number> {
  ctx.depth = 1;
  ctx.stop = STOP.NONE;
  ctx.rc = 0;
  try {
    const code = route.run(ctx);
    if (typeof code === 'number') return code;
    ctx.host.turns.take();
    return code.catch((e: unknown) => crashed(ctx, route, e));
  } catch (e) {
    return crashed(ctx, route, e);
  }
}

function crashed(ctx: Context, route: Route, e: unknown): number {
  ctx.crashed = e;
  ctx.stop = STOP.EXIT;
  const text = e instanceof Error ? (e.stack ?? e.message) : String(e);
  ctx.host.log.write(LEVEL.BUG, '<core>', `the run of ${route.table} route "${route.name}" failed: ${text}`);
  return -1;
}

/** Goes on with `value` now, or when it comes. */
export function whenDone<T>(value: T | Promise<T>, next: (v: T) => void): void | Promise<void> {
  return value instanceof Promise ? value.then(next) : next(value);
}
