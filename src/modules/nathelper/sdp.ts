/** fix_nated_sdp(): addresses in SDP become those the message came from. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/module.js';
import { HDR } from '../../sip/header-names.js';
import { sdpOf } from '../../sip/sdp.js';
import { nathelperParams } from './params.js';

/** Bits of the first argument. */
const LEVELS = { DIRECTION: 1, MEDIA: 2, NO_RTPPROXY: 4, ORIGIN: 8 } as const;

const CHANGED = 1;
const NO_ADDRESS_CHANGED = 2;
const FAILED = -1;

interface Body {
  readonly text: string;
  readonly start: number;
}

/** The SDP without the line ends at its end. */
function bodyOf(ctx: Context): Body | undefined {
  const { msg } = ctx;
  if (msg.first(HDR.CONTENTLENGTH) === undefined) return undefined;
  const type = msg.firstValue(HDR.CONTENTTYPE);
  const sdp = type === undefined ? { raw: { text: msg.body, start: msg.bodyStart } } : sdpOf(msg);
  if (typeof sdp === 'string') return undefined;
  const text = sdp.raw.text.replace(/[\r\n]+$/, '');
  return text === '' ? undefined : { text, start: sdp.raw.start };
}

export function fixSdp(ctx: Context, level: number, address: string): number {
  const body = bodyOf(ctx);
  if (body === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'nathelper', 'cannot extract body from msg!\n');
    return FAILED;
  }
  if ((level & LEVELS.DIRECTION) !== 0) addDirections(ctx, body);
  if ((level & LEVELS.NO_RTPPROXY) !== 0) appendLine(ctx, body, nathelperParams(ctx.program).nortpproxy_str);
  if ((level & (LEVELS.MEDIA | LEVELS.ORIGIN)) === 0) return NO_ADDRESS_CHANGED;
  const lines = [
    'a=rtcp',
    ...((level & LEVELS.MEDIA) !== 0 ? ['c='] : []),
    ...((level & LEVELS.ORIGIN) !== 0 ? ['o='] : []),
  ];
  let changed = 0;
  for (const line of lines) {
    const n = replaceAddresses(ctx, body, line, address || ctx.msg.received.srcIp);
    if (n < 0) return FAILED;
    changed += n;
  }
  return changed > 0 ? CHANGED : NO_ADDRESS_CHANGED;
}

function addDirections(ctx: Context, { text, start }: Body): void {
  const MEDIA = '\r\nm=';
  let at = text.indexOf(MEDIA);
  while (at >= 0) {
    const next = text.indexOf(MEDIA, at + MEDIA.length);
    ctx.msg.edits.insert(start + (next < 0 ? text.length : next), '\r\na=direction:active');
    at = next;
  }
}

function appendLine(ctx: Context, { text, start }: Body, line: string): void {
  if (line !== '') ctx.msg.edits.insert(start + text.length, `\r\n${line}`);
}

/** How many were replaced; -1 where a line has no address or the families differ. a=rtcp may be without. */
function replaceAddresses(ctx: Context, body: Body, begin: string, address: string): number {
  let count = 0;
  let family = '';
  for (const line of linesWith(body.text, begin)) {
    const m = /^(.*?(?:^|[ \t])IP([46])[ \t]+)(\S+)/.exec(line.text);
    if (m === null) {
      if (begin === 'a=rtcp') continue;
      ctx.host.log.write(LEVEL.ERR, 'nathelper', `no \`IP[4|6]' in \`${begin}' field\n`);
      return FAILED;
    }
    const [, before = '', kind = '', old = ''] = m;
    if (family !== '' && family !== kind) return FAILED;
    family = kind;
    if (isNullAddress(old) || old === address) continue;
    const mark = kind === '6' ? 'a=oldmediaip6:' : 'a=oldmediaip:';
    if (nathelperParams(ctx.program).append_sdp_oldmediaip !== 0) appendLine(ctx, body, `${mark}${old}`);
    ctx.msg.edits.replace(body.start + line.at + begin.length + before.length, old.length, address);
    count++;
  }
  return count;
}

function isNullAddress(text: string): boolean {
  return text === '0.0.0.0' || /^[0:]+$/.test(text);
}

/** The rest of each line that begins so, with the line's offset. */
function* linesWith(text: string, begin: string): IterableIterator<{ readonly at: number; readonly text: string }> {
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + begin.length)) {
    if (at > 0 && text[at - 1] !== '\n' && text[at - 1] !== '\r') continue;
    const end = /[\r\n]|$/.exec(text.slice(at))!.index + at;
    yield { at, text: text.slice(at + begin.length, end) };
  }
}
