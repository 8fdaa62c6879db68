/** Offers, answers and ends of calls as commands to an RTPproxy, and its answers as changes of the SDP. */
import type { Context } from '../../runtime/context.js';
import { LEVEL, stateKey } from '../../runtime/module.js';
import { callIdOf, fromOf, toOf, viasOf } from '../../sip/header.js';
import { sdpOf } from '../../sip/sdp.js';
import type { RtpNode } from './node.js';
import { parseOptions, type RtpOptions } from './options.js';
import { type AddressPiece, isNullAddress, placesOf, type SessionPlaces, type StreamPlaces } from './places.js';
import type { RtpSets } from './sets.js';

export const RTPPROXY = stateKey<RtpSets>('rtpproxy');

export interface SessionSettings {
  readonly nortpproxy_str: string;
  readonly timeout_socket: string;
  /** extra_id_pv, bound. */
  readonly extraId: ((ctx: Context) => string) | undefined;
}

const DONE = 1;
const FAILED = -1;
const PROXIED_ALREADY = -2;
const NO_PROXY = -3;

export function complain(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'rtpproxy', `${text}\n`);
  return FAILED;
}

/** Call-ID (with what goes after its semicolon) and tags. */
interface Party {
  readonly callId: string;
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

function partyOf(ctx: Context, o: RtpOptions, settings: SessionSettings): Party | string {
  const { msg } = ctx;
  const callId = callIdOf(msg);
  if (!callId) return "can't get Call-Id field";
  const to = toOf(msg);
  if (to === undefined) return "can't get To tag";
  const from = fromOf(msg)?.tag;
  if (!from) return "can't get From tag";
  let extra = o.extraId && o.via === 0 ? (settings.extraId?.(ctx) ?? '') : '';
  if (o.via !== 0) {
    const number = o.via === 3 ? (msg.isRequest ? 1 : 2) : o.via;
    extra = viasOf(msg)[number - 1]?.branch ?? '';
    if (extra === '') return "can't get Via branch";
  }
  return { callId, id: extra === '' ? callId : `${callId};${extra}`, from, to: to.tag ?? '' };
}

async function nodeFor(ctx: Context, callId: string): Promise<RtpNode | undefined> {
  const sets = ctx.host.state(RTPPROXY);
  const node = await sets.select(sets.chosen(ctx.msg.id), callId);
  if (node === undefined) complain(ctx, 'no available proxies');
  return node;
}

/** rtpproxy_destroy(). */
export async function destroy(ctx: Context, flags: string, settings: SessionSettings): Promise<number> {
  const o = parseOptions(flags);
  if (typeof o === 'string') return complain(ctx, `unknown option \`${o}'`);
  const party = partyOf(ctx, o, settings);
  if (typeof party === 'string') return complain(ctx, party);
  const node = await nodeFor(ctx, party.callId);
  if (node === undefined) return FAILED;
  const to = o.withoutTo ? '' : party.to;
  await node.send(`D ${party.id} ${party.from}${to === '' ? '' : ` ${to}`}`);
  return DONE;
}

const NOTHING = { nortpproxy_str: '', timeout_socket: '', extraId: undefined };
const NO_OPTIONS = parseOptions('') as RtpOptions;

/** start_recording(): the call as the sender of the message sees it. */
export async function record(ctx: Context): Promise<number> {
  const party = partyOf(ctx, NO_OPTIONS, NOTHING);
  if (typeof party === 'string') return complain(ctx, party);
  const node = await nodeFor(ctx, party.callId);
  if (node === undefined || (!ctx.msg.isRequest && party.to === '')) return FAILED;
  const [near, far] = ctx.msg.isRequest ? [party.from, party.to] : [party.to, party.from];
  await node.send(`R ${party.callId} ${near}${far === '' ? '' : ` ${far}`}`);
  return DONE;
}

/** Direction of a session's change: `offer` makes one where there is none. `forced`: the address that the script gives. */
export interface Direction {
  readonly offer: boolean;
  readonly forced: string | undefined;
}

export async function force(
  ctx: Context,
  flags: string,
  { offer, forced }: Direction,
  settings: SessionSettings,
): Promise<number> {
  const { msg } = ctx;
  const o = parseOptions(flags);
  if (typeof o === 'string') return complain(ctx, `unknown option \`${o}'`);
  if (o.lookUpOnly && !offer) return FAILED;
  const sdp = sdpOf(msg);
  if (typeof sdp === 'string') return complain(ctx, "can't extract body from the message");
  const party = partyOf(ctx, o, settings);
  if (typeof party === 'string') return complain(ctx, party);
  const turned = o.lookUpOnly ? msg.isRequest : msg.isRequest !== offer;
  if ((turned || o.lookUpOnly) && party.to === '') return FAILED;
  const parts = turned ? { ...party, from: party.to, to: party.from } : party;
  const proxied = hasLine(sdp.raw.text, settings.nortpproxy_str);
  if (proxied && !o.force) return PROXIED_ALREADY;
  const command: Command = { create: offer && !o.lookUpOnly, options: o, party: parts, forced, settings };
  // a name of an address family goes with the first stream alone
  const letters = { text: o.sent, bridge: o.bridge };
  let medium = 0;
  for (const session of placesOf(msg, sdp)) {
    const done = { common: false, origin: false };
    for (const stream of session.streams) {
      medium++;
      const code = await one(ctx, command, letters, session, stream, medium, done);
      if (code !== DONE) return code;
    }
  }
  if (!proxied && settings.nortpproxy_str !== '') {
    const end = sdp.raw.start + sdp.raw.text.replace(/[\r\n]+$/, '').length;
    msg.edits.insert(end, `\r\n${settings.nortpproxy_str}`);
  }
  return DONE;
}

function hasLine(text: string, line: string): boolean {
  return line !== '' && (text.includes(`\n${line}`) || text.includes(`\r${line}`));
}

interface Command {
  readonly create: boolean;
  readonly options: RtpOptions;
  readonly party: Party;
  readonly forced: string | undefined;
  readonly settings: SessionSettings;
}

interface Done {
  common: boolean;
  origin: boolean;
}

/** One medium: a command, and the changes that its answer makes. */
async function one(
  ctx: Context,
  command: Command,
  letters: { text: string; bridge: boolean },
  session: SessionPlaces,
  place: StreamPlaces,
  medium: number,
  done: Done,
): Promise<number> {
  const { options: o, party } = command;
  const old = place.address ?? session.common;
  if (old === undefined) return complain(ctx, 'Unable to parse sdp');
  if (letters.bridge) letters.text += old.family === 6 ? 'EI' : 'IE';
  letters.bridge = false;
  if (old.family === 6) letters.text += '6';
  const ip = o.trust ? old.text : ctx.msg.received.srcIp;
  let answer: string | undefined;
  do {
    const node = await nodeFor(ctx, party.callId);
    if (node === undefined) return NO_PROXY;
    answer = await node.send(commandText(ctx, command, letters.text, node, place, ip, medium));
  } while (answer === undefined);
  const result = answerOf(ctx, answer, old, command);
  if (result === undefined) {
    if (!o.lookUpOnly || !/^\s*0/.test(answer))
      complain(ctx, `incorrect port ${answer.trim()} in reply from rtp proxy`);
    return FAILED;
  }
  change(ctx, session, place, result, done, o.common);
  return DONE;
}

function commandText(
  ctx: Context,
  { create, options, party, settings }: Command,
  letters: string,
  node: RtpNode,
  { stream, isRtp }: StreamPlaces,
  ip: string,
  medium: number,
): string {
  if (options.repacketize !== '' && !node.repacketizes)
    ctx.host.log.write(
      LEVEL.WARN,
      'rtpproxy',
      're-packetization is requested but is not supported by the selected RTP proxy node\n',
    );
  const repacketize = node.repacketizes ? options.repacketize : '';
  const numbers = stream.payloads.text.match(/\d+/g)?.join(',') ?? '';
  const payloads = isRtp && numbers !== '' && node.knowsPayloads ? `c${numbers}` : '';
  const head = `${create ? 'U' : 'L'}${letters}${repacketize}${payloads}`;
  const far = party.to === '' ? '' : ` ${party.to};${medium}`;
  const notify = far !== '' && create && settings.timeout_socket !== '' ? ` ${settings.timeout_socket}` : '';
  return `${head} ${party.id} ${ip} ${stream.port.text} ${party.from};${medium}${far}${notify}`;
}

interface NewPlace {
  readonly ip: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** `port`, `port address` or `port address 6`. */
function answerOf(ctx: Context, answer: string, old: AddressPiece, { forced }: Command): NewPlace | undefined {
  const [portText = '', ip, six] = answer.trim().split(/\s+/);
  const port = Number.parseInt(portText, 10);
  if (!(port > 0 && port <= 65_535)) return undefined;
  const family = ip === undefined ? old.family : six?.[0] === '6' ? 6 : 4;
  if (isNullAddress(old.text)) return { ip: family === 6 ? '::' : '0.0.0.0', family, port };
  return { ip: forced ?? ip ?? ctx.msg.received.socket.ip, family, port };
}

function change(
  ctx: Context,
  session: SessionPlaces,
  place: StreamPlaces,
  to: NewPlace,
  done: Done,
  alsoCommon: boolean,
): void {
  const { port } = place.stream;
  // port 0 is a medium that is turned off
  if (port.text !== '0') ctx.msg.edits.replace(port.start, port.text.length, `${to.port}`);
  if (place.rtcp !== undefined) ctx.msg.edits.replace(place.rtcp.start, place.rtcp.text.length, `${to.port + 1}`);
  if (place.address !== undefined) changeAddress(ctx, place.address, to);
  if (session.common !== undefined && !done.common && (place.address === undefined || alsoCommon)) {
    changeAddress(ctx, session.common, to);
    done.common = true;
  }
  if (session.origin !== undefined && !done.origin) changeAddress(ctx, session.origin, to);
  done.origin = true;
}

function changeAddress(ctx: Context, old: AddressPiece, { ip, family }: NewPlace): void {
  if ((family === old.family && isNullAddress(old.text)) || old.text === ip) return;
  if (family === old.family) return void ctx.msg.edits.replace(old.start, old.text.length, ip);
  const end = old.start + old.text.length;
  ctx.msg.edits.replace(old.familyAt, end - old.familyAt, `${family} ${ip}`);
}
