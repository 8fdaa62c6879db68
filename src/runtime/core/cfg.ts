/**
 * Settings by group and name: those of the core, parameters of modules that may change while the server runs, and the
 * script's own globals (`group.name = 5`), of which a group may have instances (`group[1].name = 7`). What is changed is
 * in Host.settings and wins over what the script says, after a reload too; it counts from the next message on.
 */
import { type Context, extraKey } from '../context.js';
import type { Host } from '../host.js';
import type { ModuleDefinition, ParamDefinition } from '../module.js';
import type { Program } from '../program.js';
import { CORE_SETTINGS } from './cfg-core.js';

export type SettingValue = number | string;

export interface Setting {
  readonly group: string;
  readonly name: string;
  readonly type: 'int' | 'str';
  readonly doc: string;
  /** Value in force, without regard to instances. */
  get(host: Host): SettingValue | null;
  /** Puts a value into force; missing: only a start of the server can. */
  readonly apply?: (host: Host, program: Program, value: SettingValue) => void;
  /** Why a value is refused. */
  check?(value: SettingValue): string | undefined;
  /** What the script says. */
  readonly initial: SettingValue | null;
  /** A global of the script: its group may have instances. */
  readonly custom: boolean;
}

const KNOWN = new WeakMap<Program, ReadonlyMap<string, Setting>>();

/** All by `group.name`: of modules (last loaded first), of the core, of the script. */
export function settings(program: Program): ReadonlyMap<string, Setting> {
  let all = KNOWN.get(program);
  if (all === undefined) {
    const list = [...program.modules].reverse().flatMap((m) => ofModule(m, program));
    const every = [...list, ...CORE_SETTINGS.map((s) => s(program)), ...ofScript(program)];
    all = new Map(every.map((s) => [`${s.group}.${s.name}`, s]));
    KNOWN.set(program, all);
  }
  return all;
}

function ofModule(module: ModuleDefinition, program: Program): Setting[] {
  const { name: group } = module;
  return (module.settings ?? []).flatMap((given) => {
    const [name, param] = typeof given === 'string' ? [given, given] : given;
    const def = module.params?.[param];
    if (def === undefined || def.type === 'alias' || def.type === 'list') return [];
    const initial = program.params(group)[param] as SettingValue | null;
    return [ofParameter(group, name, param, def, initial)];
  });
}

function ofParameter(
  group: string,
  name: string,
  param: string,
  def: ParamDefinition & { type: 'int' | 'str' },
  initial: SettingValue | null,
): Setting {
  return {
    group,
    name,
    type: def.type,
    doc: def.doc,
    get: (host) => host.program.params(group)[param] as SettingValue | null,
    apply(_host, program, value) {
      // The one place that changes a Program: parameters are read anew at each use.
      (program.params(group) as Record<string, unknown>)[param] = value;
    },
    check: (value) => (def.type === 'int' ? def.check?.(Number(value)) : def.check?.(String(value))),
    initial,
    custom: false,
  };
}

const GLOBAL = /^([^.[]+)\.(.+)$/;

function ofScript(program: Program): Setting[] {
  const descriptions = new Map<string, string>();
  for (const item of program.script.items) {
    if (item.kind === 'global' && item.description !== undefined)
      descriptions.set(`${item.group}.${item.name}`, item.description);
  }
  return [...program.globals].flatMap(([key, initial]) => {
    const [, group, name] = GLOBAL.exec(key) ?? [];
    if (group === undefined || name === undefined) return [];
    return [
      {
        group,
        name,
        type: typeof initial === 'number' ? 'int' : 'str',
        doc: descriptions.get(key) ?? '',
        get: (host: Host) => host.settings?.get(key) ?? initial,
        apply: () => undefined,
        initial,
        custom: true,
      } satisfies Setting,
    ];
  });
}

// ------------------------------------------------------------------- instances

const CHOSEN = extraKey<Map<string, number>>('cfg instances');

/** Changes of instances while the server runs. */
interface InstanceChanges {
  /** `group[1]` */
  readonly added: Set<string>;
  /** `group[1]`, or one value of it: `group[1].name` */
  readonly removed: Set<string>;
}

const CHANGES = new WeakMap<Host, InstanceChanges>();

function changes(host: Host): InstanceChanges {
  let own = CHANGES.get(host);
  if (own === undefined) {
    own = { added: new Set(), removed: new Set() };
    CHANGES.set(host, own);
  }
  return own;
}

const instanceKey = (group: string, instance: number) => `${group}[${instance}]`;

export function hasInstance(host: Host, group: string, instance: number): boolean {
  const key = instanceKey(group, instance);
  const own = CHANGES.get(host);
  if (own?.added.has(key)) return true;
  if (own?.removed.has(key)) return false;
  for (const name of host.program.globals.keys()) if (name.startsWith(`${key}.`)) return true;
  return false;
}

export function addInstance(host: Host, group: string, instance: number): void {
  const key = instanceKey(group, instance);
  changes(host).added.add(key);
  changes(host).removed.delete(key);
}

export function removeInstance(host: Host, group: string, instance: number): void {
  const key = instanceKey(group, instance);
  changes(host).added.delete(key);
  changes(host).removed.add(key);
  for (const name of host.settings?.keys() ?? []) if (name.startsWith(`${key}.`)) host.settings?.delete(name);
}

/** The instance has the common value from now on. */
export function removeInstanceValue(host: Host, group: string, instance: number, name: string): void {
  const key = `${instanceKey(group, instance)}.${name}`;
  host.settings?.delete(key);
  changes(host).removed.add(key);
}

/** A value of the instance's own; undefined: it has the common one. */
function instanceValue(host: Host, group: string, instance: number, name: string): SettingValue | undefined {
  const key = `${instanceKey(group, instance)}.${name}`;
  const set = host.settings?.get(key);
  if (set !== undefined) return set;
  const removed = CHANGES.get(host)?.removed;
  if (removed?.has(key) || removed?.has(instanceKey(group, instance))) return undefined;
  return host.program.globals.get(key);
}

/** cfg_select(): false when the group has no such instance. */
export function selectInstance(ctx: Context, group: string, instance: number): boolean {
  if (!hasInstance(ctx.host, group, instance)) return false;
  const chosen = new Map(ctx.extra(CHOSEN));
  chosen.set(group, instance);
  ctx.setExtra(CHOSEN, chosen);
  return true;
}

/** The instance of a group that cfg_select() chose; undefined: none. */
export const selectedInstance = (ctx: Context, group: string): number | undefined => ctx.extra(CHOSEN)?.get(group);

/** cfg_reset() */
export function resetInstance(ctx: Context, group: string): void {
  const chosen = ctx.extra(CHOSEN);
  if (chosen === undefined || !chosen.has(group)) return;
  const left = new Map(chosen);
  left.delete(group);
  ctx.setExtra(CHOSEN, left);
}

// ---------------------------------------------------------------------- values

/** Value for a message: of the instance that cfg_select() chose where it has one. Undefined: no such setting. */
export function settingFor(ctx: Context, group: string, name: string): SettingValue | null | undefined {
  const instance = selectedInstance(ctx, group);
  const own = instance === undefined ? undefined : instanceValue(ctx.host, group, instance, name);
  return own ?? currentSetting(ctx.host, group, name);
}

/** Value in force; with an instance, its own or the common one. Undefined: there is none. */
export function currentSetting(
  host: Host,
  group: string,
  name: string,
  instance?: number,
): SettingValue | null | undefined {
  if (instance !== undefined) {
    if (!hasInstance(host, group, instance)) return undefined;
    const own = instanceValue(host, group, instance, name);
    if (own !== undefined) return own;
  }
  const known = settings(host.program).get(`${group}.${name}`);
  if (known !== undefined) return known.get(host);
  // core parameters that no group of Kamailio's shows, and values of an instance alone
  const key = `${group}.${name}`;
  return host.settings?.get(key) ?? (group === 'core' ? host.program.core.values.get(name) : undefined);
}

const INTEGER = /^[-+]?\d+$/;

/** The value in the setting's type; undefined: it cannot be had. */
export function converted(setting: Setting, value: SettingValue): SettingValue | undefined {
  if (setting.type === 'str') return String(value);
  if (typeof value === 'number') return Math.trunc(value) | 0;
  return INTEGER.test(value) ? Number(value) | 0 : undefined;
}

/** Sets a value for what begins from now on. False: there is no such setting, it cannot change, or the value is refused. */
export function changeSetting(
  host: Host,
  group: string,
  name: string,
  value: SettingValue,
  instance?: number,
): boolean {
  const setting = settings(host.program).get(`${group}.${name}`);
  const next = setting === undefined ? undefined : converted(setting, value);
  if (setting?.apply === undefined || next === undefined || host.settings === undefined) return false;
  if (setting.check?.(next) !== undefined) return false;
  if (instance !== undefined) {
    if (!hasInstance(host, group, instance)) return false;
    host.settings.set(`${instanceKey(group, instance)}.${name}`, next);
    return true;
  }
  host.settings.set(`${group}.${name}`, next);
  setting.apply(host, host.program, next);
  return true;
}

/** Puts what was changed while the server ran into force in a program that is about to run. */
export function applySettings(host: Host, program: Program): void {
  if (host.settings === undefined || host.settings.size === 0) return;
  const known = settings(program);
  for (const [key, value] of host.settings) known.get(key)?.apply?.(host, program, value);
}
