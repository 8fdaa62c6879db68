/** RPC commands of dialog, field by field as Kamailio's. */
import { appendFileSync } from 'node:fs';
import { LEVEL } from '../../runtime/host.js';
import { type Host, type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../runtime/module.js';
import { compileRegex } from '../../runtime/regex.js';
import { anyText, intArg, textArg } from '../../runtime/rpc.js';
import { CALLEE, CALLER, type Dialog, type Leg, STATE } from './dialog.js';
import { forceState } from './functions.js';
import { type Dialogs, dialogsOf } from './state.js';
import { bridge } from './transfer.js';
import { byeAll } from './within.js';

const SECOND = 1000;

type Args = readonly RpcValue[];

function legRecord({ tag, contact, cseq, routeSet, socket }: Leg): RpcValue {
  return { tag, contact, cseq, route_set: routeSet, socket: socket?.text ?? '' };
}

/** Seconds since the 2xx, up to the end. */
function duration(ds: Dialogs, { startTs, endTs }: Dialog): number {
  if (endTs > 0) return endTs - startTs;
  return startTs > 0 ? ds.now() - startTs : 0;
}

function head(ds: Dialogs, d: Dialog): readonly (readonly [string, RpcValue])[] {
  return [
    ['h_entry', d.entry],
    ['h_id', d.id],
    ['ref', d.ref],
    ['call-id', d.callId],
    ['from_uri', d.fromUri],
    ['to_uri', d.toUri],
    ['state', d.state],
    ['start_ts', d.startTs],
    ['init_ts', d.initTs],
    ['end_ts', d.endTs],
    ['duration', duration(ds, d)],
    ['timeout', Math.floor(d.deadline / SECOND)],
    ['lifetime', d.lifetime],
    ['dflags', d.dflags],
    ['sflags', d.sflags],
    ['iflags', d.iflags],
  ];
}

function record(ds: Dialogs, d: Dialog): RpcRecord {
  const lives = d.state < STATE.DELETED;
  const profiles = lives ? d.memberships : [];
  const vars = lives ? [...d.vars].reverse() : [];
  return new RpcRecord([
    ...head(ds, d),
    ['caller', legRecord(d.legs[CALLER])],
    ['callee', legRecord(d.legs[CALLEE])],
    ['profiles', profiles.map(({ profile, value }) => (profile.hasValue ? field(profile.name, value) : profile.name))],
    ['variables', vars.map(([name, value]) => field(name, value))],
  ]);
}

function field(name: string, value: string): RpcRecord {
  return new RpcRecord([[name, value]]);
}

/** One line of dlg.dump_file. */
function dumpLine(ds: Dialogs, d: Dialog): string {
  const lives = d.state < STATE.DELETED;
  const fields = head(ds, d).filter(([name]) => name !== 'duration');
  return JSON.stringify({
    ...Object.fromEntries(fields.map(([name, v]) => [name === 'call-id' ? 'call_id' : name, v])),
    caller: legRecord(d.legs[CALLER]),
    callee: legRecord(d.legs[CALLEE]),
    profiles: Object.fromEntries(lives ? d.memberships.map(({ profile, value }) => [profile.name, value]) : []),
    variables: Object.fromEntries(lives ? [...d.vars].reverse() : []),
  });
}

function dumpFile(host: Host, args: Args): undefined {
  const ds = dialogsOf(host);
  const file = anyText(args, 0) ?? textArg(args, 0);
  const lines = [...ds.table].map((d) => `${dumpLine(ds, d)}\n`).join('');
  try {
    appendFileSync(file, lines, 'latin1');
  } catch {
    ds.error(`failed to open output file: ${file}`);
  }
  return undefined;
}

// ------------------------------------------------------------------- matching

const KEYS: Readonly<Record<string, (d: Dialog) => string>> = {
  ruri: (d) => d.requestUri,
  furi: (d) => d.fromUri,
  turi: (d) => d.toUri,
  callid: (d) => d.callId,
};

type Test = (d: Dialog) => boolean;

/** What `dlg.list_match key operator value` lets through. */
function testOf(ds: Dialogs, key: string, operator: string, value: string): Test {
  if (key === '' || operator === '' || value === '') throw new RpcFault(500, 'Invalid parameters');
  const isTime = key === 'start_ts';
  const get = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (get === undefined && !isTime) throw new RpcFault(500, 'Invalid matching key parameter');
  if (operator.length !== 2) throw new RpcFault(500, 'Invalid matching operator parameter');
  const regex = operator === 're' ? regexOf(value) : undefined;
  if (!['eq', 're', 'sw', 'gt', 'lt'].includes(operator))
    throw new RpcFault(500, 'Invalid matching operator parameter');
  const isOrder = operator === 'gt' || operator === 'lt';
  if (isTime && !isOrder) throw new RpcFault(500, 'Matching operator not supported with start_ts key');
  if (get === undefined) return timeTest(operator, value);
  if (isOrder) throw new RpcFault(500, 'Matching operator not supported');
  if (regex !== undefined) return (d) => regex.test(get(d));
  ds.log(LEVEL.DBG, `matching ${key} ${operator} ${value}`);
  return operator === 'eq' ? (d) => get(d) === value : (d) => get(d).startsWith(value);
}

function timeTest(operator: string, value: string): Test {
  if (!/^\d+$/.test(value)) return () => false;
  const limit = Number(value);
  return operator === 'gt' ? (d) => d.startTs > limit : (d) => d.startTs < limit;
}

function regexOf(text: string) {
  const made = compileRegex(text, { ignoreCase: true, newline: true });
  if ('error' in made) throw new RpcFault(500, 'Invalid matching value parameter');
  return made.ok;
}

function listMatch(host: Host, args: Args): RpcRecord[] {
  const ds = dialogsOf(host);
  if (args.slice(0, 3).filter((a) => typeof a === 'string').length < 3) throw new RpcFault(500, 'Invalid parameters');
  const [key, operator, value] = args as readonly string[];
  const test = testOf(ds, key!, operator!, value!);
  const most = typeof args[3] === 'number' ? args[3] : 0;
  const out: RpcRecord[] = [];
  for (const d of ds.table) {
    if (!test(d)) continue;
    out.push(record(ds, d));
    if (most > 0 && out.length === most) break;
  }
  if (out.length === 0) throw new RpcFault(404, 'Not found');
  return out;
}

// ------------------------------------------------------------------- briefing

const BRIEF: Readonly<Record<string, (d: Dialog) => readonly [string, RpcValue]>> = {
  f: (d) => ['from_uri', d.fromUri],
  t: (d) => ['to_uri', d.toUri],
  c: (d) => ['call-id', d.callId],
  F: (d) => ['from_tag', d.legs[CALLER].tag],
  // the manual's meaning; 5.6.3 shows the From tag here too
  T: (d) => ['to_tag', d.legs[CALLEE].tag],
  I: (d) => ['init_ts', d.initTs],
  S: (d) => ['start_ts', d.startTs],
  E: (d) => ['end_ts', d.endTs],
  s: (d) => ['state', d.state],
};

function briefing(host: Host, args: Args): RpcRecord[] {
  const format = typeof args[0] === 'string' ? args[0] : 'ftcFT';
  const fields = [...format].flatMap((c) => (Object.hasOwn(BRIEF, c) ? [BRIEF[c]!] : []));
  return [...dialogsOf(host).table].map(
    (d) => new RpcRecord([['h_entry', d.entry], ['h_id', d.id], ...fields.map((get) => get(d))]),
  );
}

// ------------------------------------------------------------------- one call

function identified(host: Host, args: Args, few: RpcFault, none: RpcFault): Dialog {
  const [callId, fromTag, toTag] = [0, 1, 2].map((at) => anyText(args, at));
  if (callId === undefined || fromTag === undefined || toTag === undefined) throw few;
  const found = dialogsOf(host).table.find({ callId, fromTag, toTag });
  if (found === undefined) throw none;
  return found.dialog;
}

function listOne(host: Host, args: Args): RpcValue | undefined {
  const ds = dialogsOf(host);
  const callId = anyText(args, 0) ?? textArg(args, 0);
  const all = [...ds.table.ofCall(callId, anyText(args, 1))].map((d) => record(ds, d));
  return all.length > 1 ? all : all[0];
}

function endById(host: Host, args: Args): undefined {
  const ds = dialogsOf(host);
  if (typeof args[0] !== 'number' || typeof args[1] !== 'number') throw new RpcFault(500, 'Invalid parameters');
  const dialog = ds.table.get(intArg(args, 0) >>> 0, Math.trunc(args[1]));
  if (dialog === undefined) throw new RpcFault(404, 'Dialog not found');
  byeAll(ds, dialog, anyText(args, 2) ?? '');
  return undefined;
}

function terminate(host: Host, args: Args): undefined {
  const few = new RpcFault(400, 'Need a Callid ,from tag ,to tag');
  const dialog = identified(host, args, few, new RpcFault(500, 'Couldnt find callid in dialog'));
  byeAll(dialogsOf(host), dialog);
  return undefined;
}

function setState(host: Host, args: Args): string {
  const few = new RpcFault(400, 'Need the callid, from tag,to tag and state');
  if (args.length < 3) throw few;
  const state = args[3] === undefined ? STATE.DELETED : Number(args[3]);
  if (!(state >= STATE.UNCONFIRMED && state <= STATE.DELETED)) throw new RpcFault(500, 'Invalid state value');
  forceState({ host }, identified(host, args, few, new RpcFault(500, 'Dialog not found')), state);
  return 'Done';
}

function isAlive(host: Host, args: Args): string {
  const few = new RpcFault(400, 'Too few parameters (required callid, from-tag, to-tag)');
  const dialog = identified(host, args, few, new RpcFault(404, 'Dialog not found'));
  if (dialog.state !== STATE.CONFIRMED) throw new RpcFault(500, 'Dialog not in confirmed state');
  return 'Alive';
}

/** `.` stands for what is left out, `_` as body for none. */
function bridgeTwo(host: Host, args: Args): undefined {
  if (typeof args[0] !== 'string' || typeof args[1] !== 'string') throw new RpcFault(500, 'Invalid parameters');
  const given = (at: number) => (typeof args[at] === 'string' && args[at] !== '.' ? args[at] : undefined);
  const body = given(3);
  bridge(dialogsOf(host), args[0], args[1], given(2) ?? '', body === '_' ? '' : body);
  return undefined;
}

// ------------------------------------------------------------------- profiles

function profileOf(host: Host, args: Args) {
  const name = anyText(args, 0) ?? textArg(args, 0);
  const profile = dialogsOf(host).profiles.get(name);
  if (profile === undefined) throw new RpcFault(404, `Profile not found: ${name}`);
  return profile;
}

function statsActive(host: Host, args: Args): RpcValue {
  const own = typeof args[0] === 'number' && args[0] !== 0;
  const counts = [0, 0, 0, 0, 0, 0];
  for (const d of dialogsOf(host).table) if (!own || d.legs[CALLER].socket !== null) counts[d.state]!++;
  const [, starting, connecting, answering, ongoing] = counts as [number, number, number, number, number];
  return { starting, connecting, answering, ongoing, all: starting + connecting + answering + ongoing };
}

function list(host: Host): RpcRecord[] {
  const ds = dialogsOf(host);
  return [...ds.table].map((d) => record(ds, d));
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'dlg.briefing': { doc: 'List the summary of dialog records in memory', returnsArray: true, run: briefing },
  'dlg.list': { doc: 'Print all dialogs', returnsArray: true, run: list },
  'dlg.dump_file': { doc: 'Print all dialogs to json file', run: dumpFile },
  'dlg.list_ctx': { doc: 'Print all dialogs with associated context', returnsArray: true, run: list },
  'dlg.list_match': { doc: 'Print matching dialogs', returnsArray: true, run: listMatch },
  'dlg.list_match_ctx': {
    doc: 'Print matching dialogs with associated context',
    returnsArray: true,
    run: listMatch,
  },
  'dlg.dlg_list': { doc: 'Print dialog based on callid and optionally fromtag', run: listOne },
  'dlg.dlg_list_ctx': {
    doc: 'Print dialog with associated context based on callid and optionally fromtag',
    run: listOne,
  },
  'dlg.end_dlg': { doc: 'End a given dialog based on [h_entry] [h_id]', run: endById },
  'dlg.profile_get_size': {
    doc: 'Returns the number of dialogs belonging to a profile',
    run: (host, args) => profileOf(host, args).size(anyText(args, 1)),
  },
  'dlg.profile_list': {
    doc: 'Lists all the dialogs belonging to a profile',
    returnsArray: true,
    run(host, args) {
      const ds = dialogsOf(host);
      const members = profileOf(host, args).all(anyText(args, 1));
      return members.flatMap(({ dialog }) => (dialog === null ? [] : [record(ds, dialog)]));
    },
  },
  'dlg.bridge_dlg': {
    doc: 'Bridge two SIP addresses in a call using INVITE(hold)-REFER-BYE mechanism: to, from, [outbound SIP proxy]',
    run: bridgeTwo,
  },
  'dlg.terminate_dlg': { doc: 'End a given dialog based on callid', run: terminate },
  'dlg.set_state': {
    doc: 'Set state for a dialog based on callid and tags',
    run: setState,
  },
  'dlg.stats_active': { doc: 'Get stats about active dialogs', run: statsActive },
  'dlg.is_alive': {
    doc: 'Check whether dialog is alive or not',
    run: isAlive,
  },
};
