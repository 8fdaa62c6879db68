/** What kamcmd prints for the result of an RPC command. */

import type { Host } from '../../src/runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../../src/runtime/module.js';
import { addedValues, fieldsOf, isNamed } from '../../src/runtime/rpc.js';

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
    return addedValues(command, result)
      .map((v) => lines(v))
      .join('');
  } catch (e) {
    if (e instanceof RpcFault) return `error: ${e.code} - ${e.message}\n`;
    throw e;
  }
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
