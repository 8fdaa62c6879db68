/** The command: a verb of its own, or the command line of kamailio(8). */
import { kamailio } from './kamailio.js';
import { runVerb, VERBS } from './verbs.js';

/** Sets the exit status; never throws for what a user wrote. */
export async function main(argv: readonly string[]): Promise<void> {
  const verb = argv[0];
  const status = verb !== undefined && VERBS.has(verb) ? await runVerb(argv) : await kamailio(argv);
  if (status !== undefined) process.exit(status);
}
