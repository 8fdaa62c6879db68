/** Settings for one call, from the XAVP that `xavp_cfg` names. */
import type { Context } from '../../runtime/context.js';
import { isInt, toInt } from '../../runtime/module.js';
import { registrarParams } from './params.js';

function field(ctx: Context, name: string) {
  const root = registrarParams(ctx.program).xavp_cfg;
  if (root === null || root === '') return undefined;
  return ctx.env.xavps.fields(root)?.get(name)?.value;
}

export function intSetting(ctx: Context, name: string): number | undefined {
  const value = field(ctx, name);
  return typeof value === 'number' || (typeof value === 'object' && value !== null && 'isInt' in value && isInt(value))
    ? toInt(value)
    : undefined;
}

/** '' where there is none. */
export function textSetting(ctx: Context, name: string): string {
  const value = field(ctx, name);
  return typeof value === 'string' ? value : '';
}
