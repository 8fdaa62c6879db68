/** `log_prefix`: text with variables of the message at work, before each of its log lines. */
import type { Context } from './context.js';
import type { Log } from './host.js';

/** Longer ones are not taken: the prefix stays what it was. */
const LONGEST = 1023;

/** The prefix is made anew of the message in view. */
export function setLogPrefix(ctx: Context): void {
  const { logPrefix } = ctx.program;
  if (logPrefix === undefined) return;
  const text = logPrefix(ctx);
  if (text.length <= LONGEST && text !== '') ctx.host.log.prefix = text;
}

export function clearLogPrefix(log: Log): void {
  if (log.prefix !== undefined) log.prefix = undefined;
}
