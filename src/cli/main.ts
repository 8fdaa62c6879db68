/** The command: a verb of its own, or the command line of kamailio(8). */
import { runVerb, VERBS } from './verbs.js';

/** Sets the exit status; never throws for what a user wrote. `started` is told when a server has bound its sockets. */
export async function main(argv: readonly string[], started: () => void = () => undefined): Promise<void> {
  const verb = argv[0];
  const status =
    verb !== undefined && VERBS.has(verb)
      ? await runVerb(argv, started)
      : await (await import('./kamailio.js')).kamailio(argv, started);
  if (status !== undefined) process.exit(status);
}
