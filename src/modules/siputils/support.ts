/** What the functions of siputils share. */
import type { Context } from '../../runtime/context.js';
import { type ArgDefinition, LEVEL, printed } from '../../runtime/module.js';
import { parseUri, type SipUri } from '../../sip/uri.js';

export function logError(ctx: Context, text: string): void {
  ctx.host.log.write(LEVEL.ERR, 'siputils', `${text}\n`);
}

export function refused(ctx: Context, text: string, code = -1): number {
  logError(ctx, text);
  return code;
}

/** Text as it stands, variables in it included; an expression gives its value. */
export function plain(name: string): ArgDefinition<string, false> {
  return {
    name,
    type: 'text',
    optional: false,
    dynamic: true,
    bind(source) {
      if (source.kind === 'constant') return { ok: { kind: 'constant', value: source.text } };
      return { ok: { kind: 'dynamic', get: (ctx) => printed(source.get(ctx)) } };
    },
  };
}

/** The request URI in force, taken apart. */
export function requestUri(ctx: Context): SipUri | undefined {
  const uri = parseUri(ctx.msg.uri);
  if (uri === undefined) logError(ctx, 'ruri parsing failed');
  return uri;
}

/** Is it a number in a sip URI (`user=phone`)? Then the parameters before `@` are the URI's, those behind the host's. */
const isPhone = (uri: SipUri) => uri.scheme !== uri.type;

export function ownParams(uri: SipUri): string {
  return isPhone(uri) ? uri.userParams : uri.params;
}

/** Those behind the host, else those before `@`. */
export function anyParams(uri: SipUri): string {
  return uri.params === '' ? uri.userParams : uri.params;
}

/** One parameter in a text of them. */
export interface Param {
  readonly name: string;
  /** Without quotes; '' when there is none. */
  readonly value: string;
  /** Offsets in the text: of the name, and after the value; a closing quote is left out, as 5.6.3 does. */
  readonly start: number;
  readonly end: number;
}

const PARAM = /[\s;]*([^\s=;]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*)))?/y;

export function paramsOf(text: string): Param[] {
  const out: Param[] = [];
  PARAM.lastIndex = 0;
  for (let m = PARAM.exec(text); m !== null; m = PARAM.exec(text)) {
    const [whole, name = '', quoted, bare] = m;
    const value = quoted ?? bare?.trimEnd() ?? '';
    const start = m.index + whole.indexOf(name);
    const end = value === '' ? start + name.length : m.index + whole.lastIndexOf(value) + value.length;
    out.push({ name, value, start, end });
  }
  return out;
}

export function paramNamed(text: string, name: string): Param | undefined {
  const lower = name.toLowerCase();
  return paramsOf(text).find((p) => p.name.toLowerCase() === lower);
}
