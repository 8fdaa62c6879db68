/** What kind of message it is, who sent it, what it supports. */
import { isIP } from 'node:net';
import type { Context } from '../../runtime/context.js';
import { fn, int, opt, parsed, str } from '../../runtime/module.js';
import { sendReply } from '../../runtime/replies.js';
import { CHECKED_CREDENTIALS } from '../../runtime/variables/auth.js';
import { routesOf, toOf, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseUri, uriTransport } from '../../sip/uri.js';
import { logError, refused } from './support.js';

export interface Params {
  readonly options_accept: string;
  readonly options_accept_encoding: string;
  readonly options_accept_language: string;
  readonly options_support: string;
}

// ------------------------------------------------------------- is_first_hop()

const SIP_PORT = 5060;

/** Reply: no Record-Route, or the top one is this server and the reply did not come from there. */
function replyFromFirstHop(ctx: Context, mode: number): boolean {
  const { msg, host } = ctx;
  const header = msg.first(HDR.RECORDROUTE);
  if (header === undefined) return true;
  const top = routesOf(msg, HDR.RECORDROUTE)[0];
  const uri = top && top.header === header ? parseUri(top.uri) : undefined;
  if (uri === undefined) return false;
  const ip = uri.host.replace(/^\[(.*)\]$/, '$1');
  if (mode === 0 && isIP(ip) === 0) return false;
  const proto = uriTransport(uri);
  if (!host.isMyself(uri.host, uri.port, proto)) return false;
  if (mode !== 0) return true;
  const { srcIp, srcPort, proto: by } = msg.received;
  return ip !== srcIp || (uri.port || SIP_PORT) !== srcPort || (proto ?? 'udp') !== by;
}

// ------------------------------------------------------------- is_supported()

const OPTION_TAGS: ReadonlySet<string> = new Set(['path', 'gruu', 'timer', '100rel', 'outbound', 'eventlist']);

const optionTag = parsed('option', 'option tag', (text) => {
  const tag = text.toLowerCase();
  return OPTION_TAGS.has(tag) ? { ok: tag } : { error: `unknown option <${text}>` };
});

function supports({ msg }: Context, tag: string): boolean {
  return msg.headers.some(
    (h) =>
      h.id === HDR.SUPPORTED &&
      msg
        .value(h)
        .toLowerCase()
        .split(/[\s,]+/)
        .includes(tag),
  );
}

// ----------------------------------------------------------- hdr_date_check()

const OUTDATED = -4;

function checkDate(ctx: Context, seconds: number): number {
  const text = ctx.msg.firstValue(HDR.DATE);
  if (text === undefined) return refused(ctx, 'Date header field is not found');
  const sent = Math.floor(Date.parse(text) / 1000);
  if (Number.isNaN(sent)) return refused(ctx, 'failed parsing DATE body');
  const now = Math.floor(ctx.host.clock.now() / 1000);
  if (now <= sent + seconds) {
    logError(ctx, 'Date header value OK');
    return 1;
  }
  return refused(ctx, `autdated date header value (${now - sent + seconds} sec)`, OUTDATED);
}

// ------------------------------------------------------------ options_reply()

/** The headers stay with the request, so that a later reply has them too. */
function answerOptions(ctx: Context, p: Params): number {
  const { msg } = ctx;
  if (msg.method !== 'OPTIONS') return refused(ctx, 'called for non-OPTIONS request');
  const uri = parseUri(msg.uri);
  if (uri === undefined) return refused(ctx, 'ERROR while parsing the R-URI');
  if (uri.user) return refused(ctx, 'ruri contains username');
  msg.replyHeaders.push(
    `Accept: ${p.options_accept}\r\nAccept-Encoding: ${p.options_accept_encoding}\r\n` +
      `Accept-Language: ${p.options_accept_language}\r\nSupported: ${p.options_support}\r\n`,
  );
  if (sendReply(ctx, 200, 'OK') !== -1) return 1;
  return refused(ctx, 'failed to send 200 via send_reply');
}

function isUser(ctx: Context, name: string): number {
  const checked = ctx.msg.slots.get(CHECKED_CREDENTIALS) as { readonly user: string } | undefined;
  if (checked === undefined)
    return refused(ctx, 'no authorized credentials found: call www_authorize() and its like before');
  return checked.user !== '' && checked.user === name ? 1 : -1;
}

export const MESSAGE_FUNCTIONS = {
  is_request: fn({ doc: 'Is it a request?', args: [], run: (ctx) => (ctx.msg.isRequest ? 1 : -1) }),
  is_reply: fn({ doc: 'Is it a reply?', args: [], run: (ctx) => (ctx.msg.isRequest ? -1 : 1) }),
  has_totag: fn({
    doc: 'Has To a tag: does the message belong to a dialog?',
    args: [],
    run: (ctx) => (toOf(ctx.msg)?.tag === undefined ? -1 : 1),
  }),
  is_first_hop: fn({
    doc:
      'Does the message come from its sender directly? Request: it has one Via. Reply: the top Record-Route is this ' +
      'server; with mode 1 it may be a host name.',
    args: [opt(int('mode'))],
    run(ctx, _p, mode = 0) {
      const first = ctx.msg.isRequest ? viasOf(ctx.msg).length < 2 : replyFromFirstHop(ctx, mode);
      return first ? 1 : -1;
    },
  }),
  is_supported: fn({
    doc: `Is the extension in Supported: ${[...OPTION_TAGS].join(', ')}?`,
    args: [optionTag],
    run: (ctx, _p, tag) => (supports(ctx, tag) ? 1 : -1),
  }),
  is_user: fn({
    doc: 'Is it the user of the checked credentials?',
    args: [str('user')],
    routes: ['request', 'local'],
    run: (ctx, _p, name) => isUser(ctx, name),
  }),
  options_reply: fn({
    doc: 'Answers an OPTIONS whose request URI has no user with 200 and what the server can; else false.',
    args: [],
    routes: ['request'],
    run: (ctx, p: Params) => answerOptions(ctx, p),
  }),
  hdr_date_check: fn({
    doc: 'Is the Date header no older than that many seconds? -4: it is.',
    args: [int('seconds')],
    run: (ctx, _p, seconds) => checkDate(ctx, seconds),
  }),
};
