/** Constants, the process and the server, and settings: variables.md, section 5. */

import type { Context } from '../context.js';
import { changeSetting, settingFor } from '../core/cfg.js';
import { VERSION } from '../core/version.js';
import {
  type BindEnv,
  type BindResult,
  type PvAccessor,
  type PvDefinition,
  type PvUse,
  pv,
  pvTable,
  pvWith,
} from '../module.js';
import { Dual, parseInt32, type Value } from '../values.js';
import { assignedInt, assignedText, isNull, logError, logWarning, unsigned } from './support.js';

const VERSION_NUMBER = 5006003;

const K: Readonly<Record<string, number>> = {
  IPv4: 2,
  INET: 2,
  IPv6: 10,
  INET6: 10,
  UDP: 1,
  TCP: 2,
  TLS: 3,
  SCTP: 4,
  WS: 5,
  WSS: 6,
};

const constantTable = (doc: string, values: Readonly<Record<string, number>>): PvDefinition =>
  pvTable(doc, Object.fromEntries(Object.entries(values).map(([name, n]) => [name, () => n])));

// ------------------------------------------------------ defines, environment

function bindDefine(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const text = env.defines.get(use.key?.text ?? '') ?? null;
  return { ok: { get: () => text } };
}

function bindNumericDefine(use: PvUse, env: BindEnv): BindResult<PvAccessor> {
  const text = env.defines.get(use.key?.text ?? '');
  const value: Value = text === undefined ? 0 : new Dual(text, parseInt32(text) ?? 0, true);
  return { ok: { get: () => value } };
}

function environment({ host }: Context, name: string): string | undefined {
  const all = host.environment;
  return all !== undefined && Object.hasOwn(all, name) ? all[name] : undefined;
}

function bindEnvironment(use: PvUse): BindResult<PvAccessor> {
  const name = use.key?.text ?? '';
  return { ok: { get: (ctx) => environment(ctx, name) ?? null } };
}

function bindNumericEnvironment(use: PvUse): BindResult<PvAccessor> {
  const name = use.key?.text ?? '';
  return {
    ok: {
      get(ctx) {
        const text = environment(ctx, name);
        return text === undefined ? null : new Dual(text, parseInt32(text) ?? 0, true);
      },
    },
  };
}

/** Core: these work before any module is loaded (pv_core.c of 5.6.3). */
export const CORE_CONSTANTS: Readonly<Record<string, PvDefinition>> = {
  null: { ...pv('The null value.', () => null), bind: () => ({ ok: { get: () => null, isNull: true } }) },
  def: pvWith({ doc: 'Text of a #!define, quotes kept; null when there is none.', bind: bindDefine }),
  defn: pvWith({ doc: 'A #!define as a number; 0 when there is none.', bind: bindNumericDefine }),
  env: pvWith({ doc: 'A variable of the environment; null when there is none.', bind: bindEnvironment }),
  envn: pvWith({ doc: 'A variable of the environment as a number.', bind: bindNumericEnvironment }),
  rc: returnCode(),
  retcode: returnCode(),
  '?': returnCode(),
};

function returnCode(): PvDefinition {
  return pv('What the last function or route returned.', (ctx) => ctx.rc, undefined, 'int');
}

// --------------------------------------------------------------- statistics

function bindStatistic(use: PvUse): BindResult<PvAccessor> {
  const key = use.key;
  if (key?.kind === 'dynamic') {
    return { ok: { get: (ctx) => statistic(ctx, assignedText(key.get(ctx)) ?? '') } };
  }
  const name = key?.text ?? '';
  return { ok: { get: (ctx) => statistic(ctx, name) } };
}

/** By its name alone or as `group.name`; null when there is none. */
function statistic({ host }: Context, name: string): Value {
  let found = host.statistics.get(name);
  if (found === undefined) {
    for (const [key, value] of host.statistics) if (key.endsWith(`.${name}`)) found = value;
  }
  if (found === undefined) return null;
  return unsigned(typeof found === 'function' ? found() : found);
}

// --------------------------------------------------------------------- $ccp

/** A setting by `group.name`: changed at run time, of the core or a module, or a custom global. */
function setSetting(ctx: Context, group: string, name: string, value: Value): boolean {
  if (isNull(value)) {
    logWarning(ctx, 'ignoring null asignment');
    return true;
  }
  const next = typeof value === 'object' && value.isInt ? value.int : typeof value === 'object' ? value.text : value;
  return changeSetting(ctx.host, group, name, next) || logError(ctx, `failed to set the variable: [${group}.${name}]`);
}

function bindSetting(use: PvUse): BindResult<PvAccessor> {
  const key = use.key?.text ?? '';
  const first = key.indexOf('.');
  if (first <= 0 || first >= key.length - 1) return { error: `invalid PV ccp key: ${key}` };
  const dot = key.lastIndexOf('.');
  const name = key.slice(dot + 1);
  const group = key.slice(0, dot);
  return {
    ok: {
      get: (ctx) => settingFor(ctx, group, name) ?? null,
      set: (ctx, value) => setSetting(ctx, group, name, value),
    },
  };
}

const nothing = pv('Always null: the parser of SIP errors has no use any more.', () => null);

export const CONSTANTS: Readonly<Record<string, PvDefinition>> = {
  true: pv('1.', () => TRUE),
  K: constantTable('Numbers of address families and transports.', K),
  version: pvTable('Version of Kamailio whose behaviour is kept.', {
    num: () => VERSION,
    full: () => `kamailio ${VERSION} (x86_64/linux) `,
    hash: () => 'unknown ',
  }),
  ksr: pvTable('The same as text and as a number.', { ver: () => VERSION, verval: () => VERSION_NUMBER }),
  pp: pv('Process id.', ({ host }) => host.pid, undefined, 'int'),
  sid: pv(
    'server_id of the configuration.',
    ({ program }) => assignedInt(program.core.values.get('server_id') ?? 0) ?? 0,
  ),
  stat: pvWith({ doc: 'Value of a statistic; null when there is none.', bind: bindStatistic }),
  ccp: pvWith({
    doc: 'A run-time setting, `group.name`.',
    writable: true,
    example: 'xlog("$ccp(core.debug)\\n");',
    bind: bindSetting,
  }),
  'err.class': nothing,
  'err.level': nothing,
  'err.info': nothing,
  'err.rcode': nothing,
  'err.rreason': nothing,
};

const TRUE = new Dual('1', 1, true);
