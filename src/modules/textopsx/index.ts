/** Kamailio's textopsx: applying changes, items of header lists, iterators. */
import type { Context } from '../../runtime/context.js';
import {
  type BindResult,
  defineModule,
  fn,
  forms,
  int,
  opt,
  type PvAccessor,
  type PvUse,
  parsed,
  pvWith,
  quoted,
  ROUTE,
  regex,
  str,
  type Value,
} from '../../runtime/module.js';
import { rebuild } from '../../sip/build.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { removeBody, removeHeader } from '../textops/body.js';
import * as change from './change-values.js';
import { fnmatch } from './fnmatch.js';
import { parseValuePath, type ValuePath } from './header-values.js';
import * as iterators from './iterators.js';
import { selects } from './selects.js';

const code = (ok: boolean): number => (ok ? 1 : -1);

/** Kamailio's buffer for a message. */
const MAX_MESSAGE = 65535;

/** Puts `text` in place of the message; 0, which ends the script, when it is none. */
function setText(msg: SipMessage, text: string): number {
  if (text.length >= MAX_MESSAGE || text === '') return -1;
  if (!msg.replaceText(text)) return 0;
  msg.newUri = null;
  msg.ruid = null;
  msg.locationUa = null;
  msg.instance = null;
  msg.replyHeaders = [];
  msg.replyBody = null;
  return 1;
}

/** Only a request route and replies may have their message replaced. */
const mayReplace = (ctx: Context) => !ctx.msg.isRequest || (ctx.routeType & ROUTE.REQUEST) !== 0;

function changeStatus(ctx: Context, status: number, reason: string | undefined): number {
  const { msg } = ctx;
  const kept = Math.floor(msg.status / 100);
  if (status < 100 || status > 699 || reason === '' || msg.isRequest) return -1;
  if ((status < 300 || msg.status < 300) && Math.floor(status / 100) !== kept) return -1;
  const at = msg.startLineStart + msg.version.length + 1;
  msg.text = `${msg.text.slice(0, at)}${status}${msg.text.slice(at + 3)}`;
  msg.status = status;
  if (reason !== undefined) msg.edits.replace(at + 4, msg.reason.length, reason);
  return 1;
}

/** Never removed by keep_hf(). */
const KEPT: ReadonlySet<number> = new Set([
  HDR.FROM,
  HDR.TO,
  HDR.CALLID,
  HDR.CSEQ,
  HDR.VIA,
  HDR.CONTACT,
  HDR.CONTENTLENGTH,
  HDR.CONTENTTYPE,
  HDR.ROUTE,
  HDR.RECORDROUTE,
  HDR.MAXFORWARDS,
]);

const valuePath = (kind: 'append' | 'change' | 'assign' | 'list') =>
  parsed('header', 'header value', (text): BindResult<ValuePath> => {
    const path = parseValuePath(text);
    if ('error' in path) return path;
    const { all, param, indexed } = path.ok;
    if (kind === 'append' && (all || param !== ''))
      return { error: `neither * nor a parameter may stand in '${text}'` };
    if (kind === 'assign' && all && param === '') return { error: `'${text}': asterisk not supported without param` };
    if (kind === 'list' && (indexed || param !== ''))
      return { error: `neither index nor param may be specified in '${text}'` };
    return path;
  });

const usual = ['request', 'reply', 'failure', 'branch'] as const;
const value = () => quoted(str('value'));

const valueFunctions = {
  append_hf_value: fn({
    doc: 'Adds a header behind all others; with an index, a value behind that one of a list.',
    args: [valuePath('append'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.appendValue(ctx.msg, path, v)),
  }),
  insert_hf_value: fn({
    doc: 'Adds a header before the first of its name; with an index, a value before that one of a list.',
    args: [valuePath('append'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.insertValueBefore(ctx.msg, path, v)),
  }),
  remove_hf_value: fn({
    doc: 'Removes a value of a list, or a parameter of it: "X-List[2]", "Via[*].received".',
    args: [valuePath('change')],
    routes: usual,
    run: (ctx, _params: unknown, path) => code(change.changeValue(ctx.msg, path, undefined)),
  }),
  assign_hf_value: fn({
    doc: 'Replaces a value of a list, the first by default, or sets a parameter of it.',
    args: [valuePath('assign'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.changeValue(ctx.msg, path, v)),
  }),
  remove_hf_value2: fn({
    doc: 'Removes a header, or a parameter of one whose parameters are parted by commas (Authorization).',
    args: [valuePath('change')],
    routes: usual,
    run: (ctx, _params: unknown, path) => code(change.changeWholeValue(ctx.msg, path, undefined)),
  }),
  assign_hf_value2: fn({
    doc: 'Replaces the value of a header, or sets a parameter of one whose parameters are parted by commas.',
    args: [valuePath('assign'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.changeWholeValue(ctx.msg, path, v)),
  }),
  include_hf_value: fn({
    doc: 'Adds the value to the list unless it is there, case ignored.',
    args: [valuePath('list'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.includeValue(ctx.msg, path, v)),
  }),
  exclude_hf_value: fn({
    doc: 'Takes the value off all lists of the name.',
    args: [valuePath('list'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.excludeValue(ctx.msg, path, v)),
  }),
  hf_value_exists: fn({
    doc: 'True if some list of the name has the value, case ignored.',
    args: [valuePath('list'), value()],
    routes: usual,
    run: (ctx, _params: unknown, path, v) => code(change.hasValue(ctx.msg, path, v)),
  }),
};

type Step = (ctx: Context, name: string) => boolean;
const step = (doc: string, run: Step) =>
  fn({ doc, args: [str('iterator')], run: (ctx, _params: unknown, name) => code(run(ctx, name)) });
const stepWith = (doc: string, run: (ctx: Context, name: string, text: string) => boolean) =>
  fn({
    doc,
    args: [str('iterator'), str('text')],
    run: (ctx, _params: unknown, name, text) => code(run(ctx, name, text)),
  });

function at<T extends { start: number; end: number }>(
  ctx: Context,
  found: T | undefined,
  edge: 'start' | 'end',
  text: string,
): boolean {
  if (found !== undefined) ctx.msg.edits.insert(found[edge], text);
  return found !== undefined;
}

function cut(ctx: Context, found: { start: number; end: number } | undefined): boolean {
  if (found !== undefined) ctx.msg.edits.replace(found.start, found.end - found.start);
  return found !== undefined;
}

const iteratorFunctions = {
  hf_iterator_start: step('Starts an iterator over the header lines.', iterators.startHeaders),
  hf_iterator_next: step('Goes to the next header; false behind the last.', iterators.nextHeader),
  hf_iterator_prev: step('Goes back to the header before.', iterators.previousHeader),
  hf_iterator_end: step('Ends the iterator.', iterators.endHeaders),
  hf_iterator_rm: step('Removes the header in view.', (ctx, name) => cut(ctx, iterators.headerInView(ctx, name))),
  hf_iterator_append: stepWith('Adds a header, CRLF included, behind the one in view.', (ctx, name, text) =>
    at(ctx, iterators.headerInView(ctx, name), 'end', text),
  ),
  hf_iterator_insert: stepWith('Adds a header, CRLF included, before the one in view.', (ctx, name, text) =>
    at(ctx, iterators.headerInView(ctx, name), 'start', text),
  ),
  bl_iterator_start: step('Starts an iterator over the lines of the body.', iterators.startLines),
  bl_iterator_next: step('Goes to the next line; false behind the last.', iterators.nextLine),
  bl_iterator_end: step('Ends the iterator.', iterators.endLines),
  bl_iterator_rm: step('Removes the line in view.', (ctx, name) => cut(ctx, iterators.lineInView(ctx, name))),
  bl_iterator_append: stepWith('Adds a line, CRLF included, behind the one in view.', (ctx, name, text) =>
    at(ctx, iterators.lineInView(ctx, name), 'end', text),
  ),
  bl_iterator_insert: stepWith('Adds a line, CRLF included, before the one in view.', (ctx, name, text) =>
    at(ctx, iterators.lineInView(ctx, name), 'start', text),
  ),
};

/** `$name(iterator)`: the name is fixed text. */
function iteratorPv(doc: string, get: (ctx: Context, name: string) => Value) {
  return pvWith({
    doc,
    bind(use: PvUse): BindResult<PvAccessor> {
      const name = use.key?.text ?? '';
      return name === '' ? { error: 'the name of an iterator is wanted' } : { ok: { get: (ctx) => get(ctx, name) } };
    },
  });
}

export const textopsx = defineModule({
  name: 'textopsx',
  doc: 'Applies changes to the message, changes items of header lists, walks over header and body lines.',
  functions: {
    msg_apply_changes: fn({
      doc: 'Rebuilds the message with all changes so far, so that the script sees them.',
      args: [],
      routes: ['request', 'reply'],
      run(ctx) {
        if (!mayReplace(ctx) || ctx.msg.edits.list.some((e) => e.tag?.startsWith('record-route'))) return -1;
        return setText(ctx.msg, rebuild(ctx.msg));
      },
    }),
    msg_set_buffer: fn({
      doc: 'Puts a text in place of the message.',
      args: [str('text')],
      routes: ['request', 'reply'],
      run: (ctx, _params: unknown, text) => (mayReplace(ctx) ? setText(ctx.msg, text) : -1),
    }),
    change_reply_status: fn({
      doc: 'Changes status and reason of a reply; the class of provisional and 2xx replies stays. `$rs` follows at once.',
      args: [quoted(int('status')), quoted(str('reason'))],
      routes: ['reply'],
      run: (ctx, _params: unknown, status, reason) => changeStatus(ctx, status, reason),
    }),
    change_reply_status_code: fn({
      doc: 'Changes the status of a reply and keeps its reason.',
      args: [int('status')],
      routes: ['reply'],
      run: (ctx, _params: unknown, status) => changeStatus(ctx, status, undefined),
    }),
    remove_body: fn({
      doc: 'Takes the body off; Content-Type stays.',
      args: [],
      run(ctx) {
        removeBody(ctx.msg);
        return 1;
      },
    }),
    keep_hf: fn({
      doc: 'Removes every header whose name does not match, but for those that SIP needs. Always false, as in 5.6.3.',
      args: [opt(regex('re', { ignoreCase: true, newline: true }))],
      run(ctx, _params: unknown, re) {
        for (const h of ctx.msg.headers) if (!KEPT.has(h.id) && !re?.test(h.name)) removeHeader(ctx.msg, h);
        return -1;
      },
    }),
    fnmatch: forms(
      fn({
        doc: 'True if the text matches the shell pattern; case matters.',
        args: [quoted(str('text')), quoted(str('pattern'))],
        run: (_ctx, _params: unknown, text, pattern) => code(fnmatch(pattern, text)),
      }),
      fn({
        doc: 'True if the text matches the shell pattern; the flag `i` has no effect, as in 5.6.3.',
        args: [quoted(str('text')), quoted(str('pattern')), quoted(str('flags'))],
        run: (_ctx, _params: unknown, text, pattern) => code(fnmatch(pattern, text)),
      }),
    ),
    ...valueFunctions,
    ...iteratorFunctions,
  },
  pvs: {
    hfitname: iteratorPv(
      'Name of the header in view of an iterator.',
      (ctx, name) => iterators.headerInView(ctx, name)?.name ?? null,
    ),
    hfitbody: iteratorPv('Value of the header in view of an iterator.', (ctx, name) => {
      const header = iterators.headerInView(ctx, name);
      return header === undefined ? null : ctx.msg.value(header);
    }),
    blitval: iteratorPv('The body line in view of an iterator, with its CRLF.', (ctx, name) => {
      const line = iterators.lineInView(ctx, name);
      return line === undefined ? null : ctx.msg.text.slice(line.start, line.end);
    }),
  },
  selects,
});
