/** One command about the call of a message, and what comes of its answer. */
import type { Context } from '../../runtime/context.js';
import { LEVEL, stateKey } from '../../runtime/module.js';
import { callIdOf, fromOf, toOf, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { type Piece, sdpOf } from '../../sip/sdp.js';
import { type Bencode, textEntry } from './bencode.js';
import { type Flags, type Operation, parseFlags } from './flags.js';
import type { RtpEngine } from './node.js';
import type { EngineSets } from './sets.js';

export const RTPENGINE = stateKey<EngineSets>('rtpengine');

export interface CallSettings {
  readonly queried_nodes_limit: number;
  readonly setid_default: number;
  readonly extraId: ((ctx: Context) => string) | undefined;
  /** setid_avp. */
  readonly setId: ((ctx: Context) => number | string | null) | undefined;
  /** Told of the RTPengine that answered (rtp_inst_pvar). */
  readonly tellInstance: ((ctx: Context, url: string) => void) | undefined;
  readonly readSdp: ((ctx: Context) => string) | undefined;
  readonly writeSdp: ((ctx: Context, sdp: string) => void) | undefined;
}

export function complain(ctx: Context, text: string): -1 {
  ctx.host.log.write(LEVEL.ERR, 'rtpengine', `${text}\n`);
  return -1;
}

/** The SDP of a message: its place, and whether it is a fragment of trickle ICE. */
export function bodyOf(msg: SipMessage): { readonly piece: Piece; readonly fragment: boolean } | undefined {
  const type = (msg.firstValue(HDR.CONTENTTYPE) ?? '').trim().toLowerCase();
  const start = msg.bodyStart;
  if (start < 0 || start >= msg.text.length) return undefined;
  const fragment = type.startsWith('application/trickle-ice-sdpfrag');
  if (fragment || type.startsWith('application/sdp'))
    return { piece: { text: msg.text.slice(start), start }, fragment };
  const sdp = sdpOf(msg);
  return typeof sdp === 'string' ? undefined : { piece: sdp.raw, fragment: false };
}

export interface Answer {
  readonly dictionary: Bencode;
  /** Where the SDP stood that went with the command. */
  readonly body: Piece | undefined;
}

const WITH_SDP: ReadonlySet<Operation> = new Set(['offer', 'answer']);
/** Commands that name a party only where a word asks for it. */
const OF_BOTH: ReadonlySet<Operation> = new Set([
  'block DTMF',
  'unblock DTMF',
  'block media',
  'unblock media',
  'silence media',
  'unsilence media',
  'start forwarding',
  'stop forwarding',
]);
/** What an RTPengine says when another one is to be tried. */
const ELSEWHERE = ['Parallel session limit reached', 'Ran out of ports'];

/** The dictionary of an answer with the result "ok"; a number: the function's code. `sdp`: in place of the message's own. */
export async function command(
  ctx: Context,
  settings: CallSettings,
  set: number,
  operation: Operation,
  words: string,
  sdp?: string,
): Promise<Answer | -1> {
  const built = build(ctx, settings, operation, words, sdp);
  if (typeof built === 'string') return complain(ctx, built);
  const { entries, callId, body, flags } = built;
  const sets = ctx.host.state(RTPENGINE);
  const asked: RtpEngine[] = [];
  for (;;) {
    if (asked.length >= settings.queried_nodes_limit) return complain(ctx, 'queried nodes limit reached');
    const node = await sets.select(set, callId, asked);
    if (node === undefined) return complain(ctx, 'no available proxies');
    asked.push(node);
    const dictionary = await node.send(entries);
    if (dictionary === undefined) continue;
    settings.tellInstance?.(ctx, node.url);
    const result = textEntry(dictionary, 'result');
    if (result === undefined) return complain(ctx, `No 'result' dictionary entry in response from proxy ${node.url}`);
    const reason = textEntry(dictionary, 'error-reason') ?? '';
    if (result === 'load limit' || (result === 'error' && ELSEWHERE.includes(reason))) {
      ctx.host.log.write(
        LEVEL.INFO,
        'rtpengine',
        `proxy ${node.url}: ${reason || 'load limit'}: trying the next one\n`,
      );
      continue;
    }
    if (result === 'error') return complain(ctx, `proxy replied with error: ${reason}`);
    if (flags.operation === 'delete') sets.forget(callId);
    else sets.keep(callId, node);
    return result === 'ok' ? { dictionary, body } : complain(ctx, `proxy didn't return "ok" result`);
  }
}

interface Built {
  readonly entries: ReadonlyMap<string, Bencode>;
  readonly callId: string;
  readonly body: Piece | undefined;
  readonly flags: Flags;
}

/** A text says why there is no command. */
function build(
  ctx: Context,
  settings: CallSettings,
  operation: Operation,
  words: string,
  sdp: string | undefined,
): Built | string {
  const { msg } = ctx;
  const entries = new Map<string, Bencode>([['supports', ['load limit']]]);
  let body: Piece | undefined;
  let fragment = false;
  if (WITH_SDP.has(operation)) {
    const found = bodyOf(msg);
    const read = settings.readSdp?.(ctx);
    if (found === undefined && read === undefined) return "can't extract body from the message";
    body = found?.piece;
    fragment = read === undefined && found?.fragment === true;
    entries.set('sdp', sdp ?? read ?? body?.text ?? '');
  }
  const flags = parseFlags(words, operation);
  if (typeof flags === 'string') return flags;
  if (fragment) flags.flags.push('fragment');
  const callId = flags.callId ?? callIdOf(msg) ?? '';
  if (callId === '') return "can't get Call-Id field";
  const fromTag = flags.fromTag ?? fromOf(msg)?.tag ?? '';
  if (fromTag === '') return "can't get From tag";
  const toTag = flags.toTag ?? toOf(msg)?.tag ?? '';
  for (const [key, value] of flags.own) entries.set(key, value);
  addLists(entries, flags, WITH_SDP.has(operation));
  entries.set('call-id', callId);
  const branch = flags.via === undefined ? undefined : branchOf(ctx, settings, flags.via);
  if (branch === '') return "can't get Via branch/extra ID";
  if (branch !== undefined) entries.set('via-branch', branch);
  const { srcIp } = msg.received;
  entries.set('received-from', [srcIp.includes(':') ? 'IP6' : 'IP4', srcIp]);
  const wrong = addTags(entries, msg, flags, fromTag, toTag);
  if (wrong !== undefined) return wrong;
  entries.set('command', flags.operation);
  return { entries, callId, body, flags };
}

function addLists(entries: Map<string, Bencode>, flags: Flags, ofSdp: boolean): void {
  const { lists, codec, transport } = flags;
  const add = (name: string, list: readonly string[] | undefined, fits = ofSdp) => {
    if (fits && list !== undefined && list.length > 0) entries.set(name, list);
  };
  add('direction', flags.direction);
  add('flags', flags.flags, true);
  add('replace', lists.get('replace'));
  if (ofSdp && codec.size > 0) entries.set('codec', codec);
  if (transport !== undefined) entries.set('transport-protocol', transport);
  for (const name of ['rtcp-mux', 'SDES', 'T.38']) add(name, lists.get(name));
}

/** Who speaks is "from": in a reply the called party, but for what the RTPengine is told of it otherwise. */
function addTags(
  entries: Map<string, Bencode>,
  msg: SipMessage,
  flags: Flags,
  fromTag: string,
  toTag: string,
): string | undefined {
  const { operation, directional, withTo } = flags;
  if (OF_BOTH.has(operation)) {
    if (directional) entries.set('from-tag', fromTag);
    return undefined;
  }
  const asWritten =
    (msg.isRequest && operation !== 'answer') ||
    (!msg.isRequest && (operation === 'delete' || operation === 'answer')) ||
    directional;
  if (asWritten) {
    entries.set('from-tag', fromTag);
    if (withTo && toTag !== '') entries.set('to-tag', toTag);
    return undefined;
  }
  if (toTag === '') return 'No to-tag present';
  entries.set('from-tag', toTag);
  entries.set('to-tag', fromTag);
  return undefined;
}

/** '' where there is none. */
function branchOf(ctx: Context, settings: CallSettings, via: NonNullable<Flags['via']>): string {
  const { msg } = ctx;
  const viaBranch = (n: number) => viasOf(msg)[n - 1]?.branch ?? '';
  switch (via) {
    case '1':
    case '2':
      return viaBranch(Number(via));
    case 'auto':
      return viaBranch(msg.isRequest ? 1 : 2);
    case 'extra':
      return settings.extraId?.(ctx) ?? '';
    case 'auto-extra':
      return msg.isRequest ? (settings.extraId?.(ctx) ?? '') : viaBranch(1);
    case 'auto-next':
      return msg.isRequest ? '' : viaBranch(1);
    case 'next':
      return '';
  }
}

/** Set numbers for both directions: by setid_avp, by set_rtpengine_set(), else the default. A text: why there is none. */
export function setsFor(ctx: Context, settings: CallSettings): readonly number[] | string {
  const sets = ctx.host.state(RTPENGINE);
  const value = settings.setId?.(ctx) ?? null;
  if (value !== null) {
    if (typeof value !== 'number') return 'setid_avp must hold an integer value';
    return sets.sets.has(value) ? [value] : `could not locate engine set ${value}`;
  }
  const chosen = sets.chosen(ctx.msg.id);
  if (chosen === undefined) return [settings.setid_default];
  const { first, second } = chosen;
  return second === undefined || second === first ? [first] : [first, second];
}
