/** First values of `$shv` and `$var` (modparams shvset, varset) and the RPC commands on `$shv`. */

import {
  type Host,
  type RpcDefinition,
  RpcFault,
  RpcRecord,
  type RpcValue,
  type VarStore,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';

interface FirstValue {
  readonly name: string;
  readonly value: number | string;
}

/** `name=i:4` or `name=s:text`. */
export function parseFirstValue(text: string): FirstValue | undefined {
  const m = /^([^=]+)=([sSiI]):(.*)$/s.exec(text);
  if (m === null) return undefined;
  const value = m[2]!.toLowerCase() === 's' ? m[3]! : parseInt32(m[3]!);
  return value === undefined ? undefined : { name: m[1]!, value };
}

export function checkFirstValue(text: string): string | undefined {
  return parseFirstValue(text) === undefined ? `unable to set shv parame [${text}]` : undefined;
}

/** All values of a parameter that can be given several times. */
function firstValues(param: unknown): FirstValue[] {
  const texts: readonly unknown[] = Array.isArray(param) ? param : [];
  return texts.flatMap((text) => {
    const parsed = parseFirstValue(`${text}`);
    return parsed === undefined ? [] : [parsed];
  });
}

export function setFirstValues(host: Host, params: Readonly<Record<string, unknown>>): void {
  for (const { name, value } of firstValues(params.shvset)) host.shared.set(name, value);
  for (const { name, value } of firstValues(params.varset)) host.vars.cell(name).v = value;
}

/** `varset` holds from its line on: modparamx and loadmodulex may read it. */
export function earlyValue(param: string, value: number | string, vars: VarStore): void {
  const first = param === 'varset' ? parseFirstValue(`${value}`) : undefined;
  if (first !== undefined) vars.cell(first.name).v = first.value;
}

/** After a reload: what is new in the script begins with its value, what lives keeps its own. */
export function addFirstValues(host: Host, params: Readonly<Record<string, unknown>>): void {
  for (const { name, value } of firstValues(params.shvset)) if (!host.shared.has(name)) host.shared.set(name, value);
  const known = new Set([...host.vars.entries()].filter(([, cell]) => cell.v !== 0).map(([name]) => name));
  for (const { name, value } of firstValues(params.varset)) if (!known.has(name)) host.vars.cell(name).v = value;
}

// --------------------------------------------------------------------- RPC

function described(name: string, value: number | string): RpcValue {
  return { name, type: typeof value === 'number' ? 'int' : 'string', value };
}

function get(host: Host, [name]: readonly RpcValue[]): RpcValue {
  if (name !== undefined) {
    const value = host.shared.get(`${name}`);
    if (value === undefined) throw new RpcFault(404, 'Variable not found');
    return described(`${name}`, value);
  }
  // one field a variable, the newest first, all under the name shv
  const fields = [...host.shared].reverse().map(([n, v]) => ['shv', described(n, v)] as const);
  return { items: new RpcRecord(fields) };
}

const NEEDED = '(Parameters: varname type value)';

function set(host: Host, [name, type, value]: readonly RpcValue[]): RpcValue {
  if (name === undefined) throw new RpcFault(500, `Missing parameter varname ${NEEDED}`);
  if (type === undefined) throw new RpcFault(500, `Missing parameter type ${NEEDED}`);
  const next = typedValue(`${type}`.toLowerCase(), value);
  if (!host.shared.has(`${name}`)) throw new RpcFault(404, 'Variable not found');
  host.shared.set(`${name}`, next);
  return 'Ok. Variable set to new value.';
}

function typedValue(type: string, value: RpcValue | undefined): number | string {
  if (type === 'int') {
    const n = typeof value === 'number' ? value | 0 : parseInt32(`${value ?? ''}`);
    if (n === undefined) throw new RpcFault(500, `Missing integer parameter value ${NEEDED}`);
    return n;
  }
  if (type !== 'str') throw new RpcFault(500, 'Unknown parameter type (Types: int or str)');
  if (value === undefined) throw new RpcFault(500, `Missing parameter value ${NEEDED}`);
  return `${value}`;
}

export const SHARED_RPC: Readonly<Record<string, RpcDefinition>> = {
  'pv.shvGet': { doc: 'A shared variable by name, or all of them.', run: get },
  'pv.shvSet': { doc: 'Sets a shared variable that exists: name, type (int or str), value.', run: set },
};
