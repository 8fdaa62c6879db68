/** Variables as they are written (`$(name(key)[i]{tr})`) and texts that hold them. */
import type { Context } from './context.js';
import type { BindEnv, BindResult, PvAccessor } from './module.js';

export interface Format {
  /** The text when nothing in it varies. */
  readonly constant?: string;
  /** The text; null inside prints `<null>`, a failed read as nothing. */
  readonly get: (ctx: Context) => string;
  /** The one variable that is the whole text. */
  readonly single?: PvAccessor;
}

/** Binds a text with variables; `$$` is one `$`. */
export function bindFormat(text: string, env: BindEnv): BindResult<Format> {
  return { error: `not built yet: ${text}${env.routeName}` };
}

/** Binds one variable with its transformations; with transformations there is no `set`. */
export function bindVariable(text: string, env: BindEnv): BindResult<PvAccessor> {
  return { error: `not built yet: ${text}${env.routeName}` };
}

/** Binds `@sel.a.b[1]`. */
export function bindSelect(text: string, env: BindEnv): BindResult<(ctx: Context) => import('./values.js').Value> {
  return { error: `not built yet: ${text}${env.routeName}` };
}
