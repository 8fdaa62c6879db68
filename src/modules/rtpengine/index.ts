/** Module rtpengine: sends the media of calls through RTPengines, by their ng protocol. */
import { type Context, ROUTE } from '../../runtime/context.js';
import {
  type AnyFunction,
  type BindEnv,
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  listParam,
  opt,
  str,
  strParam,
  variable,
} from '../../runtime/module.js';
import { cseqOf } from '../../sip/header.js';
import { sdpOf } from '../../sip/sdp.js';
import { parseSet, type SetSpec } from '../rtpproxy/sets.js';
import { hasTm, transactionOf } from '../tm/api.js';
import { numberEntry, plain, textEntry } from './bencode.js';
import { type CallSettings, command, complain, RTPENGINE, setsFor } from './call.js';
import type { Operation } from './flags.js';
import { mosParams, mosWriter } from './mos.js';
import { rtpengineRpc } from './rpc.js';
import { EngineSets, type SetSettings } from './sets.js';
import { readTable, type TableParams } from './table.js';
import { bindVariables, type VariableParams, variablesOf } from './variables.js';

interface Params extends SetSettings, VariableParams, TableParams {
  readonly rtpengine_sock: readonly string[];
  readonly queried_nodes_limit: number;
}

const paramsOf = (host: Host) => host.program.params('rtpengine') as unknown as Params;
const bound = (_args: readonly unknown[], env: BindEnv) => bindVariables(env);
const DONE = 1;
const FAILED = -1;

type Settings = CallSettings & ReturnType<typeof variablesOf>;

function settingsOf(ctx: Context): Settings {
  const params = ctx.program.params('rtpengine') as unknown as Params;
  const { queried_nodes_limit, setid_default } = params;
  return { queried_nodes_limit, setid_default, ...variablesOf(params) };
}

/** Offer or answer: with each set of the message in turn, the SDP of the first going to the second. */
async function exchange(ctx: Context, operation: 'offer' | 'answer', words: string): Promise<number> {
  const settings = settingsOf(ctx);
  const sets = setsFor(ctx, settings);
  if (typeof sets === 'string') return complain(ctx, sets);
  let sdp: string | undefined;
  let place: { readonly start: number; readonly text: string } | undefined;
  for (const set of operation === 'offer' ? sets : sets.toReversed()) {
    const answer = await command(ctx, settings, set, operation, words, sdp);
    if (answer === FAILED) return FAILED;
    sdp = textEntry(answer.dictionary, 'sdp');
    if (sdp === undefined) return complain(ctx, 'failed to extract sdp body from proxy reply');
    place ??= answer.body;
  }
  const text = sdp ?? '';
  if (settings.writeSdp !== undefined) ctx.onResume = () => settings.writeSdp?.(ctx, text);
  else if (place !== undefined) ctx.msg.edits.replace(place.start, place.text.length, text);
  return DONE;
}

/** Commands whose answers tell of the quality of a call. */
const WITH_MOS: ReadonlySet<Operation> = new Set(['delete', 'query']);

/** A command without an SDP, to each set of the message. */
async function simple(ctx: Context, operation: Operation, words: string): Promise<number> {
  const settings = settingsOf(ctx);
  const sets = setsFor(ctx, settings);
  if (typeof sets === 'string') return complain(ctx, sets);
  for (const set of sets) {
    const answer = await command(ctx, settings, set, operation, words);
    if (answer === FAILED) return FAILED;
    if (WITH_MOS.has(operation)) {
      const write = mosWriter(ctx);
      if (write !== undefined) ctx.onResume = () => write(answer.dictionary);
    }
    if (operation !== 'play media') continue;
    const duration = numberEntry(answer.dictionary, 'duration') ?? -1;
    ctx.onResume = () => settings.setDuration?.(ctx, duration);
  }
  return DONE;
}

const MANAGED: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'UPDATE', 'PRACK']);

/** Offer, answer or delete, by what the message is and where this is called. */
async function manage(ctx: Context, words: string): Promise<number> {
  const { msg } = ctx;
  // What a branch began ends with the transaction's failure.
  if (ctx.routeType === ROUTE.BRANCH_FAILURE) return DONE;
  const method = cseqOf(msg)?.method;
  if (method === undefined) return complain(ctx, 'no CSEQ header');
  if (method === 'CANCEL' || method === 'BYE') return simple(ctx, 'delete', words);
  if (!MANAGED.has(method)) return FAILED;
  const hasSdp = typeof sdpOf(msg) !== 'string';
  if (!msg.isRequest) {
    if (msg.status >= 300) return simple(ctx, 'delete', words);
    return hasSdp ? exchange(ctx, replyIsOffer(ctx, method) ? 'offer' : 'answer', words) : FAILED;
  }
  if (!hasSdp) return FAILED;
  if (method === 'ACK' || method === 'PRACK') return exchange(ctx, 'answer', words);
  if (method === 'INVITE' && ctx.routeType === ROUTE.FAILURE) return simple(ctx, 'delete', words);
  return exchange(ctx, 'offer', words);
}

/** The SDP of a reply to an INVITE that had none. */
function replyIsOffer(ctx: Context, method: string): boolean {
  if (method === 'UPDATE') return false;
  const request = hasTm(ctx.host) ? transactionOf(ctx)?.request : undefined;
  return request !== undefined && request !== null && typeof sdpOf(request) === 'string';
}

const answerFits = ({ msg }: Context): boolean => !msg.isRequest || msg.method === 'ACK' || msg.method === 'PRACK';

function call(doc: string, run: (ctx: Context, words: string) => Promise<number>): AnyFunction {
  return fn({
    doc,
    args: [opt(str('flags'))],
    waits: true,
    check: bound,
    run: (ctx, _p: unknown, words) => run(ctx, words ?? ''),
  });
}

const simpleCall = (operation: Operation, doc: string): AnyFunction =>
  call(doc, (ctx, words) => simple(ctx, operation, words));

async function queryInto(ctx: Context, format: string, set: (text: string) => void): Promise<number> {
  const [letter, more] = format.toLowerCase();
  if (letter !== 'j') return complain(ctx, `invalid format parameter value: ${format}`);
  const settings = settingsOf(ctx);
  const sets = setsFor(ctx, settings);
  if (typeof sets === 'string') return complain(ctx, sets);
  const answer = await command(ctx, settings, sets[0] ?? settings.setid_default, 'query', '');
  if (answer === FAILED) return FAILED;
  const text = JSON.stringify(plain(answer.dictionary), null, more === 'p' ? '\t' : undefined);
  ctx.onResume = () => set(text);
  return DONE;
}

/** As set_rtpengine_set() of 5.6.3: the code is that of a set without an RTPengine that serves. */
function chooseSets(ctx: Context, first: number, second: number | undefined): number {
  const sets = ctx.host.state(RTPENGINE);
  for (const id of second === undefined ? [first] : [first, second]) {
    const list = sets.sets.get(id);
    if (list === undefined) return complain(ctx, `could not locate rtpengine set ${id}`);
    if (list.some((node) => !node.disabled)) continue;
    ctx.host.log.write(LEVEL.WARN, 'rtpengine', `rtpp: selected proxy set ID ${id} but it has no active node.\n`);
    return -2;
  }
  sets.choose(ctx.msg.id, { first, second });
  return DONE;
}

const OF_PARTY = 'The word from-tag=… names the party; without it, and without directional, both.';

export const rtpengine = defineModule({
  name: 'rtpengine',
  doc: 'Sends the media of calls through RTPengines, which it tells of offers, answers and ends. A function that fails leaves the SDP as it is.',
  atStart: ['rtpengine_sock', 'db_url'],
  params: {
    rtpengine_sock: listParam(
      'RTPengines: udp:host:port or udp6:host:port, several apart by blanks, =weight behind each; `2 == …` for set 2.',
      (v) => {
        const set = parseSet(v);
        if (typeof set === 'string') return set;
        const other = set.nodes.find(({ url }) => !/^udp6?:/i.test(url));
        return other === undefined ? undefined : `${other.url}: only udp: and udp6: are built`;
      },
    ),
    db_url: strParam(null, 'Database with the RTPengines in place of rtpengine_sock; rtpengine.reload reads it again.'),
    table_name: strParam('rtpengine', 'Its table.'),
    setid_col: strParam('setid', 'Column of the number of the set.'),
    url_col: strParam('url', 'Column of the address, as in rtpengine_sock.'),
    weight_col: strParam('weight', 'Column of the weight.'),
    disabled_col: strParam('disabled', 'Column that is not 0 where one is out of use.'),
    rtpengine_disable_tout: intParam(60, 'Seconds for which one that does not answer is left alone.'),
    rtpengine_tout_ms: intParam(1000, 'Milliseconds for an answer.'),
    rtpengine_retr: intParam(5, 'How often a command is sent.'),
    queried_nodes_limit: intParam(30, 'How many RTPengines are asked for one command.'),
    aggressive_redetection: intParam(1, '1: where none serves, those that were put aside are asked at once.'),
    rtpengine_allow_op: intParam(
      0,
      '1: calls of one that is disabled are still told to it; 2: if that was done by RPC.',
    ),
    setid_avp: strParam('', 'AVP with the number of the set, which goes before set_rtpengine_set().'),
    setid_default: intParam(0, 'The set where none is chosen.'),
    extra_id_pv: strParam('', 'Variable that via-branch=extra sends.'),
    rtp_inst_pvar: strParam('', 'Variable that gets the URL of the RTPengine that answered.'),
    read_sdp_pv: strParam('', 'Variable whose SDP is sent instead of the body.'),
    ...mosParams,
    write_sdp_pv: strParam('', 'Variable that gets the new SDP instead of the body.'),
    media_duration: strParam('', 'Variable that gets the milliseconds of play_media().'),
    hash_table_tout: intParam(3600, 'Seconds for which a call keeps its RTPengine.'),
    hash_table_size: intParam(256, 'Accepted: the table grows as needed.'),
    hash_algo: intParam(0, 'Only 0: an RTPengine is chosen by the sum of the Call-ID.', (n) =>
      n === 0 ? undefined : 'only 0 is built',
    ),
    control_cmd_tos: intParam(-1, 'Only -1: Node.js cannot set it.', (n) =>
      n === -1 ? undefined : 'only -1: it cannot be set here',
    ),
  },
  missing: [
    // a variable does not wait for an answer
    '$rtpstat',
    '$rtpestat',
    'force_send_interface',
    'wsapi',
  ],
  functions: {
    rtpengine_offer: call(
      'The SDP is an offer: its media go through an RTPengine. Words: those of RTPengine (replace-origin, ICE=remove, trust-address, via-branch=auto, RTP/SAVPF, codec-strip=…, direction=… …).',
      (ctx, words) => exchange(ctx, 'offer', words),
    ),
    rtpengine_answer: call(
      'The SDP is an answer (of a reply, an ACK or a PRACK); else as rtpengine_offer().',
      (ctx, words) => (answerFits(ctx) ? exchange(ctx, 'answer', words) : Promise.resolve(FAILED)),
    ),
    rtpengine_manage: call('Offer, answer or delete, by what the message is and where it is called.', manage),
    rtpengine_delete: simpleCall('delete', 'Ends the call of the message at the RTPengine.'),
    rtpengine_query: simpleCall('query', 'Asks what the RTPengine knows of the call: true where it does.'),
    rtpengine_info: simpleCall('offer', 'Tells of an SDP fragment of trickle ICE; the message stays as it is.'),
    rtpengine_query_v: fn({
      doc: 'Writes what the RTPengine knows of the call to a variable, as JSON ("j"), or in lines ("jp").',
      args: [str('format'), variable('target', { writable: true })],
      waits: true,
      check: bound,
      run: (ctx, _p: unknown, format, target) => queryInto(ctx, format, (text) => void target.set?.(ctx, text)),
    }),
    start_recording: simpleCall('start recording', 'The RTPengine records the call.'),
    stop_recording: simpleCall('stop recording', 'It records no more.'),
    block_dtmf: simpleCall('block DTMF', `No DTMF passes. ${OF_PARTY}`),
    unblock_dtmf: simpleCall('unblock DTMF', `DTMF passes again. ${OF_PARTY}`),
    block_media: simpleCall('block media', `No media pass. ${OF_PARTY}`),
    unblock_media: simpleCall('unblock media', `Media pass again. ${OF_PARTY}`),
    silence_media: simpleCall('silence media', `Silence passes in place of media. ${OF_PARTY}`),
    unsilence_media: simpleCall('unsilence media', `Media pass again. ${OF_PARTY}`),
    start_forwarding: simpleCall('start forwarding', `Media go to the recorder too. ${OF_PARTY}`),
    stop_forwarding: simpleCall('stop forwarding', `Media go to the recorder no more. ${OF_PARTY}`),
    play_media: simpleCall('play media', 'Plays file=…, db-id=… or blob=… to the party of from-tag=….'),
    stop_media: simpleCall('stop media', 'Plays no more.'),
    play_dtmf: simpleCall('play DTMF', 'Plays code=… to a party.'),
    set_rtpengine_set: fn({
      doc: 'RTPengines of that set serve the message; with two sets, those of the second on the other side. -2: none of them serves.',
      args: [int('set'), opt(int('other'))],
      run: (ctx, _p: unknown, first, second) => chooseSets(ctx, first, second),
    }),
  },
  rpc: rtpengineRpc,
  async start(host): Promise<EngineSets> {
    const p = paramsOf(host);
    const specs = (p.db_url === null ? p.rtpengine_sock : [])
      .map(parseSet)
      .filter((s): s is SetSpec => typeof s !== 'string');
    const sets = new EngineSets(host, () => paramsOf(host), specs);
    if (p.db_url !== null) sets.replace(await readTable(host, p.db_url, p));
    for (const [, node] of sets.nodes()) host.detach(node.test(true), 'rtpengine: looking for it');
    return sets;
  },
  reload: () => undefined,
  async stop(_host, state) {
    await (state as EngineSets).close();
  },
});
