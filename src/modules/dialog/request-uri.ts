/** What `ruri_pvar` makes of an INVITE: the request URI that is kept with its dialog. */
import type { Context } from '../../runtime/context.js';
import { bindFormat, type Format } from '../../runtime/format.js';
import type { BindEnv } from '../../runtime/module.js';
import type { DialogParams } from './params.js';

/** By the parameters of a version of the script. */
const FORMATS = new WeakMap<object, Format>();

/** At load, once: undefined, or what is wrong with it. */
export function prepareRequestUri(params: Readonly<Record<string, unknown>>, env: BindEnv): string | undefined {
  const text = (params as unknown as DialogParams).ruri_pvar;
  if (text === '$ru') return undefined;
  const format = bindFormat(text, env);
  if ('error' in format) return `malformed r-uri PV string: ${text}`;
  FORMATS.set(params, format.ok);
  return undefined;
}

export function requestUriOf(ctx: Context): string {
  const format = FORMATS.get(ctx.program.params('dialog'));
  return (format === undefined ? ctx.msg.uri : format.get(ctx)).trim();
}
