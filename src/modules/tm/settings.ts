/** What a script sets for its transaction, before and after that exists: t_on_failure(), t_set_fr() … */
import type { Context } from '../../runtime/context.js';
import { transactionOf } from './match.js';
import { NO_SETTINGS, noSettings, type Settings } from './transaction.js';

/** Settings of the run, to be written: those of its transaction, or those that the next one gets. */
export function settingsOf(ctx: Context): Settings {
  const t = transactionOf(ctx);
  if (t !== null) return t.ownSettings();
  let settings = ctx.transactionSettings as Settings | null;
  if (settings === null) {
    settings = noSettings();
    ctx.transactionSettings = settings;
  }
  return settings;
}

/** What the script chose for the transaction to come. */
export function chosenSettings(ctx: Context): Readonly<Settings> {
  return (ctx.transactionSettings as Settings | null) ?? NO_SETTINGS;
}

/** Sets or clears a T bit, now or when the transaction begins. */
export function setFlag(ctx: Context, flag: number, on: boolean): void {
  const t = transactionOf(ctx);
  if (t !== null) {
    t.flags = on ? t.flags | flag : t.flags & ~flag;
    return;
  }
  const settings = settingsOf(ctx);
  settings.on = on ? settings.on | flag : settings.on & ~flag;
  settings.off = on ? settings.off & ~flag : settings.off | flag;
}
