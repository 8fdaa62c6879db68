/** Kamailio's counters: counters of the script, and all others by RPC. */
import {
  type ArgDefinition,
  type BindResult,
  defineModule,
  fn,
  type Host,
  int,
  listParam,
  parsed,
  quoted,
  RpcFault,
  type RpcValue,
  strParam,
} from '../runtime/module.js';

interface CountersParams {
  readonly script_cnt_grp_name: string;
  readonly script_counter: readonly string[];
}

interface Counter {
  /** `group.name`: the key among the server's statistics. */
  readonly key: string;
  readonly description: string;
}

/** `[group.]name[( |:)description]`. */
function parseCounter(text: string, group: string): Counter {
  const colon = text.indexOf(':');
  const at = colon >= 0 ? colon : text.indexOf(' ');
  const name = at < 0 ? text : text.slice(0, at);
  const description = at < 0 ? '' : text.slice(at + 1).replace(/^[ \t]+/, '');
  return { key: qualified(name, group), description: description || 'custom script counter.' };
}

const qualified = (name: string, group: string) => (name.includes('.') ? name : `${group}.${name}`);

function counters(params: CountersParams): Counter[] {
  return params.script_counter.map((text) => parseCounter(text, params.script_cnt_grp_name));
}

/** A counter of the script must have been defined; those of modules are known only at run time. */
function counter(): ArgDefinition<string, false> {
  return parsed('counter', 'counter', (text, env): BindResult<string> => {
    const params = env.params('counters') as unknown as CountersParams;
    const key = qualified(text, params.script_cnt_grp_name);
    const own = counters(params);
    const isOwnGroup =
      key.startsWith(`${params.script_cnt_grp_name}.`) || own.some((c) => c.key.split('.')[0] === key.split('.')[0]);
    if (isOwnGroup && !own.some((c) => c.key === key))
      return {
        error: `counter ${key} does not exist (forgot to define it?)`,
        hint: `modparam("counters", "script_counter", "${text}")`,
      };
    return { ok: key };
  });
}

/** Adds to a counter that counts by itself; one that is computed stays. */
function addTo(host: Host, key: string, by: number): number {
  const value = host.statistics.get(key);
  if (typeof value !== 'number') return -1;
  host.statistics.set(key, value + by);
  return 1;
}

function reset(host: Host, key: string): number {
  if (typeof host.statistics.get(key) !== 'number') return -1;
  host.statistics.set(key, 0);
  return 1;
}

function current(host: Host, key: string): number | undefined {
  const value = host.statistics.get(key);
  return typeof value === 'function' ? value() : value;
}

const NOTHING = (args: readonly RpcValue[]) => {
  throw new RpcFault(400, `too few arguments (${args.length})`);
};

/** The counter that `GROUP NAME` names. */
function wanted(host: Host, args: readonly RpcValue[]): string {
  if (args.length < 2) return NOTHING(args);
  const key = `${String(args[0])}.${String(args[1])}`;
  if (!host.statistics.has(key)) throw new RpcFault(400, `non-existent counter ${key}\n`);
  return key;
}

function groupNames(host: Host): string[] {
  const grouped = [...host.statistics.keys()].filter((k) => k.includes('.'));
  return [...new Set(grouped.map((k) => k.slice(0, k.indexOf('.'))))].sort();
}

function namesIn(host: Host, group: string): string[] {
  const head = `${group}.`;
  const inGroup = [...host.statistics.keys()].filter((k) => k.startsWith(head));
  return inGroup.map((k) => k.slice(head.length)).sort();
}

function groupOf(args: readonly RpcValue[]): string {
  return args.length === 0 ? NOTHING(args) : String(args[0]);
}

function allOf(host: Host, group: string): RpcValue {
  return Object.fromEntries(namesIn(host, group).map((name) => [name, current(host, `${group}.${name}`) ?? 0]));
}

const listGroups = {
  doc: 'Names of all groups of counters.',
  returnsArray: true,
  run: (host: Host) => groupNames(host),
};
const listVars = {
  doc: 'Names of the counters of a group: GROUP.',
  returnsArray: true,
  run: (host: Host, args: readonly RpcValue[]) => namesIn(host, groupOf(args)),
};
const getVars = {
  doc: 'All counters of a group: GROUP.',
  run: (host: Host, args: readonly RpcValue[]) => allOf(host, groupOf(args)),
};

const routes = ['request', 'reply', 'failure', 'onsend'] as const;

export const countersModule = defineModule({
  name: 'counters',
  doc: 'Counters of the script, and those of all modules by RPC.',
  params: {
    script_cnt_grp_name: strParam('script', 'Group of counters that name none.'),
    script_counter: listParam('Defines a counter: "[group.]name[ description]".'),
  },
  functions: {
    cnt_inc: fn({
      doc: 'Adds one to a counter.',
      args: [counter()],
      routes,
      run: (ctx, _params: unknown, key) => addTo(ctx.host, key, 1),
    }),
    cnt_add: fn({
      doc: 'Adds a number to a counter.',
      args: [counter(), quoted(int('number'))],
      routes,
      run: (ctx, _params: unknown, key, by) => addTo(ctx.host, key, by),
    }),
    cnt_reset: fn({
      doc: 'Sets a counter to 0.',
      args: [counter()],
      routes,
      run: (ctx, _params: unknown, key) => reset(ctx.host, key),
    }),
  },
  rpc: {
    'cnt.get': {
      doc: 'A counter, or all of a group: GROUP [NAME].',
      run: (host, args) => (args.length === 1 ? allOf(host, groupOf(args)) : (current(host, wanted(host, args)) ?? 0)),
    },
    'cnt.get_raw': {
      doc: 'The value of a counter as it is kept: GROUP NAME.',
      run: (host, args) => current(host, wanted(host, args)) ?? 0,
    },
    'cnt.reset': {
      doc: 'Sets a counter to 0: GROUP NAME.',
      run(host, args) {
        reset(host, wanted(host, args));
        return undefined;
      },
    },
    'cnt.list_groups': listGroups,
    'cnt.grps_list': listGroups,
    'cnt.list_vars': listVars,
    'cnt.var_list': listVars,
    'cnt.get_vars': getVars,
    'cnt.grp_get_all': getVars,
    'cnt.help': {
      doc: 'What a counter of the script counts: GROUP NAME.',
      run(host, args) {
        const key = wanted(host, args);
        const own = counters(host.program.params('counters') as unknown as CountersParams).find((c) => c.key === key);
        return own?.description ?? 'kamailio statistic (no description)';
      },
    },
  },
  start(host, params) {
    for (const { key } of counters(params as unknown as CountersParams))
      if (!host.statistics.has(key)) host.statistics.set(key, 0);
  },
  reload(host, _state, params) {
    for (const { key } of counters(params as unknown as CountersParams))
      if (!host.statistics.has(key)) host.statistics.set(key, 0);
  },
});
