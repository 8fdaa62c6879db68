/** Kamailio's sdpops: questions about and changes to the SDP body. */
import type { Context } from '../runtime/context.js';
import {
  type BindResult,
  defineModule,
  fn,
  forms,
  int,
  LEVEL,
  type PvAccessor,
  pvWith,
  raw,
  str,
  toInt,
  variable,
} from '../runtime/module.js';
import type { SipMessage } from '../sip/message.js';
import { type Sdp, type SdpSession, type SdpStream, sdpLine, sdpOf } from '../sip/sdp.js';

const NO_SDP = -1;
const EMPTY_BODY = -2;

const same = (a: string, b: string) => a.length === b.length && a.toLowerCase() === b.toLowerCase();

function streams(sdp: Sdp): SdpStream[] {
  return sdp.sessions.flatMap((s) => [...s.streams]);
}

/** The parsed SDP; undefined when there is none or it cannot be read. */
function sdp(ctx: Context): Sdp | undefined {
  const found = sdpOf(ctx.msg);
  return typeof found === 'string' ? undefined : found;
}

function someStream(ctx: Context, test: (s: SdpStream) => boolean): number {
  const found = sdp(ctx);
  return found !== undefined && streams(found).some(test) ? 1 : -1;
}

// ---------------------------------------------------------------------- codecs

/** Static payload numbers by name (RFC 3551, section 6). Kamailio's own table ends CN wrongly; here it works. */
const STATIC: Readonly<Record<string, readonly string[]>> = {
  pcmu: ['0'],
  gsm: ['3'],
  g723: ['4'],
  dvi4: ['5', '6', '16', '17'],
  lpc: ['7'],
  pcma: ['8'],
  g722: ['9'],
  l16: ['10', '11'],
  qcelp: ['12'],
  cn: ['13'],
  mpa: ['14'],
  g728: ['15'],
  g729: ['18'],
};

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Payload numbers of codec names: the static ones, else those that rtpmap lines give. Undefined when none has one. */
function idsOf(found: Sdp, names: string): string[] | undefined {
  const out: string[] = [];
  for (const name of list(names)) {
    const fixed = STATIC[name.toLowerCase()];
    if (fixed !== undefined) out.push(...fixed);
    else for (const s of streams(found)) for (const [id, enc] of s.encodings) if (same(enc, name)) out.push(id);
  }
  return out.length === 0 ? undefined : out;
}

/** Payload numbers of a stream with their offsets. */
function payloadsOf(stream: SdpStream): { id: string; start: number }[] {
  return [...stream.payloads.text.matchAll(/[^ ]+/g)].map((m) => ({
    id: m[0],
    start: stream.payloads.start + m.index,
  }));
}

const ATTRIBUTES = /^a=(?:rtpmap|fmtp|rtcp-fb):([^ ]+) /i;

/** Takes a payload number with the blank before it off the `m=` line, and its rtpmap, fmtp and rtcp-fb lines. */
function removePayload(msg: SipMessage, stream: SdpStream, id: string): void {
  const found = payloadsOf(stream).find((p) => p.id === id);
  if (found !== undefined) msg.edits.replace(found.start - 1, id.length + 1);
  for (const line of linesIn(msg.text, stream.start, stream.end)) {
    const m = ATTRIBUTES.exec(msg.text.slice(line.start, line.end));
    if (m !== null && m[1] === id) msg.edits.replace(line.start, line.end - line.start);
  }
}

function* linesIn(text: string, from: number, to: number): Generator<{ start: number; end: number }> {
  for (let at = from; at < to; ) {
    const lf = text.indexOf('\n', at);
    const end = lf < 0 || lf >= to ? to : lf + 1;
    yield { start: at, end };
    at = end;
  }
}

function changeCodecs(ctx: Context, ids: readonly string[], media: string, keep: boolean): number {
  const found = sdp(ctx);
  if (found === undefined) return NO_SDP;
  for (const stream of streams(found)) {
    if (media !== '' && !same(stream.media.text, media)) continue;
    const gone = keep
      ? payloadsOf(stream)
          .map((p) => p.id)
          .filter((id) => !ids.includes(id))
      : ids;
    for (const id of gone) removePayload(ctx.msg, stream, id);
  }
  return 1;
}

function changeCodecsByName(ctx: Context, names: string, media: string, keep: boolean): number {
  const found = sdp(ctx);
  const ids = found && idsOf(found, names);
  return ids === undefined ? NO_SDP : changeCodecs(ctx, ids, media, keep);
}

/** 1: every stream has all of them; 2: some were found, some not; -1: none. */
function withCodecs(found: Sdp | undefined, ids: readonly string[]): number {
  if (found === undefined) return EMPTY_BODY;
  let some = false;
  let missing = false;
  for (const stream of streams(found)) {
    const own = payloadsOf(stream).map((p) => p.id);
    for (const id of ids) {
      if (own.includes(id)) some = true;
      else missing = true;
    }
  }
  return some ? (missing ? 2 : 1) : -1;
}

function codecForms(doc: string, run: (ctx: Context, codecs: string, media: string) => number) {
  return forms(
    fn({ doc, args: [str('codecs')], run: (ctx, _params: unknown, codecs) => run(ctx, codecs, '') }),
    fn({
      doc,
      args: [str('codecs'), str('media')],
      run: (ctx, _params: unknown, codecs, media) => run(ctx, codecs, media),
    }),
  );
}

// --------------------------------------------------------------- whole sections

function removeStreams(ctx: Context, test: (s: SdpStream) => boolean): number {
  const found = sdp(ctx);
  if (found === undefined) return NO_SDP;
  const gone = streams(found).filter(test);
  for (const stream of gone) ctx.msg.edits.replace(stream.start, stream.end - stream.start);
  return gone.length > 0 ? 1 : -1;
}

/** Removes the lines that begin with `prefix`, everywhere or in the sections of one kind of media. True without any too. */
function removeLines(ctx: Context, prefix: string, media: string): number {
  const found = sdp(ctx);
  if (found === undefined || prefix === '') return NO_SDP;
  const { raw } = found;
  const ranges =
    media === ''
      ? [{ start: raw.start, end: raw.start + raw.text.length }]
      : streams(found).filter((s) => same(s.media.text, media));
  const { text, edits } = ctx.msg;
  for (const range of ranges)
    for (const line of linesIn(text, range.start, range.end))
      if (text[line.start + 1] === '=' && text.startsWith(prefix, line.start))
        edits.replace(line.start, line.end - line.start);
  return 1;
}

/** First line that begins with `start`, its line end taken off. */
function lineStarting(ctx: Context, start: string): string | undefined {
  const found = sdp(ctx);
  if (found === undefined || start === '') return undefined;
  const { text } = ctx.msg;
  for (let at = found.raw.start; ; ) {
    at = sdpLine(text, at, text.length, start[0]!);
    if (at < 0) return undefined;
    const lf = text.indexOf('\n', at);
    const end = lf < 0 ? text.length : lf + 1;
    if (text.startsWith(start, at)) return text.slice(at, end).replace(/\r\n$/, '');
    at = end;
  }
}

// ------------------------------------------------------------------- variables

function lastSession(ctx: Context): SdpSession | undefined {
  return sdp(ctx)?.sessions.at(-1);
}

function sessionVersion(ctx: Context): number | null {
  const text = lastSession(ctx)?.version.text;
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 2147483647 ? Number(text) : null;
}

/** Writes the version of `o=`: -1 raises it by one. */
function setSessionVersion(ctx: Context, value: number): boolean {
  const session = lastSession(ctx);
  const old = sessionVersion(ctx);
  if (session === undefined || old === null) return false;
  const next = value === -1 ? old + 1 : value;
  if (next > 2147483647) return false;
  ctx.msg.edits.replace(session.version.start, session.version.text.length, String(next));
  return true;
}

const SDP_PVS: Readonly<Record<string, PvAccessor>> = {
  body: { get: (ctx) => sdp(ctx)?.raw.text ?? null },
  sess_version: { get: sessionVersion, set: (ctx, value) => setSessionVersion(ctx, toInt(value)) },
};

function bindSdp(name: string): BindResult<PvAccessor> {
  const accessor = SDP_PVS[name];
  return accessor === undefined ? { error: `unknown name '${name}' for $sdp` } : { ok: accessor };
}

const avp = (name: string) => variable(name, { writable: true });

export const sdpops = defineModule({
  name: 'sdpops',
  doc: 'Questions about and changes to SDP bodies. Changes are seen by the next hop.',
  functions: {
    sdp_content: forms(
      fn({ doc: 'True if the body is an SDP that can be read.', args: [], run: (ctx) => (sdp(ctx) ? 1 : -1) }),
      fn({
        doc: 'True if there is a body and its Content-Type says application/sdp; it is not read.',
        args: [raw('sloppy')],
        run: (ctx) => (hasSdpType(ctx.msg) ? 1 : -1),
      }),
    ),
    sdp_with_media: fn({
      doc: 'True if there is a section of that media: `m=audio …`.',
      args: [str('media')],
      run: (ctx, _params: unknown, media) => someStream(ctx, (s) => same(s.media.text, media)),
    }),
    sdp_with_active_media: fn({
      doc: 'True if there is a section of that media that is not inactive and whose port is not 0.',
      args: [str('media')],
      run: (ctx, _params: unknown, media) => someStream(ctx, (s) => same(s.media.text, media) && isActive(s)),
    }),
    sdp_with_transport: fn({
      doc: 'True if there is a section with that transport, such as RTP/AVP.',
      args: [str('transport')],
      run: (ctx, _params: unknown, transport) => someStream(ctx, (s) => same(s.transport.text, transport)),
    }),
    sdp_with_transport_like: fn({
      doc: 'True if there is a section whose transport holds the text; case matters.',
      args: [str('part')],
      run: (ctx, _params: unknown, part) => someStream(ctx, (s) => s.transport.text.includes(part)),
    }),
    sdp_with_ice: fn({
      doc: 'True if the body holds an ICE candidate.',
      args: [],
      run: (ctx) => (ctx.msg.body.includes('a=candidate') ? 1 : -1),
    }),
    sdp_with_codecs_by_id: fn({
      doc: 'True if the payload numbers are offered: 1 all of them in every section, 2 some.',
      args: [str('ids')],
      run: (ctx, _params: unknown, ids) => withCodecs(sdp(ctx), list(ids)),
    }),
    sdp_with_codecs_by_name: fn({
      doc: 'True if the codecs are offered: 1 all of them in every section, 2 some.',
      args: [str('names')],
      run: (ctx, _params: unknown, names) => {
        const found = sdp(ctx);
        const ids = found && idsOf(found, names);
        return ids === undefined ? -1 : withCodecs(found, ids);
      },
    }),
    sdp_remove_codecs_by_id: codecForms(
      'Removes payload numbers, in all sections or in those of one kind of media. True even if there were none.',
      (ctx, codecs, media) => changeCodecs(ctx, list(codecs), media, false),
    ),
    sdp_remove_codecs_by_name: codecForms(
      'Removes codecs, in all sections or in those of one kind of media. True even if there were none.',
      (ctx, codecs, media) => changeCodecsByName(ctx, codecs, media, false),
    ),
    sdp_keep_codecs_by_id: codecForms('Removes all payload numbers but these.', (ctx, codecs, media) =>
      changeCodecs(ctx, list(codecs), media, true),
    ),
    sdp_keep_codecs_by_name: codecForms('Removes all codecs but these.', (ctx, codecs, media) =>
      changeCodecsByName(ctx, codecs, media, true),
    ),
    sdp_remove_media: fn({
      doc: 'Removes the sections of that media; false if there is none.',
      args: [str('media')],
      run: (ctx, _params: unknown, media) => removeStreams(ctx, (s) => same(s.media.text, media)),
    }),
    sdp_remove_transport: fn({
      doc: 'Removes the sections with that transport; false if there is none.',
      args: [str('transport')],
      run: (ctx, _params: unknown, transport) => removeStreams(ctx, (s) => same(s.transport.text, transport)),
    }),
    sdp_remove_line_by_prefix: forms(
      fn({
        doc: 'Removes the lines that begin so: "a=crypto". True even if there were none.',
        args: [str('prefix')],
        run: (ctx, _params: unknown, prefix) => removeLines(ctx, prefix, ''),
      }),
      fn({
        doc: 'Removes the lines that begin so in the sections of that media.',
        args: [str('prefix'), str('media')],
        run: (ctx, _params: unknown, prefix, media) => removeLines(ctx, prefix, media),
      }),
    ),
    sdp_get: fn({
      doc: 'Stores the SDP in an AVP; -2 without a body.',
      args: [avp('result')],
      run: (ctx, _params: unknown, result) => {
        const found = sdpOf(ctx.msg);
        if (typeof found === 'string') return found === 'empty' ? EMPTY_BODY : NO_SDP;
        result.set?.(ctx, found.raw.text);
        return 1;
      },
    }),
    sdp_get_line_startswith: fn({
      doc: 'Stores the first line that begins so in an AVP; -2 without a body.',
      args: [avp('result'), str('start')],
      run: (ctx, _params: unknown, result, start) => {
        if (sdpOf(ctx.msg) === 'empty') return EMPTY_BODY;
        const line = lineStarting(ctx, start);
        if (line === undefined) return -1;
        result.set?.(ctx, line);
        return 1;
      },
    }),
    sdp_transport: fn({
      doc: 'Stores the transport that all sections share in an AVP; -2 if they differ.',
      args: [avp('result')],
      run: (ctx, _params: unknown, result) => {
        const found = sdpOf(ctx.msg);
        if (found === 'bad') return NO_SDP;
        const all = found === 'empty' ? [] : streams(found);
        const first = all[0]?.transport.text;
        if (first === undefined) return 1;
        if (!all.every((s) => same(s.transport.text, first))) return -2;
        result.set?.(ctx, first);
        return 1;
      },
    }),
    sdp_get_address_family: fn({
      doc: 'The family of the connection address: 4 or 6, else false.',
      args: [],
      run: (ctx) => lastSession(ctx)?.family || -1,
    }),
    sdp_print: fn({
      doc: 'Writes what was understood of the SDP to the log.',
      args: [int('level')],
      run: (ctx, _params: unknown, level) => {
        const found = sdpOf(ctx.msg);
        if (found === 'bad') return NO_SDP;
        if (found !== 'empty' && level <= ctx.host.log.level)
          ctx.host.log.write(clampLevel(level), 'sdpops', summary(found));
        return 1;
      },
    }),
  },
  pvs: {
    sdp: pvWith({
      doc: 'The SDP: `body`; `sess_version`, the version in `o=` (writable, -1 raises it by one).',
      writable: true,
      bind: (use) => bindSdp(use.key?.text ?? ''),
    }),
  },
});

function isActive(s: SdpStream): boolean {
  return (Number.parseInt(s.port.text, 10) || 0) !== 0 && s.mode.toLowerCase() !== 'inactive';
}

function hasSdpType(msg: SipMessage): boolean {
  if (msg.body === '') return false;
  const type = (msg.named('Content-Type')[0] && msg.value(msg.named('Content-Type')[0]!))?.trim().toLowerCase();
  if (type === undefined || /^application\s*\/\s*sdp\s*(?:;|$)/.test(type)) return true;
  return /^multipart\s*\/\s*mixed\s*(?:;|$)/.test(type) && msg.body.toLowerCase().includes('application/sdp');
}

function clampLevel(level: number): number {
  return Math.max(LEVEL.ALERT, Math.min(LEVEL.DBG, level));
}

function summary(found: Sdp): string {
  return streams(found)
    .map((s) =>
      `stream ${s.media.text} port ${s.port.text} ${s.transport.text} payloads [${s.payloads.text}] ${s.mode}`.trimEnd(),
    )
    .join('; ');
}
