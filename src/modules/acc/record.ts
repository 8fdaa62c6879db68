/** One record: what is said of a transaction, and writing it to the log and to the database. */
import type { Context } from '../../runtime/context.js';
import { type Database, DbError, type DbInput, type DbRecord, DbTime } from '../../runtime/database.js';
import { type Host, LEVEL, stateKey } from '../../runtime/module.js';
import { localTime, strftime, utcTime } from '../../runtime/strftime.js';
import { callIdOf, cseqOf, fromOf, toOf } from '../../sip/header.js';
import { type Field, readExtras, readLegs } from './extras.js';
import { type AccParams, boundOf, paramsOf } from './params.js';

export interface Acc {
  /** null: without db_url. */
  readonly db: Database | null;
}

export const ACC = stateKey<Acc>('acc');

/** What is not in the request itself. */
export interface Outcome {
  /** Tags as From and To have them, whatever the direction. */
  readonly toTag: string;
  /** '' where a comment of the script named none. */
  readonly code: string;
  readonly reason: string;
}

/** `404 Not found`: the status, where the text begins with three digits, and the rest. */
export function commented(ctx: Context, comment: string): Outcome {
  const coded = /^\d{3}/.test(comment);
  return {
    toTag: toOf(ctx.msg)?.tag ?? '',
    code: coded ? comment.slice(0, 3) : '',
    reason: coded ? comment.slice(3).trimStart() : comment,
  };
}

/** Requests from callee to caller, where detect_direction saw it. */
const UPSTREAM = {};

export function markUpstream(msg: { readonly slots: Map<object, unknown> }): void {
  msg.slots.set(UPSTREAM, true);
}

interface Core {
  readonly method: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly callId: string;
  readonly micros: number;
}

function coreOf(ctx: Context, outcome: Outcome): Core {
  const { msg } = ctx;
  const from = fromOf(msg)?.tag ?? '';
  const swapped = msg.slots.has(UPSTREAM);
  return {
    method: cseqOf(msg)?.method ?? msg.method,
    fromTag: swapped ? outcome.toTag : from,
    toTag: swapped ? from : outcome.toTag,
    callId: callIdOf(msg) ?? '',
    micros: ctx.host.clock.micros(),
  };
}

const MILLION = 1_000_000;

/** The texts of time_mode, by the names that hold them. */
function timeFields(params: AccParams, micros: number): [name: string, value: string | number][] {
  const seconds = Math.floor(micros / MILLION);
  const rest = Math.floor(micros % MILLION);
  if (params.time_mode === 1) {
    return [
      [params.time_attr, seconds],
      [params.time_exten, rest],
    ];
  }
  if (params.time_mode === 2) return [[params.time_attr, micros / MILLION]];
  if (params.time_mode !== 3 && params.time_mode !== 4) return [];
  const broken = params.time_mode === 3 ? localTime(seconds * 1000) : utcTime(seconds * 1000);
  return [[params.time_attr, strftime(params.time_format, broken)]];
}

// --------------------------------------------------------------------- log

export const TITLE = {
  ANSWERED: 'ACC: transaction answered: ',
  MISSED: 'ACC: call missed: ',
  ACKED: 'ACC: request acknowledged: ',
  REQUEST: 'ACC: request accounted: ',
} as const;

export function writeLog(ctx: Context, title: string, outcome: Outcome): number {
  const { log } = ctx.host;
  const params = paramsOf(ctx.program);
  if (params.log_level > (log.levels?.get('acc') ?? log.level)) return 1;
  const { logExtra, legs } = boundOf(ctx.program);
  const core = coreOf(ctx, outcome);
  const fields: Field[] = [
    ['method', core.method],
    ['from_tag', core.fromTag],
    ['to_tag', core.toTag],
    ['call_id', core.callId],
    ['code', outcome.code],
    ['reason', outcome.reason],
    ...readExtras(logExtra, ctx),
    ...readLegs(legs, ctx).flat(),
  ];
  const body = fields.map(([name, value]) => `;${name}=${value ?? ''}`).join('');
  log.write(params.log_level, 'acc', `${title}timestamp=${timeText(params, core.micros)}${body}\n`);
  return 1;
}

function timeText(params: AccParams, micros: number): string {
  const seconds = `${Math.floor(micros / MILLION)}`;
  // the seconds of mode 1 stand there already
  const fields = timeFields(params, micros).slice(params.time_mode === 1 ? 1 : 0);
  return seconds + fields.map(([name, value]) => `;${name}=${params.time_mode === 2 ? fixed(value) : value}`).join('');
}

const fixed = (value: string | number): string => Number(value).toFixed(3);

// ---------------------------------------------------------------- database

/** Writes one row, or one for each leg: 1, -1 where the database refused. The values are read at once. */
export function writeRows(ctx: Context, table: string, outcome: Outcome): Promise<number> {
  return insertRows(ctx.host, table, rowsOf(ctx, outcome));
}

export async function insertRows(host: Host, table: string, rows: readonly DbRecord[]): Promise<number> {
  const { db } = host.state(ACC);
  if (db === null) return -1;
  try {
    for (const row of rows) await db.insert(table, row);
    return 1;
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'acc', `failed to insert into database: ${e.message}\n`);
    return -1;
  }
}

/** The same, with nobody waiting. */
export function writeRowsLater(ctx: Context, table: string, outcome: Outcome): void {
  ctx.host.detach(writeRows(ctx, table, outcome), 'acc: a row');
}

function rowsOf(ctx: Context, outcome: Outcome): Record<string, DbInput>[] {
  const params = paramsOf(ctx.program);
  const { dbExtra, legs } = boundOf(ctx.program);
  const core = coreOf(ctx, outcome);
  const missing = params.acc_extra_nullable === 1 ? null : '';
  const columns = (fields: readonly Field[]) => fields.map(([name, value]) => [name, value ?? missing] as const);
  const row: Record<string, DbInput> = {
    [params.acc_method_column]: core.method,
    [params.acc_from_tag_column]: core.fromTag,
    [params.acc_to_tag_column]: core.toTag,
    [params.acc_callid_column]: core.callId,
    [params.acc_sip_code_column]: outcome.code,
    [params.acc_sip_reason_column]: outcome.reason,
    [params.acc_time_column]: new DbTime(Math.floor(core.micros / MILLION)),
    ...Object.fromEntries(timeFields(params, core.micros)),
    ...Object.fromEntries(columns(readExtras(dbExtra, ctx))),
  };
  const each = readLegs(legs, ctx);
  return each.length === 0 ? [row] : each.map((leg) => ({ ...row, ...Object.fromEntries(columns(leg)) }));
}

/** Is there a database to write to? */
export function hasDatabase(host: Host): boolean {
  return host.state(ACC).db !== null;
}
