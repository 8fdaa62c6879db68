/** The registry of RPC commands: those of the core, of the server and of the loaded modules; calling one by its name. */
import { CORE_RPC } from './core/rpc.js';
import type { Host } from './host.js';
import {
  RpcAnswers,
  type RpcCall,
  type RpcDefinition,
  RpcFault,
  RpcRecord,
  type RpcResult,
  type RpcValue,
} from './module.js';
import type { Program } from './program.js';

export * from './rpc-args.js';

type Commands = ReadonlyMap<string, RpcDefinition>;

/** By the program whose modules give them: a reload brings a new list. */
const KNOWN = new WeakMap<Program, Commands>();

/** All commands by name, in order of the bytes of their names. The first of equal names stays, as in Kamailio. */
export function rpcCommands(host: Host): Commands {
  let commands = KNOWN.get(host.program);
  if (commands === undefined) {
    commands = collect(host);
    KNOWN.set(host.program, commands);
  }
  return commands;
}

function collect(host: Host): Commands {
  const all = new Map<string, RpcDefinition>();
  const tables = [SYSTEM_RPC, CORE_RPC, host.rpc ?? {}, ...host.program.modules.map((m) => m.rpc ?? {})];
  for (const table of tables) {
    for (const [name, command] of Object.entries(table)) if (!all.has(name)) all.set(name, command);
  }
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** undefined: no such command. Each way of calling has its own words for that. */
export function findRpc(host: Host, name: string): RpcDefinition | undefined {
  return rpcCommands(host).get(name);
}

const SERVER_ERROR = 500;

/**
 * Runs `command`. Gives a promise only when the command waits. What is thrown or rejected is always an RpcFault: a
 * command that fails by itself is a fault 500 and a log line.
 */
export function runRpc(
  host: Host,
  command: RpcDefinition,
  args: readonly RpcValue[],
  call: RpcCall,
): RpcResult | Promise<RpcResult> {
  try {
    const result = command.run(host, args, call);
    return result instanceof Promise ? result.catch((e: unknown) => Promise.reject(asFault(host, e))) : result;
  } catch (e) {
    throw asFault(host, e);
  }
}

/** By name, for callers without words of their own for a missing command. */
export function callRpc(
  host: Host,
  name: string,
  args: readonly RpcValue[] = [],
  call: RpcCall = { transport: 'script' },
): RpcResult | Promise<RpcResult> {
  const command = findRpc(host, name);
  if (command === undefined) throw new RpcFault(SERVER_ERROR, METHOD_NOT_FOUND);
  return runRpc(host, command, args, call);
}

export const METHOD_NOT_FOUND = 'Method Not Found';

const ERROR_LEVEL = -1;

function asFault(host: Host, e: unknown): RpcFault {
  if (e instanceof RpcFault) return e;
  host.log.write(
    ERROR_LEVEL,
    '<core>',
    `an RPC command failed: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`,
  );
  return new RpcFault(SERVER_ERROR, 'Internal Server Error');
}

// -------------------------------------------------------------------- shapes

/** The fields of a record; undefined: no record. */
export function fieldsOf(value: RpcValue): readonly (readonly [string, RpcValue])[] | undefined {
  if (value instanceof RpcRecord) return value.fields;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value);
}

/** A member of an array that has a name, such as `socket`: a record whose only field is a record or an array. */
export function isNamed(item: RpcValue): boolean {
  const fields = fieldsOf(item);
  const inner = fields?.length === 1 ? fields[0]?.[1] : undefined;
  return inner !== undefined && (Array.isArray(inner) || fieldsOf(inner) !== undefined);
}

/** The result as Kamailio's commands add it, value by value: what kamcmd prints one after the other. */
export function addedValues(command: RpcDefinition, result: RpcResult): readonly RpcValue[] {
  if (result === undefined) return [];
  if (result instanceof RpcAnswers) return result.values;
  if (!Array.isArray(result)) return [result];
  const list: readonly RpcValue[] = result;
  if (command.returnsArray) return list;
  return list.length > 0 && list.every((v) => fieldsOf(v) === undefined) ? list : [list];
}

/** The `result` of JSON-RPC: a list, or the last value that was added, or an empty record for none. */
export function jsonResult(command: RpcDefinition, result: RpcResult): RpcValue {
  const values = addedValues(command, result);
  if (command.returnsArray) return values;
  const last = values.at(-1);
  return last === undefined ? {} : last;
}

// -------------------------------------------------------------------- system.*

const SYSTEM_RPC: Readonly<Record<string, RpcDefinition>> = {
  'system.listMethods': {
    doc: 'Lists all RPC methods supported by the server.',
    returnsArray: true,
    run: (host) => [...rpcCommands(host).keys()],
  },
  'system.methodSignature': {
    doc: 'Returns signature of given method.',
    run() {
      throw new RpcFault(500, 'Not Implemented Yet');
    },
  },
  'system.methodHelp': {
    doc: 'Print the help string for given method.',
    run(host, args) {
      const name = args[0];
      if (typeof name !== 'string') throw new RpcFault(400, 'Method Name Expected');
      const command = findRpc(host, name);
      if (command === undefined) throw new RpcFault(400, 'command not found');
      return command.doc === '' ? 'undocumented' : command.doc;
    },
  },
};
