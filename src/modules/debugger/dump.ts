/** The variables that a script names, with their values, as JSON: dbg_pv_dump() and the reports of cfgt. */
import type { Context } from '../../runtime/context.js';
import { allAvps, avpKey, avpKeyOfValue } from '../../runtime/message-env.js';
import type { PvKey, UsedVariable } from '../../runtime/module.js';
import { Dual, toText, type Value } from '../../runtime/values.js';
import { XavpList } from '../../runtime/xavp.js';
import { methodId, methodOf } from '../../sip/header.js';
import type { Json } from './print.js';

/** Which kinds of variables are told: bits, as Kamailio numbers them. */
export const DUMP = { NULL: 1, AVP: 2, SCRIPT: 4, XAVP: 8, OTHER: 16, ALL: 31 } as const;

const SCRIPT_VARIABLES: ReadonlySet<string> = new Set(['var', 'vn', 'vz']);

/** Of kinds that Kamailio leaves out. */
const LEFT_OUT: ReadonlySet<string> = new Set(
  `null hdr hfl hdrc hflc xavu xavi branch sbranch bf bF Bf bR br ds du duri fu from ou ouri rb rd ruri.domain ru ruri rU
   ruri.user rUl tu to Tf Ts time timef utime utimef tcp ws_conid rr_count rr_top_count`.split(/\s+/),
);

function kindOf(name: string): number {
  if (name === 'avp') return DUMP.AVP;
  if (name === 'xavp') return DUMP.XAVP;
  if (SCRIPT_VARIABLES.has(name)) return DUMP.SCRIPT;
  return LEFT_OUT.has(name) ? 0 : DUMP.OTHER;
}

/** What may be left out beyond the kinds. */
export type Skip = (variable: UsedVariable) => boolean;

type Field = readonly [name: string, value: Json];

/** Names and values; a name stands once. */
export function dumpVariables(ctx: Context, mask: number, skip: Skip = () => false): Map<string, Json> {
  const out = new Map<string, Json>();
  for (const variable of ctx.program.variables) {
    const kind = kindOf(variable.use.name);
    if ((kind & mask) === 0 || variable.transformed || skip(variable)) continue;
    const field = fieldOf(ctx, variable, kind, (mask & DUMP.NULL) !== 0);
    if (field !== undefined && !out.has(field[0])) out.set(field[0], field[1]);
  }
  return out;
}

function fieldOf(ctx: Context, variable: UsedVariable, kind: number, nulls: boolean): Field | undefined {
  if (kind === DUMP.AVP) return listed(avpField(ctx, variable), nulls);
  if (kind === DUMP.XAVP) return listed(xavpField(ctx, variable), nulls);
  const value = variable.use.name === 'rm' ? methodId(methodOf(ctx.msg)) : variable.get(ctx);
  if (value === undefined || (value === null && !nulls)) return undefined;
  return [variable.text, plain(value)];
}

function listed(field: readonly [string, readonly Json[]] | undefined, nulls: boolean): Field | undefined {
  return field === undefined || (field[1].length === 0 && !nulls) ? undefined : field;
}

/** A number where there is one, whatever text stands beside it. */
function plain(value: Value): Json {
  if (value instanceof Dual) return value.int;
  return value ?? null;
}

function keyText(ctx: Context, key: PvKey | undefined): string {
  return key?.kind === 'dynamic' ? toText(key.get(ctx)) : (key?.text ?? '');
}

/** All values of the stack, once for all indexes. */
function avpField(ctx: Context, { use }: UsedVariable): [string, Json[]] | undefined {
  const { key, index } = use;
  if (index === '*' || (typeof index === 'number' && index !== 0)) return undefined;
  const name = key?.kind === 'dynamic' ? avpKeyOfValue(key.get(ctx)) : avpKey(key?.text ?? '');
  if (name === undefined) return undefined;
  const shown = name.startsWith('i:') ? name : keyText(ctx, key).replace(/^[sS]:/, '');
  return [`$avp(${shown})`, allAvps(ctx.env, name).map((avp) => plain(avp.value))];
}

/** The roots of a name that have fields, each with all values of its fields. */
function xavpField(ctx: Context, { use }: UsedVariable): [string, Json[]] {
  const name = /^[^[=]*/.exec(keyText(ctx, use.key))?.[0] ?? '';
  const roots = ctx.env.xavps.all(name).flatMap(({ value }) => (value instanceof XavpList ? [value] : []));
  return [`$xavp(${name})`, roots.map(fieldsOf)];
}

function fieldsOf(root: XavpList): Map<string, Json> {
  const out = new Map<string, Json[]>();
  for (const { name, value } of root) {
    const values = out.get(name) ?? [];
    out.set(name, values);
    values.push(value instanceof XavpList ? '<<xavp>>' : plain(value));
  }
  return out;
}
