/** Kamailio's statistics: statistic variables that the script defines and changes. */
import { bindVariable } from '../runtime/format.js';
import {
  type BindResult,
  defineModule,
  fn,
  type Host,
  LEVEL,
  listParam,
  type PvAccessor,
  parsed,
  type RouteContext,
  toText,
} from '../runtime/module.js';

interface StatisticsParams {
  readonly variable: readonly string[];
}

/** Group of the script's own variables. */
const GROUP = 'script';

interface Variable {
  readonly name: string;
  /** `name/no_reset`: reset_stat() leaves it alone. */
  readonly fixed: boolean;
}

function parseVariable(text: string): Variable {
  const at = text.indexOf('/');
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  return {
    name,
    fixed:
      at >= 0 &&
      text
        .slice(at + 1)
        .trim()
        .toLowerCase() === 'no_reset',
  };
}

type Text = (ctx: RouteContext) => string | undefined;

/** `name` or `$variable` with a name; a constant one must have been defined. */
const name = () =>
  parsed<Text>('name', 'statistic', (text, env): BindResult<Text> => {
    if (text[0] === '$') return ofVariable(bindVariable(text, env, { quoted: true }));
    const own = (env.params('statistics') as unknown as StatisticsParams).variable.map((v) => parseVariable(v).name);
    // Statistics of modules are known only at run time; theirs have names such as `rcv_requests`.
    if (!own.includes(text) && own.length === 0 && !/_/.test(text))
      return { error: `variable <${text}> not defined`, hint: `modparam("statistics", "variable", "${text}")` };
    return { ok: () => text };
  });

function ofVariable(bound: BindResult<PvAccessor>): BindResult<Text> {
  if ('error' in bound) return bound;
  const { get } = bound.ok;
  return {
    ok(ctx) {
      const value = get(ctx);
      return value === null || value === undefined ? undefined : toText(value);
    },
  };
}

const NUMBER = /^([-+]?)(\d+)$/;

/** `+1`, `-5`, `3` or `$variable`; a constant 0 makes no sense. */
const step = () =>
  parsed<Text>('step', 'number', (text, env): BindResult<Text> => {
    if (text[0] === '$') return ofVariable(bindVariable(text, env, { quoted: true }));
    if (!NUMBER.test(text)) return { error: `bad update number <${text}>` };
    return Number(text) === 0 ? { error: 'update with 0 has no sense' } : { ok: () => text };
  });

/** Key of a statistic among the server's: its name is known in any group. */
function keyOf(host: Host, wanted: string | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  if (host.statistics.has(`${GROUP}.${wanted}`)) return `${GROUP}.${wanted}`;
  const tail = `.${wanted}`;
  for (const key of host.statistics.keys()) if (key.endsWith(tail)) return key;
  if (host.log.level >= LEVEL.ERR) host.log.write(LEVEL.ERR, 'statistics', `variable <${wanted}> not defined`);
  return undefined;
}

function change(host: Host, key: string | undefined, next: (value: number) => number): number {
  const value = key === undefined ? undefined : host.statistics.get(key);
  if (key === undefined || typeof value !== 'number') return -1;
  host.statistics.set(key, next(value));
  return 1;
}

function define(host: Host, params: Readonly<Record<string, unknown>>): void {
  for (const text of (params as unknown as StatisticsParams).variable) {
    const key = `${GROUP}.${parseVariable(text).name}`;
    if (!host.statistics.has(key)) host.statistics.set(key, 0);
  }
}

export const statistics = defineModule({
  name: 'statistics',
  doc: 'Statistic variables that the script defines, raises and lowers.',
  params: { variable: listParam('Defines a statistic: "name" or "name/no_reset".') },
  functions: {
    update_stat: fn({
      doc: 'Adds to a statistic: "+1", "-1" or a variable with such a text.',
      args: [name(), step()],
      run(ctx, _params: unknown, which, by) {
        const text = by(ctx);
        const amount = text !== undefined && NUMBER.test(text) ? Number(text) : text === undefined ? undefined : 0;
        if (amount === undefined) return -1;
        return change(ctx.host, keyOf(ctx.host, which(ctx)), (value) => value + amount);
      },
    }),
    reset_stat: fn({
      doc: 'Sets a statistic to 0.',
      args: [name()],
      routes: ['request', 'branch', 'failure', 'reply', 'local'],
      run(ctx, _params: unknown, which) {
        const key = keyOf(ctx.host, which(ctx));
        const own = (ctx.program.params('statistics') as unknown as StatisticsParams).variable.map(parseVariable);
        if (own.some((v) => v.fixed && `${GROUP}.${v.name}` === key)) return 1;
        return change(ctx.host, key, () => 0);
      },
    }),
  },
  start: (host, params) => define(host, params),
  reload: (host, _state, params) => define(host, params),
});
