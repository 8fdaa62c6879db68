/** Which instance of a group of custom globals is in force for a message: cfg_select(), cfg_reset(). */
import { type Context, extraKey } from '../context.js';

const INSTANCES = extraKey<Map<string, number>>('cfg instances');

/** False when no value of the group has that instance. */
export function selectInstance(ctx: Context, group: string, instance: number): boolean {
  if (!hasInstance(ctx, group, instance)) return false;
  const chosen = new Map(ctx.extra(INSTANCES));
  chosen.set(group, instance);
  ctx.setExtra(INSTANCES, chosen);
  return true;
}

export function resetInstance(ctx: Context, group: string): void {
  const chosen = ctx.extra(INSTANCES);
  if (chosen === undefined || !chosen.has(group)) return;
  const left = new Map(chosen);
  left.delete(group);
  ctx.setExtra(INSTANCES, left);
}

function hasInstance(ctx: Context, group: string, instance: number): boolean {
  const prefix = `${group}[${instance}].`;
  for (const name of ctx.program.globals.keys()) if (name.startsWith(prefix)) return true;
  return false;
}

/** Value of `group.name` for the message: of the chosen instance where it has one, else the common one. */
export function customGlobal(ctx: Context, group: string, name: string): number | string | undefined {
  const { globals } = ctx.program;
  const instance = ctx.extra(INSTANCES)?.get(group);
  const own = instance === undefined ? undefined : globals.get(`${group}[${instance}].${name}`);
  return own ?? globals.get(`${group}.${name}`);
}
