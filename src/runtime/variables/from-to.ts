/**
 * From and To (variables.md, section 3). Writes are edits of the outgoing message: reads keep the received value until
 * msg_apply_changes().
 */
import { type FromTo, fromOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import type { SipUri } from '../../sip/uri.js';
import type { Context } from '../context.js';
import { type PvDefinition, pv } from '../module.js';
import type { Value } from '../values.js';
import { uriHost, uriUser } from './request-uri.js';
import { assignedText, type Get, isNull, logError, logWarning, orNull } from './support.js';

type Which = (msg: SipMessage) => FromTo | undefined;

function part(which: Which, read: (value: FromTo) => Value): Get {
  return (ctx) => {
    const value = which(ctx.msg);
    return value === undefined ? null : read(value);
  };
}

function uriPart(which: Which, read: (uri: SipUri) => Value): Get {
  return (ctx) => {
    const value = which(ctx.msg);
    const uri = value?.uriParts;
    return uri === undefined ? null : read(uri);
  };
}

// ------------------------------------------------------------------ writes

/** What a write does to the text of the message. */
interface Change {
  readonly at: number;
  readonly remove: number;
  readonly text: string;
}

type Plan = (value: FromTo, uri: SipUri, text: string | null, msg: SipMessage) => Change | null | 'refused';

const changeUri: Plan = (value, _uri, text) =>
  text === null ? 'refused' : { at: value.uriStart, remove: value.uriEnd - value.uriStart, text };

const changeUser: Plan = (value, uri, text, msg) => {
  const start = value.uriStart + uri.scheme.length + 1;
  const length = uri.user?.length ?? 0;
  if (length === 0) return text === null ? null : { at: hostStart(value, uri), remove: 0, text: `${text}@` };
  if (text !== null) return { at: start, remove: length, text };
  return { at: start, remove: length + (msg.text[start + length] === '@' ? 1 : 0), text: '' };
};

const changeDomain: Plan = (value, uri, text) => {
  if (text === null) return 'refused';
  return uri.host === '' ? null : { at: hostStart(value, uri), remove: uri.host.length, text };
};

const changeDisplay: Plan = (value, _uri, text, msg) => {
  const { displayStart: at, displayEnd: end } = value;
  if (at === end) return text === null ? null : { at: value.valueStart, remove: 0, text: `${text} ` };
  if (text !== null) return { at, remove: end - at, text };
  return { at, remove: end - at + (msg.text[end] === ' ' ? 1 : 0), text: '' };
};

/** Offset of the host in the message: after user and password. A tel: URI's number stands there. */
function hostStart(value: FromTo, uri: SipUri): number {
  const at = value.uri.indexOf('@');
  const hasUser = uri.user !== null && uri.scheme !== 'tel' && at >= 0;
  return value.uriStart + (hasUser ? at + 1 : uri.scheme.length + 1);
}

function setter(header: string, which: Which, what: string, plan: Plan) {
  return (ctx: Context, assigned: Value): boolean => {
    const value = which(ctx.msg);
    const uri = value?.uriParts;
    if (value === undefined || uri === undefined) return logError(ctx, `cannot parse ${header} header URI`);
    const text = isNull(assigned) ? null : assignedText(assigned);
    if (text === undefined) return logError(ctx, `attempt to assign non-str value to ${header} header ${what}`);
    const change = plan(value, uri, text, ctx.msg);
    if (change === 'refused') logWarning(ctx, `${header} header ${what} cannot be deleted`);
    else if (change !== null) apply(ctx.msg, change);
    return true;
  };
}

function apply(msg: SipMessage, { at, remove, text }: Change): void {
  if (remove > 0) msg.edits.replace(at, remove, text);
  else if (text !== '') msg.edits.insert(at, text);
}

// --------------------------------------------------------------- the table

function family(header: 'From' | 'To', which: Which): Record<string, PvDefinition> {
  const letter = header[0]!.toLowerCase();
  const name = header.toLowerCase();
  const set = (what: string, plan: Plan) => setter(header, which, what, plan);
  const uri = pv(
    `URI of ${header} with its parameters.`,
    part(which, (v) => v.uri),
    set('URI', changeUri),
  );
  const user = pv(`User of the ${header} URI.`, uriPart(which, uriUser), set('URI user', changeUser));
  const domain = pv(`Host of the ${header} URI.`, uriPart(which, uriHost), set('URI domain', changeDomain));
  return {
    [`${letter}u`]: uri,
    [name]: uri,
    [`${letter}U`]: user,
    [`${name}.user`]: user,
    [`${letter}d`]: domain,
    [`${name}.domain`]: domain,
    [`${letter}n`]: pv(
      `Display name of ${header} with its quotes; null without one.`,
      part(which, (v) => orNull(v.display)),
      set('display name', changeDisplay),
    ),
    [`${letter}t`]: pv(
      `Tag of ${header}; null without one.`,
      part(which, (v) => v.tag ?? null),
    ),
    [`${letter}Ul`]: pv(
      `Length of the user of the ${header} URI.`,
      uriPart(which, (u) => u.user?.length ?? 0),
    ),
  };
}

export const FROM_TO: Readonly<Record<string, PvDefinition>> = { ...family('From', fromOf), ...family('To', toOf) };
