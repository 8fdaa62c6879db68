/** Runs a block of the main table (`route[X]`) that no message asked for: timers and tasks. */
import { Context, ROUTE } from '../runtime/context.js';
import { type Host, LEVEL } from '../runtime/host.js';
import { runRoute } from '../runtime/run.js';

/** Runs `route[name]` of the newest script on a made-up OPTIONS request; `origin` is the module that asks for it. */
export function runMainRoute(host: Host, name: string, origin: string): void {
  const route = host.program.routes.request.get(name);
  if (route === undefined) {
    host.log.write(LEVEL.WARN, origin, `route not declared: ${name}\n`);
    return;
  }
  const ctx = new Context(host, host.program, host.fakeRequest(), ROUTE.REQUEST);
  const after = () => {
    for (const hook of host.hooks.afterRequest) hook(ctx);
  };
  const done = runRoute(ctx, route);
  if (done instanceof Promise) host.detach(done.then(after), `route[${name}]`);
  else after();
}
