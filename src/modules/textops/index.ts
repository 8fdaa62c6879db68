/** Kamailio's textops: questions about the message's text, and changes to it that the next hop sees. */
import {
  defineModule,
  fn,
  forms,
  headerName,
  int,
  lateRegex,
  literal,
  parsed,
  quoted,
  regex,
  str,
  variable,
} from '../../runtime/module.js';
import { cachedRegex } from '../../runtime/regex-cache.js';
import { contentLengthOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { sdpOf } from '../../sip/sdp.js';
import * as body from './body.js';
import * as edit from './edit-text.js';
import * as headers from './headers.js';
import { parseMethods } from './methods.js';
import { bodyKind, mimeKind } from './mime.js';
import { re as reTransformations, substFunctions } from './subst.js';
import * as text from './text.js';

const code = (ok: boolean): number => (ok ? 1 : -1);

/** search(), replace() and their kin: POSIX extended, case ignored, `^` and `$` at lines. */
const LINES = { ignoreCase: true, newline: true };
const re = (name = 're') => regex(name, LINES);
const late = (name = 're') => lateRegex(name, LINES);
const sometimes = ['request', 'failure', 'branch'] as const;
const mostly = ['request', 'failure', 'branch', 'reply'] as const;

const search = {
  search: fn({
    doc: 'True if the regular expression matches somewhere in the message, start line included.',
    args: [re()],
    run: (ctx, _params: unknown, r) => code(r.test(ctx.msg.text)),
  }),
  search_body: fn({
    doc: 'True if the regular expression matches in the body.',
    args: [re()],
    run: (ctx, _params: unknown, r) => code(r.test(ctx.msg.body) && ctx.msg.body !== ''),
  }),
  search_hf: fn({
    doc: 'True if the regular expression matches a header of that name: any (`a`), the first (`f`) or the last (`l`).',
    args: [quoted(headerName('header')), quoted(re()), quoted(literal('mode'))],
    run: (ctx, _params: unknown, named, r, mode) => code(headers.searchHeaders(ctx.msg, named, r, mode)),
  }),
  search_append: fn({
    doc: 'Puts text behind the first match after the start line.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.insertAfterMatch(ctx.msg, edit.afterStartLine(ctx.msg), r, t)),
  }),
  search_append_body: fn({
    doc: 'Puts text behind the first match in the body.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.insertAfterMatch(ctx.msg, edit.bodyPart(ctx.msg), r, t)),
  }),
};

const replace = {
  replace: fn({
    doc: 'Replaces the first match after the start line by a text, taken literally.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceFirst(ctx.msg, edit.afterStartLine(ctx.msg), r, t)),
  }),
  replace_all: fn({
    doc: 'Replaces every match after the start line.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceAll(ctx.msg, edit.afterStartLine(ctx.msg), r, t)),
  }),
  replace_body: fn({
    doc: 'Replaces the first match in the body.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceFirst(ctx.msg, edit.bodyPart(ctx.msg), r, t)),
  }),
  replace_body_all: fn({
    doc: 'Replaces every match in the body.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceAll(ctx.msg, edit.bodyPart(ctx.msg), r, t)),
  }),
  replace_body_atonce: fn({
    doc: 'Replaces every match in the body taken as one text: `^.+$` is the whole of it.',
    args: [regex('re', { ignoreCase: true }), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceAll(ctx.msg, edit.bodyPart(ctx.msg), r, t, false)),
  }),
  replace_hdrs: fn({
    doc: 'Replaces the first match in the header lines.',
    args: [re(), literal('text')],
    run: (ctx, _params: unknown, r, t) => code(edit.replaceFirst(ctx.msg, edit.headerPart(ctx.msg), r, t)),
  }),
  replace_str: fn({
    doc: 'Replaces a literal text after the start line: the first (`f`) or all (`a`). True even if there is none.',
    args: [str('key'), str('text'), str('mode')],
    run: (ctx, _params: unknown, key, t, mode) => {
      edit.replaceLiteral(ctx.msg, edit.afterStartLine(ctx.msg), key, t, mode);
      return 1;
    },
  }),
  replace_hdrs_str: fn({
    doc: 'Replaces a literal text in the header lines: the first (`f`) or all (`a`).',
    args: [str('key'), str('text'), str('mode')],
    run: (ctx, _params: unknown, key, t, mode) => {
      const range = edit.headerPart(ctx.msg);
      if (range !== undefined) edit.replaceLiteral(ctx.msg, range, key, t, mode);
      return code(range !== undefined);
    },
  }),
  replace_body_str: fn({
    doc: 'Replaces a literal text in the body: the first (`f`) or all (`a`). False without a body only.',
    args: [str('key'), str('text'), str('mode')],
    run: (ctx, _params: unknown, key, t, mode) => {
      const range = edit.bodyPart(ctx.msg);
      if (range !== undefined) edit.replaceLiteral(ctx.msg, range, key, t, mode);
      return code(range !== undefined);
    },
  }),
};

const headerText = () => str('text', { dynamic: false });

const headerFunctions = {
  append_hf: forms(
    fn({
      doc: 'Adds a header, CRLF included, behind the last one, or behind the last one of the name given.',
      args: [headerText()],
      example: 'append_hf("X-From: $fU\\r\\n");\nmsg_apply_changes();\nxlog("$hdr(X-From)\\n");\n#> alice',
      run: (ctx, _params: unknown, t) => code(headers.appendHeader(ctx.msg, t)),
    }),
    fn({
      doc: 'Adds a header behind the last one of a name.',
      args: [headerText(), quoted(headerName('after'))],
      run: (ctx, _params: unknown, t, after) => code(headers.appendHeader(ctx.msg, t, after)),
    }),
  ),
  insert_hf: forms(
    fn({
      doc: 'Adds a header, CRLF included, before the first one, or before the first one of the name given.',
      args: [headerText()],
      run: (ctx, _params: unknown, t) => code(headers.insertHeader(ctx.msg, t)),
    }),
    fn({
      doc: 'Adds a header before the first one of a name.',
      args: [headerText(), quoted(headerName('before'))],
      run: (ctx, _params: unknown, t, before) => code(headers.insertHeader(ctx.msg, t, before)),
    }),
  ),
  append_urihf: fn({
    doc: 'Adds the received request URI between two texts behind the last header.',
    args: [literal('before'), literal('behind')],
    routes: sometimes,
    run: (ctx, _params: unknown, before, behind) =>
      code(headers.appendHeader(ctx.msg, before + ctx.msg.originalUri + behind)),
  }),
  remove_hf: fn({
    doc: 'Removes all headers of a name; false if there is none.',
    args: [headerName('name')],
    run: (ctx, _params: unknown, named) => code(headers.removeHeaders(ctx.msg, named)),
  }),
  remove_hf_pv: fn({
    doc: 'Removes all headers of a name, always true.',
    args: [headerName('name')],
    run: (ctx, _params: unknown, named) => {
      headers.removeHeaders(ctx.msg, named);
      return 1;
    },
  }),
  remove_hf_idx: fn({
    doc: 'Removes one header of a name by its number, from 0, negative from the end. 2 if there is none of that number.',
    args: [str('name'), int('index')],
    run: (ctx, _params: unknown, name, index) => headers.removeHeaderAt(ctx.msg, name, index),
  }),
  remove_hf_re: fn({
    doc: 'Removes the headers whose name matches.',
    args: [re()],
    run: (ctx, _params: unknown, r) => code(headers.removeHeaders(ctx.msg, headers.nameLike(r))),
  }),
  remove_hf_re_pv: fn({
    doc: 'Removes the headers whose name matches.',
    args: [late()],
    run: (ctx, _params: unknown, r) => code(r !== undefined && headers.removeHeaders(ctx.msg, headers.nameLike(r))),
  }),
  remove_hf_exp: fn({
    doc: 'Removes the headers whose name matches the first expression and not the second.',
    args: [re('re'), re('not')],
    run: (ctx, _params: unknown, r, not) =>
      code(headers.removeHeaders(ctx.msg, (h) => r.test(h.name) && !not.test(h.name))),
  }),
  remove_hf_exp_pv: fn({
    doc: 'Removes the headers whose name matches the first expression and not the second.',
    args: [late('re'), late('not')],
    run: (ctx, _params: unknown, r, not) =>
      r === undefined || not === undefined
        ? -1
        : code(headers.removeHeaders(ctx.msg, (h) => r.test(h.name) && !not.test(h.name))),
  }),
  remove_hf_match: fn({
    doc: 'Removes the headers of a name whose value is `eq`, `ne`, contains (`in`) or matches (`re`) the value given.',
    args: [str('name'), str('operator'), str('value')],
    run: (ctx, _params: unknown, name, operator, value) => {
      const test = valueTest(operator.toLowerCase(), value);
      return test === undefined ? -1 : headers.removeHeadersByValue(ctx.msg, name, test);
    },
  }),
  is_present_hf: fn({
    doc: 'True if the received message has a header of that name.',
    args: [headerName('name')],
    run: (ctx, _params: unknown, named) => code(headers.hasHeader(ctx.msg, named)),
  }),
  is_present_hf_pv: fn({
    doc: 'True if the received message has a header of that name.',
    args: [headerName('name')],
    run: (ctx, _params: unknown, named) => code(headers.hasHeader(ctx.msg, named)),
  }),
  is_present_hf_re: fn({
    doc: 'True if the received message has a header whose name matches.',
    args: [re()],
    run: (ctx, _params: unknown, r) => code(headers.hasHeader(ctx.msg, headers.nameLike(r))),
  }),
  is_present_hf_re_pv: fn({
    doc: 'True if the received message has a header whose name matches.',
    args: [late()],
    run: (ctx, _params: unknown, r) => code(r !== undefined && headers.hasHeader(ctx.msg, headers.nameLike(r))),
  }),
  append_to_reply: fn({
    doc: 'Adds a header, CRLF included, to the replies that this server makes for the request.',
    args: [str('text')],
    routes: sometimes,
    run: (ctx, _params: unknown, t) => {
      ctx.msg.replyHeaders.push(t);
      return 1;
    },
  }),
  append_time: fn({
    doc: 'Adds a Date header to the replies that this server makes.',
    args: [],
    routes: sometimes,
    run: (ctx) => {
      ctx.msg.replyHeaders.push(text.dateHeader(ctx.host.clock.now()));
      return 1;
    },
  }),
  append_time_to_request: fn({
    doc: 'Adds a Date header behind the first header of the message.',
    args: [],
    run: (ctx) => {
      const first = ctx.msg.headers[0];
      if (first === undefined) return -1;
      ctx.msg.edits.insert(first.end, text.dateHeader(ctx.host.clock.now()));
      return 1;
    },
  }),
};

function valueTest(operator: string, value: string): ((v: string) => boolean) | undefined {
  if (operator === 'eq') return (v) => v === value;
  if (operator === 'ne') return (v) => v !== value;
  if (operator === 'in') return (v) => v.includes(value);
  if (operator !== 're') return undefined;
  const r = cachedRegex(value, LINES);
  return r === undefined ? undefined : (v) => r.test(v);
}

/** append_body_part() ends the script where there is no body at all; the reference server does not survive that. */
function appendPart(ctx: { readonly msg: SipMessage }, t: string, type: string, disposition = ''): number {
  if (ctx.msg.body === '') return 0;
  return code(body.appendPart(ctx.msg, { text: t, type, disposition }));
}

function appendHexPart(ctx: Parameters<typeof appendPart>[0], hex: string, type: string, disposition = ''): number {
  const bytes = body.hexBytes(hex);
  return bytes === undefined ? -1 : appendPart(ctx, bytes, type, disposition);
}

const bodyFunctions = {
  set_body: fn({
    doc: 'Replaces the body and Content-Type, and adds either header if it is missing.',
    args: [str('body'), str('type')],
    routes: mostly,
    run: (ctx, _params: unknown, t, type) => code(body.setBody(ctx.msg, t, type)),
  }),
  set_reply_body: fn({
    doc: 'Sets the body of the reply that this server will make.',
    args: [str('body'), str('type')],
    routes: sometimes,
    run: (ctx, _params: unknown, t, type) => {
      if (t === '' || type === '') return -1;
      ctx.msg.replyBody = { type, text: t };
      return 1;
    },
  }),
  has_body: forms(
    fn({
      doc: 'True if Content-Length is above 0, and Content-Type is the one given; without Content-Type it is application/sdp.',
      args: [],
      run: (ctx) => code((contentLengthOf(ctx.msg) ?? 0) > 0),
    }),
    fn({
      doc: 'True if the message has a body of that type.',
      args: [
        parsed('type', 'content type', (t) => {
          const kind = t === '' ? '' : mimeKind(t);
          return kind === undefined ? { error: `unsupported mime <${t}>` } : { ok: kind };
        }),
      ],
      run: (ctx, _params: unknown, kind) =>
        code((contentLengthOf(ctx.msg) ?? 0) > 0 && (kind === '' || bodyKind(ctx.msg) === kind)),
    }),
  ),
  filter_body: fn({
    doc: 'Keeps of a multipart/mixed body only the first part of that type.',
    args: [literal('type')],
    run: (ctx, _params: unknown, type) => code(body.filterBody(ctx.msg, type)),
  }),
  set_body_multipart: forms(
    fn({
      doc: 'Makes the body multipart/mixed; what it was, or the text given, is the first part.',
      args: [],
      routes: sometimes,
      run: (ctx) => code(body.setMultipart(ctx.msg, '', '', '')),
    }),
    fn({
      doc: 'Makes the body multipart/mixed with a boundary of its own.',
      args: [str('boundary')],
      routes: sometimes,
      run: (ctx, _params: unknown, boundary) => code(body.setMultipart(ctx.msg, '', '', boundary)),
    }),
    fn({
      doc: 'Makes the body multipart/mixed with a first part.',
      args: [str('text'), str('type')],
      routes: sometimes,
      run: (ctx, _params: unknown, t, type) => code(body.setMultipart(ctx.msg, t, type, '')),
    }),
    fn({
      doc: 'Makes the body multipart/mixed with a first part and a boundary of its own.',
      args: [quoted(str('text')), quoted(str('type')), quoted(str('boundary'))],
      routes: sometimes,
      run: (ctx, _params: unknown, t, type, boundary) => code(body.setMultipart(ctx.msg, t, type, boundary)),
    }),
  ),
  append_body_part: forms(
    fn({
      doc: 'Adds a part to a multipart body, as the message stands: msg_apply_changes() first after set_body_multipart().',
      args: [str('text'), str('type')],
      routes: sometimes,
      run: (ctx, _params: unknown, t, type) => appendPart(ctx, t, type),
    }),
    fn({
      doc: 'Adds a part with a Content-Disposition to a multipart body.',
      args: [quoted(str('text')), quoted(str('type')), quoted(str('disposition'))],
      routes: sometimes,
      run: (ctx, _params: unknown, t, type, disposition) => appendPart(ctx, t, type, disposition),
    }),
  ),
  append_body_part_hex: forms(
    fn({
      doc: 'Adds a part, given as pairs of hex digits with blanks between them, to a multipart body.',
      args: [str('hex'), str('type')],
      routes: sometimes,
      run: (ctx, _params: unknown, hex, type) => appendHexPart(ctx, hex, type),
    }),
    fn({
      doc: 'Adds a part given in hex, with a Content-Disposition, to a multipart body.',
      args: [quoted(str('hex')), quoted(str('type')), quoted(str('disposition'))],
      routes: sometimes,
      run: (ctx, _params: unknown, hex, type, disposition) => appendHexPart(ctx, hex, type, disposition),
    }),
  ),
  remove_body_part: fn({
    doc: 'Removes the first part of that type from a multipart body.',
    args: [str('type')],
    routes: sometimes,
    run: (ctx, _params: unknown, type) => code(body.removePart(ctx.msg, type)),
  }),
  get_body_part: fn({
    doc: 'Stores the first part of that type in a variable, from the CRLF of its empty line on.',
    args: [quoted(str('type')), quoted(variable('result', { writable: true }))],
    routes: mostly,
    run: (ctx, _params: unknown, type, result) => {
      const part = body.bodyPartText(ctx.msg, type, false);
      if (part === undefined) return -1;
      result.set?.(ctx, part);
      return 1;
    },
  }),
  get_body_part_raw: fn({
    doc: 'Stores the first part of that type in a variable, with its headers and the boundary line behind it.',
    args: [quoted(str('type')), quoted(variable('result', { writable: true }))],
    routes: mostly,
    run: (ctx, _params: unknown, type, result) => {
      const part = body.bodyPartText(ctx.msg, type, true);
      if (part === undefined) return -1;
      result.set?.(ctx, part);
      return 1;
    },
  }),
};

const separator = () =>
  parsed('separator', 'character', (t) => (t.length === 1 ? { ok: t } : { error: 'the separator is one character' }));

/** Return codes of search_str(). */
const EVERYTHING = 2;
const NOTHING_TO_SEARCH = -2;

function audioHold(msg: SipMessage): number {
  const sdp = sdpOf(msg);
  if (typeof sdp === 'string') return -1;
  for (const session of sdp.sessions) {
    const hold = session.streams.filter((s) => s.media.text === 'audio').find((s) => s.hold || session.hold);
    if (hold !== undefined) return hold.hold || session.hold;
  }
  return -1;
}

const questions = {
  is_method: fn({
    doc: 'True if the method, that of CSeq in a reply, is one of those given: "INVITE|BYE". Names ignore case.',
    args: [parsed('methods', 'method names', parseMethods)],
    example: 'if (is_method("INVITE|OPTIONS")) xlog("one of them\\n");\n#> one of them',
    run: (ctx, _params: unknown, test) => code(test(ctx.msg)),
  }),
  is_privacy: fn({
    doc: 'True if the Privacy header holds the value: header, session, user, none, critical, id, history.',
    args: [
      parsed('value', 'privacy value', (t) => {
        const value = text.privacyValue(t);
        return value === undefined ? { error: `invalid privacy value '${t}'` } : { ok: value };
      }),
    ],
    run: (ctx, _params: unknown, value) => {
      const header = ctx.msg.firstValue(HDR.PRIVACY);
      return code(header !== undefined && text.privacyHolds(header, value));
    },
  }),
  in_list: fn({
    doc: 'True if the value is one of the list; blanks round the items do not count, case does.',
    args: [str('value'), str('list'), separator()],
    run: (_ctx, _params: unknown, value, list, sep) => code(text.inList(value, list, sep)),
  }),
  in_list_prefix: fn({
    doc: 'True if the value begins with one of the list.',
    args: [str('value'), str('list'), separator()],
    run: (_ctx, _params: unknown, value, list, sep) => code(text.inListPrefix(value, list, sep)),
  }),
  cmp_str: fn({
    doc: 'True if the texts are equal; -1 if the first is greater, -2 if the second is.',
    args: [str('a'), str('b')],
    run: (_ctx, _params: unknown, a, b) => text.compared(a, b),
  }),
  cmp_istr: fn({
    doc: 'True if the texts are equal but for case.',
    args: [str('a'), str('b')],
    run: (_ctx, _params: unknown, a, b) => text.comparedIgnoringCase(a, b),
  }),
  starts_with: fn({
    doc: 'True if the first text begins with the second.',
    args: [str('text'), str('prefix')],
    run: (_ctx, _params: unknown, t, prefix) =>
      t.length < prefix.length ? -1 : text.compared(t.slice(0, prefix.length), prefix),
  }),
  ends_with: fn({
    doc: 'True if the first text ends with the second.',
    args: [str('text'), str('suffix')],
    run: (_ctx, _params: unknown, t, suffix) =>
      t.length < suffix.length ? -1 : text.compared(t.slice(t.length - suffix.length), suffix),
  }),
  str_find: fn({
    doc: 'Position, from 1, of the second text in the first; false if it is not there.',
    args: [str('text'), str('part')],
    run: (_ctx, _params: unknown, t, part) => text.positionOf(t, part),
  }),
  str_ifind: fn({
    doc: 'Position, from 1, of the second text in the first, case ignored.',
    args: [str('text'), str('part')],
    run: (_ctx, _params: unknown, t, part) => text.positionOf(text.lower(t), text.lower(part)),
  }),
  search_str: fn({
    doc: 'True if the regular expression matches the text; 2 for an empty expression, -2 for an empty text or a bad expression.',
    args: [str('text'), late()],
    run(_ctx, _params: unknown, t, r) {
      if (r?.source === '') return EVERYTHING;
      return t === '' || r === undefined ? NOTHING_TO_SEARCH : code(r.test(t));
    },
  }),
  is_audio_on_hold: fn({
    doc: 'True if an audio stream of the SDP is on hold: 1 by the address 0.0.0.0, 2 by sendonly or inactive.',
    args: [],
    run: (ctx) => audioHold(ctx.msg),
  }),
  regex_substring: fn({
    doc: 'Stores group `index` of a match in a variable; `count` is at least the groups + 1. `^` never matches. -2: no match.',
    args: [
      quoted(str('text')),
      quoted(str('re')),
      quoted(int('index')),
      quoted(int('count')),
      quoted(variable('result', { writable: true })),
    ],
    routes: mostly,
    run: (ctx, _params: unknown, t, source, index, count, result) => {
      const compiled = index > count - 1 || index < 0 ? undefined : cachedRegex(source, {});
      if (compiled === undefined) return -1;
      const m = compiled.exec(t, 0, true);
      if (m === undefined) return -2;
      const [start, end] = m.groups[index] ?? [-1, -1];
      if (start < 0 || start === end) return -1;
      result.set?.(ctx, t.slice(start, end));
      return 1;
    },
  }),
};

export const textops = defineModule({
  name: 'textops',
  doc: 'Searches and changes the text of messages. Changes are seen by the next hop; msg_apply_changes() shows them to the script.',
  functions: { ...search, ...replace, ...substFunctions, ...headerFunctions, ...bodyFunctions, ...questions },
  transformations: { re: reTransformations },
});
