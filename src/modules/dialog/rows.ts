/** Dialogs as rows of Kamailio's tables dialog (version 7) and dialog_vars (version 1), and back. */
import type { DbCondition, DbRecord, DbValue, DbWrite } from '../../runtime/database.js';
import type { Host } from '../../runtime/host.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { quoted } from '../dmq/htable-body.js';
import { DFLAG, Dialog, type Leg } from './dialog.js';
import { COLUMNS, type DialogParams, VAR_COLUMNS } from './params.js';
import { Profiles } from './profiles.js';

type Column = (typeof COLUMNS)[keyof typeof COLUMNS] | 'req_uri' | 'xdata' | 'iflags';
type VarColumn = (typeof VAR_COLUMNS)[keyof typeof VAR_COLUMNS];

/** Names in the database by Kamailio's own. */
export interface Names {
  readonly dialog: Readonly<Record<Column, string>>;
  readonly vars: Readonly<Record<VarColumn, string>>;
}

export function columnNames(params: DialogParams): Names {
  const named = (table: Readonly<Record<string, string>>) =>
    Object.entries(table).map(([param, column]) => [column, params[param as keyof typeof COLUMNS]]);
  const more = { req_uri: 'req_uri', xdata: 'xdata', iflags: 'iflags' };
  return {
    dialog: { ...Object.fromEntries(named(COLUMNS)), ...more },
    vars: Object.fromEntries(named(VAR_COLUMNS)),
  } as Names;
}

const SECOND = 1000;

/** What a change writes again. */
function changing(d: Dialog, n: Names['dialog']): DbRecord {
  const [caller, callee] = d.legs;
  return {
    [n.state]: d.state,
    [n.timeout]: Math.floor(d.deadline / SECOND),
    [n.caller_cseq]: caller.cseq,
    [n.callee_cseq]: callee.cseq,
    [n.caller_contact]: caller.contact,
    [n.callee_contact]: callee.contact,
  };
}

function rowOf(d: Dialog, n: Names['dialog']): DbRecord {
  const [caller, callee] = d.legs;
  return {
    [n.hash_entry]: d.entry,
    [n.hash_id]: d.id,
    [n.callid]: d.callId,
    [n.from_uri]: d.fromUri,
    [n.from_tag]: caller.tag,
    [n.to_uri]: d.toUri,
    [n.to_tag]: callee.tag,
    [n.caller_sock]: caller.socket?.text ?? '',
    [n.callee_sock]: callee.socket?.text ?? '',
    [n.start_time]: d.startTs,
    ...changing(d, n),
    [n.caller_route_set]: caller.routeSet || null,
    [n.callee_route_set]: callee.routeSet || null,
    [n.sflags]: d.sflags | 0,
    [n.toroute_name]: d.timeoutRoute || null,
    [n.req_uri]: d.requestUri,
    [n.xdata]: Profiles.text(d, quoted) || null,
    [n.iflags]: d.iflags,
  };
}

function numbered(n: { readonly hash_entry: string; readonly hash_id: string }, d: Dialog): DbCondition[] {
  return [
    { column: n.hash_entry, op: '=', value: d.entry },
    { column: n.hash_id, op: '=', value: d.id },
  ];
}

/** The writes that bring the database up to date; the dialog counts as written then. */
export function writesFor(d: Dialog, names: Names, params: DialogParams): DbWrite[] {
  const vars = [...(d.stored ? (d.changedVars ?? []) : d.vars)];
  const writes: DbWrite[] = vars.flatMap(([name, value]) => varWrites(d, names.vars, params, name, value));
  d.changedVars = null;
  if (d.stored || d.isCopy) {
    const where = numbered(names.dialog, d);
    writes.push({ kind: 'update', table: params.table_name, record: changing(d, names.dialog), where });
  } else writes.push({ kind: 'insert', table: params.table_name, record: rowOf(d, names.dialog) });
  d.stored = true;
  d.dflags &= ~(DFLAG.NEW | DFLAG.CHANGED | DFLAG.VARS_CHANGED);
  return writes;
}

function varWrites(
  d: Dialog,
  n: Names['vars'],
  params: DialogParams,
  name: string,
  value: string | null,
): readonly DbWrite[] {
  const table = params.vars_table_name;
  const where: DbCondition[] = [...numbered(n, d), { column: n.dialog_key, op: '=', value: name }];
  const gone: DbWrite[] = d.stored ? [{ kind: 'delete', table, where }] : [];
  if (value === null) return gone;
  const record = { [n.hash_entry]: d.entry, [n.hash_id]: d.id, [n.dialog_key]: name, [n.dialog_value]: value };
  return [...gone, { kind: 'insert', table, record }];
}

export function removalOf(d: Dialog, names: Names, params: DialogParams): DbWrite[] {
  return [
    { kind: 'delete', table: params.table_name, where: numbered(names.dialog, d) },
    { kind: 'delete', table: params.vars_table_name, where: numbered(names.vars, d) },
  ];
}

// ------------------------------------------------------------------- reading

const READ = [
  'hash_entry',
  'hash_id',
  'callid',
  'from_uri',
  'from_tag',
  'to_uri',
  'to_tag',
  'start_time',
  'state',
  'timeout',
  'caller_cseq',
  'callee_cseq',
  'caller_route_set',
  'callee_route_set',
  'caller_contact',
  'callee_contact',
  'caller_sock',
  'callee_sock',
  'sflags',
  'toroute_name',
  'req_uri',
  'xdata',
  'iflags',
] as const;

export function readColumns(names: Names): string[] {
  return READ.map((column) => names.dialog[column]);
}

/** A row taken apart. */
export interface LoadedDialog {
  readonly dialog: Dialog;
  readonly id: number;
  /** Seconds since the epoch. */
  readonly deadline: number;
  /** JSON of its profiles, '' none. */
  readonly profiles: string;
}

/** Undefined where a column is missing that must be there. */
export function dialogOf(host: Host, row: readonly DbValue[]): LoadedDialog | undefined {
  const at = Object.fromEntries(READ.map((column, i) => [column, row[i] ?? null])) as Record<
    (typeof READ)[number],
    DbValue
  >;
  if (at.hash_entry === null || at.hash_id === null || at.callid === null || at.state === null) return undefined;
  const text = (column: (typeof READ)[number]) => `${at[column] ?? ''}`;
  const number = (column: (typeof READ)[number]) => Number(at[column] ?? 0) || 0;
  const dialog = new Dialog(number('hash_entry'), {
    callId: text('callid'),
    fromUri: text('from_uri'),
    toUri: text('to_uri'),
    requestUri: text('req_uri'),
    initTs: Math.floor(host.clock.now() / SECOND),
  });
  const leg = (side: 'caller' | 'callee', tag: string): Leg => ({
    tag,
    cseq: text(`${side}_cseq`),
    contact: text(`${side}_contact`),
    routeSet: text(`${side}_route_set`),
    socket: socketOf(host, text(`${side}_sock`)),
  });
  Object.assign(dialog.legs[0], leg('caller', text('from_tag')));
  Object.assign(dialog.legs[1], leg('callee', text('to_tag')));
  dialog.startTs = number('start_time');
  dialog.state = number('state');
  dialog.sflags = number('sflags');
  dialog.iflags = number('iflags');
  dialog.timeoutRoute = text('toroute_name');
  return { dialog, id: number('hash_id'), deadline: number('timeout'), profiles: text('xdata') };
}

function socketOf(host: Host, text: string): Leg['socket'] {
  const address = text === '' ? undefined : parseSocketAddress(text);
  return address === undefined ? null : (host.findSocket(address.proto, address.host, address.port) ?? null);
}
