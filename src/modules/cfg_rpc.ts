/** Kamailio's cfg_rpc: reading and changing settings while the server runs. */
import {
  addInstance,
  changeSetting,
  converted,
  currentSetting,
  hasInstance,
  removeInstance,
  removeInstanceValue,
  type Setting,
  type SettingValue,
  settings,
} from '../runtime/core/cfg.js';
import {
  defineModule,
  type Host,
  RpcAnswers,
  type RpcDefinition,
  RpcFault,
  RpcRecord,
  type RpcValue,
  type StateKey,
  stateKey,
} from '../runtime/module.js';
import { intArg, textArg } from '../runtime/rpc.js';

/** A change that waits for cfg.commit; `undefined` takes a value of an instance away. */
interface Pending {
  readonly group: string;
  readonly instance: number | undefined;
  readonly name: string;
  readonly value: SettingValue | undefined;
}

interface State {
  pending: Pending[];
}

const STATE: StateKey<State> = stateKey<State>('cfg_rpc');

const refused = (text: string) => new RpcFault(400, text);
const EITHER = 'Wrong group syntax. Use either "group", or "group[id]"';
const INSTANCE_ONLY = 'Wrong group syntax. Use "group[id]"';
const NOT_SET = 'Failed to set the variable';

interface Place {
  readonly group: string;
  readonly instance: number | undefined;
}

/** `group` or `group[id]`; a bracket that is not closed belongs to the name. */
function placeOf(text: string): Place {
  const [, group = '', id] = /^(.*)\[(.*)\]$/.exec(text) ?? [];
  if (id === undefined) return { group: text, instance: undefined };
  if (!/^\d+$/.test(id)) throw refused(EITHER);
  return { group, instance: Number(id) };
}

function instanceOf(args: readonly RpcValue[]): { readonly group: string; readonly instance: number } {
  const { group, instance } = placeOf(textArg(args, 0));
  if (instance === undefined) throw refused(INSTANCE_ONLY);
  return { group, instance };
}

const VALUE = 2;

/** A number or a text, as cfg.set takes either. */
function anyArg(args: readonly RpcValue[]): SettingValue {
  return typeof args[VALUE] === 'number' ? intArg(args, VALUE) : textArg(args, VALUE);
}

type TakeValue = (args: readonly RpcValue[]) => SettingValue;
const numberValue: TakeValue = (args) => intArg(args, VALUE);
const textValue: TakeValue = (args) => textArg(args, VALUE);

const SET_NOW = 'Set the value of a configuration variable and commit the change immediately';
const SET_DELAYED = 'Prepare the change of a configuration variable, but does not commit the new value yet';

function setNow(take: TakeValue): RpcDefinition {
  return {
    doc: SET_NOW,
    run(host, args) {
      const place = textArg(args, 0);
      const name = textArg(args, 1);
      const value = take(args);
      const { group, instance } = placeOf(place);
      if (!changeSetting(host, group, name, value, instance)) throw refused(NOT_SET);
      return undefined;
    },
  };
}

function setDelayed(take: TakeValue): RpcDefinition {
  return {
    doc: SET_DELAYED,
    run(host, args) {
      const place = textArg(args, 0);
      const name = textArg(args, 1);
      const given = take(args);
      const { group, instance } = placeOf(place);
      const setting = settings(host.program).get(`${group}.${name}`);
      const value = setting?.apply === undefined ? undefined : converted(setting, given);
      if (value === undefined || setting?.check?.(value) !== undefined) throw refused(NOT_SET);
      if (instance !== undefined && !hasInstance(host, group, instance)) throw refused(NOT_SET);
      prepare(host, { group, instance, name, value });
      return undefined;
    },
  };
}

/** Changes of common values stand before those of instances, each kind in its order. */
function prepare(host: Host, change: Pending): void {
  const state = host.state(STATE);
  const rank = (p: Pending) => (p.instance === undefined ? 0 : 1);
  state.pending = [...state.pending, change].sort((p, q) => rank(p) - rank(q));
}

function commit(host: Host): undefined {
  const state = host.state(STATE);
  const { pending } = state;
  state.pending = [];
  for (const { group, instance, name, value } of pending) {
    if (value !== undefined) changeSetting(host, group, name, value, instance);
    else if (instance !== undefined) removeInstanceValue(host, group, instance, name);
  }
  return undefined;
}

function difference(host: Host, p: Pending): RpcValue {
  const old = currentSetting(host, p.group, p.name, p.instance) ?? null;
  const common = p.value ?? currentSetting(host, p.group, p.name) ?? null;
  return new RpcRecord([
    ['group name', p.group],
    ...(p.instance === undefined ? [] : [['group id', p.instance] as const]),
    ['variable name', p.name],
    ['old value', old],
    ['new value', common],
  ]);
}

function get(host: Host, args: readonly RpcValue[]): RpcValue {
  if (typeof args[0] !== 'string') throw new RpcFault(500, 'Failed to get the parameters');
  const { group, instance } = placeOf(args[0]);
  if (args[1] === undefined || args[1] === '') return getGroup(host, group, instance);
  const value = currentSetting(host, group, textArg(args, 1), instance);
  if (value === undefined) throw refused('Failed to get the variable');
  return value;
}

/** A record of all values; empty for a group that there is not. */
function getGroup(host: Host, group: string, instance: number | undefined): RpcValue {
  const fields = inGroup(host, group).map(({ name }) => {
    const value = currentSetting(host, group, name, instance);
    if (value === undefined) throw refused('Failed to get the variable');
    return [name, value] as const;
  });
  return new RpcRecord(fields);
}

function inGroup(host: Host, group: string): Setting[] {
  return [...settings(host.program).values()].filter((s) => s.group === group);
}

function help(host: Host, args: readonly RpcValue[]): RpcAnswers {
  const name = textArg(args, 1);
  const setting = settings(host.program).get(`${placeOf(textArg(args, 0)).group}.${name}`);
  if (setting === undefined) throw refused('Failed to get the variable description');
  return new RpcAnswers([setting.doc, `(parameter type is ${setting.type === 'int' ? 'integer' : 'string'})`]);
}

function reset(host: Host, args: readonly RpcValue[]): undefined {
  const { group, instance } = placeOf(textArg(args, 0));
  for (const { name, initial, apply } of inGroup(host, group)) {
    if (initial !== null && apply !== undefined) changeSetting(host, group, name, initial, instance);
  }
  return undefined;
}

export const cfgRpc = defineModule({
  name: 'cfg_rpc',
  doc: 'Settings by RPC: of the core, of modules, and the globals of the script. Changes count from the next message on.',
  rpc: {
    'cfg.set': setNow(anyArg),
    'cfg.set_now_int': setNow(numberValue),
    'cfg.seti': setNow(numberValue),
    'cfg.set_now_string': setNow(textValue),
    'cfg.sets': setNow(textValue),
    'cfg.set_delayed': setDelayed(anyArg),
    'cfg.set_delayed_int': setDelayed(numberValue),
    'cfg.set_delayed_string': setDelayed(textValue),
    'cfg.del': {
      doc: 'Delete the value of a configuration variable from a group instance and commit the change immediately',
      run(host, args) {
        const { group, instance } = instanceOf(args);
        const name = textArg(args, 1);
        if (currentSetting(host, group, name, instance) === undefined) throw refused('Failed to delete the value');
        removeInstanceValue(host, group, instance, name);
        return undefined;
      },
    },
    'cfg.del_delayed': {
      doc: 'Prepare the deletion of the value of a configuration variable from a group instance, but does not commit the change yet',
      run(host, args) {
        const { group, instance } = instanceOf(args);
        const name = textArg(args, 1);
        if (currentSetting(host, group, name, instance) === undefined) throw refused('Failed to delete the value');
        prepare(host, { group, instance, name, value: undefined });
        return undefined;
      },
    },
    'cfg.commit': { doc: 'Commit the previously prepared configuration changes', run: (host) => commit(host) },
    'cfg.rollback': {
      doc: 'Drop the prepared configuration changes',
      run(host) {
        host.state(STATE).pending = [];
        return undefined;
      },
    },
    'cfg.get': { doc: 'Get the value of a configuration variable', run: get },
    'cfg.reset': {
      doc: 'Reset all the values of a configuration group and commit the change immediately',
      run: reset,
    },
    'cfg.help': { doc: 'Print the description of a configuration variable', run: help },
    'cfg.list': {
      doc: 'List the configuration variables',
      returnsArray: true,
      run(host, args) {
        const all = args.length === 0 ? [...settings(host.program).values()] : inGroup(host, textArg(args, 0));
        return all.map((s) => `${s.group}: ${s.name}`);
      },
    },
    'cfg.diff': {
      doc: 'List the pending configuration changes that have not been committed yet',
      run: (host) => new RpcAnswers(host.state(STATE).pending.map((p) => difference(host, p))),
    },
    'cfg.add_group_inst': {
      doc: 'Add a new instance to an existing configuration group',
      run(host, args) {
        const { group, instance } = instanceOf(args);
        if (!inGroup(host, group).some((s) => s.custom)) throw refused('Failed to add the group instance');
        addInstance(host, group, instance);
        return undefined;
      },
    },
    'cfg.del_group_inst': {
      doc: 'Delete an instance of a configuration group',
      run(host, args) {
        const { group, instance } = instanceOf(args);
        if (!hasInstance(host, group, instance)) throw refused('Failed to delete the group instance');
        removeInstance(host, group, instance);
        return undefined;
      },
    },
  },
  start: (): State => ({ pending: [] }),
});
