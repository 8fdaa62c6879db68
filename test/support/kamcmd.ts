/** What kamcmd prints for the result of an RPC command. */

import type { Host } from '../../src/runtime/host.js';
import { type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../src/runtime/module.js';

export async function kamcmd(
  host: Host,
  commands: Readonly<Record<string, RpcDefinition>>,
  name: string,
  ...args: readonly string[]
): Promise<string> {
  const command = commands[name];
  if (command === undefined) return `error: 500 - command ${name} not found\n`;
  try {
    const result = await command.run(
      host,
      args.map((a) => (/^-?\d+$/.test(a) ? Number(a) : a.replace(/^s:/, ''))),
    );
    if (result === undefined) return '';
    return command.returnsArray ? (result as readonly RpcValue[]).map((v) => lines(v)).join('') : lines(result);
  } catch (e) {
    if (e instanceof RpcFault) return `error: ${e.code} - ${e.message}\n`;
    throw e;
  }
}

function fieldsOf(value: RpcValue): readonly (readonly [string, RpcValue])[] | undefined {
  if (value instanceof RpcRecord) return value.fields;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
}

/** Kamailio gives some members of an array a name, such as `socket`: here a record of one record. */
function isNamed(item: RpcValue): boolean {
  const fields = fieldsOf(item);
  return fields?.length === 1 && fieldsOf(fields[0]?.[1] ?? 0) !== undefined;
}

function lines(value: RpcValue, indent = ''): string {
  const inner = `${indent}\t`;
  const named = (v: RpcValue) => (fieldsOf(v) ?? []).map(([name, field]) => `${inner}${name}: ${lines(field, inner)}`);
  if (Array.isArray(value)) {
    const items = value.flatMap((v: RpcValue) => (isNamed(v) ? named(v) : [`${inner}${lines(v, inner)}`]));
    return `{\n${items.join('')}${indent}}\n`;
  }
  return fieldsOf(value) === undefined ? `${String(value)}\n` : `{\n${named(value).join('')}${indent}}\n`;
}
