/** Functions on the request URI and on URIs held in variables. */
import type { Context } from '../../runtime/context.js';
import { fn, type PvAccessor, str, strictStr, toText, type Value, variable } from '../../runtime/module.js';
import { MAX_URI_SIZE } from '../../runtime/uri-rewrite.js';
import { parseUri } from '../../sip/uri.js';
import { anyParams, ownParams, paramNamed, paramsOf, plain, refused, requestUri } from './support.js';

const WHERE = ['request', 'branch', 'failure'] as const;

// ------------------------------------------------- parameters of the request URI

/** Names count to the letter. Without `value`: is it there without one? */
function hasParam(ctx: Context, name: string, value?: string): boolean {
  const uri = requestUri(ctx);
  const found = uri && paramsOf(ownParams(uri)).find((p) => p.name === name);
  return found !== undefined && found.value === (value ?? '');
}

function addParam(ctx: Context, param: string): number {
  if (param === '') return 1;
  if (requestUri(ctx) === undefined) return -1;
  const text = ctx.msg.uri;
  if (text.length + param.length + 1 > MAX_URI_SIZE) return refused(ctx, 'new ruri too long');
  const headers = text.indexOf('?');
  const end = headers < 0 ? text.length : headers;
  ctx.msg.newUri = `${text.slice(0, end)};${param}${text.slice(end)}`;
  return 1;
}

function removeParam(ctx: Context, name: string): number {
  const text = ctx.msg.uri;
  const uri = requestUri(ctx);
  if (uri === undefined) return -1;
  const params = anyParams(uri);
  const found = paramNamed(params, name);
  if (found === undefined) return 1;
  const at = text.indexOf(`;${params}`) + 1;
  ctx.msg.newUri = text.slice(0, text.lastIndexOf(';', at + found.start)) + text.slice(at + found.end);
  return 1;
}

// --------------------------------------------------------- URIs in variables

/** Text of a variable that must have one; undefined where it is null. */
function textOf(ctx: Context, value: Value, what: string): string | undefined {
  if (value !== null && value !== undefined) return toText(value);
  refused(ctx, `${what} value is not string`);
  return undefined;
}

function edit(
  ctx: Context,
  target: PvAccessor,
  part: PvAccessor,
  what: string,
  change: (uri: string, colon: number, part: string) => string | undefined,
): number {
  const uri = textOf(ctx, target.get(ctx), 'uri');
  const value = uri === undefined ? undefined : textOf(ctx, part.get(ctx), what);
  if (uri === undefined || value === undefined) return -1;
  if (uri === '') return refused(ctx, 'missing uri value');
  const colon = uri.indexOf(':');
  if (colon < 0) return refused(ctx, "uri does not contain ':' character");
  const changed = change(uri, colon, value);
  if (changed === undefined) return refused(ctx, `${what} of uri cannot be empty`);
  if (changed.length > MAX_URI_SIZE) return refused(ctx, 'resulting uri would be too large');
  if (changed !== uri || value !== '') target.set!(ctx, changed);
  return 1;
}

function withUser(uri: string, colon: number, user: string): string {
  const at = uri.indexOf('@');
  const scheme = uri.slice(0, colon + 1);
  const rest = at < 0 ? uri.slice(colon + 1) : uri.slice(at + 1);
  return user === '' ? scheme + rest : `${scheme}${user}@${rest}`;
}

/** The old host ends at the first `:`, `;` or `?`, in brackets too (seen). */
function withHost(uri: string, colon: number, host: string): string | undefined {
  if (host === '') return undefined;
  const at = uri.indexOf('@', colon + 1);
  const start = at < 0 ? colon + 1 : at + 1;
  const length = uri.slice(start).search(/[:;?]/);
  return uri.slice(0, start) + host + (length < 0 ? '' : uri.slice(start + length));
}

const CONVERTED = 1;
const NO_TEL_URI = 2;

/** Separators in front of the first parameter are dropped, and everything is put in lower case (seen). */
function telToSip(uri: string, host: string): string | undefined {
  if (!/^tel:/i.test(uri)) return undefined;
  const params = uri.indexOf(';');
  const end = params < 0 ? uri.length : params;
  const number = uri.slice(4, end).replace(/[-.()]/g, '');
  return `sip:${(number + uri.slice(end)).toLowerCase()}@${host};user=phone`;
}

const editArgs = [variable('uri', { writable: true }), variable('value')] as const;

export const URI_FUNCTIONS = {
  is_uri: fn({ doc: 'Is the text a URI?', args: [str('uri')], run: (_ctx, _p, text) => (parseUri(text) ? 1 : -1) }),
  uri_param: fn({
    doc: 'Has the request URI the parameter, with the value given or without one? Names count to the letter.',
    args: [str('name'), { ...str('value'), optional: true as const }],
    routes: WHERE,
    run: (ctx, _p, name, value) => (hasParam(ctx, name, value) ? 1 : -1),
  }),
  uri_param_any: fn({
    doc: 'Has the request URI the parameter, with or without a value?',
    args: [str('name')],
    routes: WHERE,
    run(ctx, _p, name) {
      const uri = requestUri(ctx);
      return uri !== undefined && paramNamed(anyParams(uri), name) !== undefined ? 1 : -1;
    },
  }),
  add_uri_param: fn({
    doc: 'Adds a parameter to the request URI, before its headers.',
    args: [plain('parameter')],
    routes: ['request'],
    run: (ctx, _p, param) => addParam(ctx, param),
  }),
  get_uri_param: fn({
    doc: 'Gives the value of a parameter of the request URI, without quotes.',
    args: [plain('name'), variable('result', { writable: true })],
    routes: ['request', 'local'],
    run(ctx, _p, name, result) {
      const uri = requestUri(ctx);
      const found = uri && paramsOf(ownParams(uri)).find((p) => p.name === name);
      if (found === undefined) return -1;
      result.set!(ctx, found.value);
      return 1;
    },
  }),
  uri_param_rm: fn({
    doc: 'Takes a parameter off the request URI; true when there is none too.',
    args: [str('name')],
    routes: WHERE,
    run: (ctx, _p, name) => removeParam(ctx, name),
  }),
  tel2sip: fn({
    doc: 'Makes a sip URI at the host of a tel URI: 1 done, 2 the URI is no tel URI.',
    args: [
      { ...strictStr('uri'), dynamic: false },
      { ...strictStr('host'), dynamic: false },
      { ...variable('result', { writable: true }), dynamic: false },
    ],
    routes: ['request', 'failure', 'branch', 'reply'],
    run(ctx, _p, uri, host, result) {
      const made = telToSip(uri, host);
      if (made === undefined) return NO_TEL_URI;
      return result.set!(ctx, made) === false ? -1 : CONVERTED;
    },
  }),
  set_uri_user: fn({
    doc: 'Replaces the user of the URI in a variable; an empty one takes it off.',
    args: editArgs,
    run: (ctx, _p, target, value) => edit(ctx, target, value, 'uriuser', withUser),
  }),
  set_uri_host: fn({
    doc: 'Replaces the host of the URI in a variable.',
    args: editArgs,
    run: (ctx, _p, target, value) => edit(ctx, target, value, 'hostpart', withHost),
  }),
  is_gruu: fn({
    doc: 'Is the URI, or the request URI, a GRUU: 1 a public one (gr=value), 2 a temporary one (gr).',
    args: [{ ...str('uri'), optional: true as const }],
    run(ctx, _p, text) {
      const uri = text === undefined ? requestUri(ctx) : parseUri(text);
      if (uri === undefined) return text === undefined ? -1 : refused(ctx, `parsing of uri '${text}' failed`);
      const gr = paramNamed(anyParams(uri), 'gr');
      if (gr === undefined) return -1;
      return gr.value === '' ? 2 : 1;
    },
  }),
};
