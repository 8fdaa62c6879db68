/** Arguments and the printing of all xlog functions. */
import type { Context } from '../../runtime/context.js';
import { bindFormat, bindVariable, type Format } from '../../runtime/format.js';
import { type ArgDefinition, type BindEnv, LEVEL } from '../../runtime/module.js';
import { isFacility, type XlogParams } from './params.js';

/** A text that is only built when its level is shown, with the place of the call. */
export interface LazyText {
  readonly get: (ctx: Context) => string;
  readonly file: string;
  /** Line of the call's closing parenthesis, as Kamailio counts. */
  readonly line: number;
  /** The `prefix` parameter bound, with `prefix_mode`. */
  readonly prefix: ((ctx: Context) => string) | undefined;
}

const constant = <T>(value: T) => ({ ok: { kind: 'constant', value } }) as const;

export const text: ArgDefinition<LazyText, false> = {
  name: 'text',
  type: 'string',
  optional: false,
  dynamic: false,
  bind(source, env) {
    if (source.kind !== 'constant') return { error: 'is not constant' };
    const format = bindFormat(source.text, env);
    if ('error' in format) return format;
    return constant({
      get: format.ok.get,
      file: env.span.file,
      line: (env.call ?? env.span).endLine,
      prefix: prefixFormat(env)?.get,
    });
  },
};

function prefixFormat(env: BindEnv): Format | undefined {
  const params = env.params('xlog') as Partial<XlogParams>;
  if (!params.prefix_mode || params.prefix === undefined) return undefined;
  const format = bindFormat(params.prefix, env);
  return 'ok' in format ? format.ok : undefined;
}

/** Levels by the third letter of their names: `L_ERR` is `E`. */
const LEVELS: Readonly<Record<string, number>> = {
  A: LEVEL.ALERT,
  B: LEVEL.BUG,
  C: LEVEL.CRIT2,
  E: LEVEL.ERR,
  W: LEVEL.WARN,
  N: LEVEL.NOTICE,
  I: LEVEL.INFO,
  D: LEVEL.DBG,
};

export type Level = number | ((ctx: Context) => number | undefined);

export const level: ArgDefinition<Level, false> = {
  name: 'level',
  type: 'log level (L_ERR …) or variable',
  optional: false,
  dynamic: false,
  bind(source, env) {
    if (source.kind !== 'constant') return { error: 'is not constant' };
    const name = source.text;
    if (name.length < 2) return { error: 'wrong log level' };
    if (name[0] === '$') return levelVariable(name, env);
    const known = LEVELS[name[2] ?? ''];
    return known === undefined ? { error: 'unknown log level' } : constant<Level>(known);
  },
};

function levelVariable(name: string, env: BindEnv) {
  const variable = bindVariable(name, env);
  if ('error' in variable) return { error: 'invalid level param' };
  const get = variable.ok.get;
  return constant<Level>((ctx) => {
    const v = get(ctx);
    return typeof v === 'number' ? v : v instanceof Object ? v.int : undefined;
  });
}

export const facility: ArgDefinition<string, false> = {
  name: 'facility',
  type: 'syslog facility (LOG_LOCAL0 …)',
  optional: false,
  dynamic: false,
  bind(source) {
    if (source.kind !== 'constant') return { error: 'is not constant' };
    return isFacility(source.text) ? constant(source.text) : { error: `invalid syslog facility ${source.text}` };
  },
};

export type Place = 'plain' | 'with line';

/** Prints `text` when `lev` is shown: 1, or -1 when the level is none or the text too long. */
export function print(ctx: Context, params: XlogParams, lev: Level, text: LazyText, place: Place): number {
  const wanted = typeof lev === 'number' ? lev : lev(ctx);
  if (wanted === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'xlog', 'invalid log level value\n');
    return -1;
  }
  if (wanted > (ctx.host.log.levels?.get('xlog') ?? ctx.host.log.level)) return 1;
  const built = text.get(ctx);
  if (built.length >= params.buf_size) return -1;
  write(ctx, wanted, prefixOf(ctx, params, text, place), place === 'plain' ? built : withLine(params, text, built));
  return 1;
}

/** Kamailio 5.6.3 leaves `prefix_mode` aside in xlogl() unless `long_format` is on. */
function prefixOf(ctx: Context, params: XlogParams, text: LazyText, place: Place): string {
  if (text.prefix === undefined || (place === 'with line' && params.long_format !== 1)) return params.prefix;
  const built = text.prefix(ctx);
  return built === '' || built.length >= params.buf_size ? params.prefix : built;
}

function withLine(params: XlogParams, text: LazyText, built: string): string {
  return params.long_format === 1 ? `${text.file}:${text.line}:${built}` : `${text.line}:${built}`;
}

function write(ctx: Context, lev: number, prefix: string, built: string): void {
  const log = ctx.host.log;
  if (prefix === '<script>: ') log.write(lev, '<script>', built);
  else if (log.raw !== undefined) log.raw(lev, prefix + built);
  else log.write(lev, prefix.replace(/: $/, ''), built);
}
