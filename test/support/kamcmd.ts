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
      args.map((a) => (/^-?\d+$/.test(a) ? Number(a) : a)),
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
  if (Array.isArray(value)) return value.flatMap((v: RpcValue) => fieldsOf(v) ?? []);
  return typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
}

function lines(value: RpcValue, indent = ''): string {
  const fields = fieldsOf(value);
  if (Array.isArray(value)) {
    const items = value.map((v: RpcValue) => `${indent}\t${lines(v, `${indent}\t`)}`).join('');
    return `{\n${items}${indent}}\n`;
  }
  if (fields === undefined) return `${String(value)}\n`;
  const inner = fields.map(([name, v]) => `${indent}\t${name}: ${lines(v, `${indent}\t`)}`).join('');
  return `{\n${inner}${indent}}\n`;
}
