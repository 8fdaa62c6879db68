/** Changes to the Contact of a message that came through NAT. */
import type { Context } from '../../runtime/context.js';
import { addAvp, avpKey } from '../../runtime/message-env.js';
import { LEVEL } from '../../runtime/module.js';
import { type Contact, contactsOf, contactWithUri } from '../../sip/header.js';
import { isIp } from '../../sip/ip.js';
import type { SipMessage } from '../../sip/message.js';
import { bracketed, PROTO_ID, type Proto, type Received, uriProto } from '../../sip/transport.js';
import { parseUri, protoOf, type SipUri, uriParam, uriTransport } from '../../sip/uri.js';
import { nathelperParams } from './params.js';

const OK = 1;
const NOTHING_TO_DO = 2;
const FAILED = -1;

/** Tag of the edits that replace a contact's URI. */
const REPLACED = 'contact uri';

export interface FoundContact {
  readonly contact: Contact;
  readonly uri: SipUri;
}

/** The contact that Kamailio takes for the first: the last of the first header. */
export function firstContact(msg: SipMessage): FoundContact | undefined {
  const all = contactsOf(msg);
  const first = all[0];
  if (first === undefined || first.star) return undefined;
  const contact = all.filter((c) => c.header === first.header).at(-1)!;
  const uri = parseUri(contact.uri);
  return uri === undefined || uri.host === '' ? undefined : { contact, uri };
}

function isReplaced(ctx: Context): boolean {
  if (ctx.msg.edits.size === 0 || !ctx.msg.edits.list.some((e) => e.tag === REPLACED)) return false;
  ctx.host.log.write(LEVEL.ERR, 'nathelper', "you can't update contact twice, check your config!\n");
  return true;
}

/** Puts another URI in the contact's place. Modules that come later see the new one, variables the old (seen). */
function replaceUri(msg: SipMessage, contact: Contact, uri: string, text = uri): void {
  const { address } = contact;
  if (address === undefined) return;
  msg.edits.replace(address.uriStart, address.uriEnd - address.uriStart, text, REPLACED);
  msg.parsed.contacts = contactsOf(msg).map((c) => (c === contact ? contactWithUri(c, uri) : c));
}

/** fix_nated_contact(): host and port become those the message came from; maddr makes no sense any more. */
export function fixContact(ctx: Context): number {
  const { msg } = ctx;
  const found = firstContact(msg);
  if (found === undefined || isReplaced(ctx)) return FAILED;
  const { contact, uri } = found;
  const { srcIp, srcPort } = msg.received;
  const { before, after } = aroundHostPort(contact.uri, uri);
  const tail = uriParam(uri, 'maddr') === undefined ? after : after.replace(/[ \t;]*;maddr\s*=[^;?]*/i, '');
  replaceUri(msg, contact, `${before}${bracketed(srcIp)}:${srcPort}${tail}`);
  return OK;
}

/** What stands before and after host and port of a URI. */
function aroundHostPort(text: string, uri: SipUri): { readonly before: string; readonly after: string } {
  const hostPort = uri.portText === '' ? uri.host : `${uri.host}:${uri.portText}`;
  const from = uri.user === null ? text.indexOf(':') + 1 : text.lastIndexOf('@') + 1;
  const at = text.indexOf(hostPort, from);
  return { before: text.slice(0, at), after: text.slice(at + hostPort.length) };
}

// ------------------------------------------------------------------- aliases

const names = new WeakMap<object, string>();

/** `;alias=` with the name that the parameter gives. */
export function aliasStart(ctx: Context): string {
  let start = names.get(ctx.program);
  if (start === undefined) {
    start = `;${nathelperParams(ctx.program).alias_name || 'alias'}=`;
    names.set(ctx.program, start);
  }
  return start;
}

function aliasValue({ srcIp, srcPort, proto }: Received): string {
  return `${bracketed(srcIp)}~${srcPort}~${PROTO_ID[proto]}`;
}

/** set_contact_alias(): the source address as last parameter of the URI; `trim`: an older one goes first. */
export function setAlias(ctx: Context, trim: boolean): number {
  const { msg } = ctx;
  const found = firstContact(msg);
  if (found === undefined || isReplaced(ctx)) return FAILED;
  const { contact } = found;
  const start = aliasStart(ctx);
  const old = trim ? trimmed(contact.uri, start) : contact.uri;
  const uri = `${old}${start}${aliasValue(msg.received)}`;
  const inBrackets = contact.address?.bracketed ?? false;
  replaceUri(msg, contact, uri, inBrackets ? uri : `<${uri}>`);
  return OK;
}

/** The URI without its last alias. */
function trimmed(uri: string, start: string): string {
  const at = uri.lastIndexOf(start);
  if (at < 0) return uri;
  const end = uri.indexOf(';', at + 1);
  return uri.slice(0, at) + (end < 0 ? '' : uri.slice(end));
}

/** add_contact_alias(): the parameter goes behind host and port. */
export function addAlias(ctx: Context, value?: string): number {
  const { msg } = ctx;
  if (contactsOf(msg).length === 0) return NOTHING_TO_DO;
  const found = firstContact(msg);
  if (found === undefined) return FAILED;
  if (value === undefined && comesFromThere(msg.received, found.uri)) return NOTHING_TO_DO;
  if (isReplaced(ctx)) return FAILED;
  const { contact, uri } = found;
  const { address } = contact;
  if (address === undefined) return FAILED;
  const at = address.uriStart + aroundEnd(contact.uri, uri);
  if (!address.bracketed) msg.edits.insert(contact.header.valueStart, '<');
  msg.edits.insert(at, `${aliasStart(ctx)}${value ?? aliasValue(msg.received)}${address.bracketed ? '' : '>'}`);
  return OK;
}

function aroundEnd(text: string, uri: SipUri): number {
  return text.length - aroundHostPort(text, uri).after.length;
}

const DEFAULT_PORT = 5060;

/** Does the contact name the very address, port and transport that the message came from? */
function comesFromThere({ srcIp, srcPort, proto }: Received, uri: SipUri): boolean {
  const host = uri.host.replace(/^\[(.*)\]$/, '$1');
  const samePort = srcPort === uri.port || (uri.portText === '' && srcPort === DEFAULT_PORT);
  return host === srcIp && samePort && uriTransport(uri) === proto;
}

/** The value for add_contact_alias(ip, port, proto); undefined where one of them is wrong. */
export function givenAlias(ip: string, port: string, proto: string): string | undefined {
  const known = protoOf(proto);
  const n = /^\d+$/.test(port) ? Number(port) : 0;
  if (!isIp(ip.replace(/^\[(.*)\]$/, '$1')) || n < 1 || n > 65535 || known === undefined) return undefined;
  return `${ip}~${port}~${PROTO_ID[known]}`;
}

const PROTOS = new Map<number, Proto>(Object.entries(PROTO_ID).map(([name, id]) => [id, name as Proto]));

interface Alias {
  readonly host: string;
  readonly port: string;
  readonly proto: Proto;
}

function parseAlias(value: string): Alias | undefined {
  const m = /^([^~]+)~([^~]*)~(\d)$/.exec(value);
  const proto = m === null ? undefined : PROTOS.get(Number(m[3]));
  return m === null || proto === undefined ? undefined : { host: m[1]!, port: m[2]!, proto };
}

/** handle_ruri_alias(): the first (mode 0) or last alias of the request URI becomes the next hop. */
export function takeAlias(ctx: Context, mode: number): number {
  const { msg } = ctx;
  const text = msg.uri;
  const uri = parseUri(text);
  if (uri === undefined) return FAILED;
  if (uri.params === '') return NOTHING_TO_DO;
  const start = aliasStart(ctx);
  const paramsAt = text.indexOf(`;${uri.params}`);
  const at = mode === 0 ? text.indexOf(start, paramsAt) : text.lastIndexOf(start);
  if (at < paramsAt) return NOTHING_TO_DO;
  const end = /[;?]|$/.exec(text.slice(at + 1))!.index + at + 1;
  const alias = parseAlias(text.slice(at + start.length, end));
  if (alias === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'nathelper', 'invalid alias param value\n');
    return FAILED;
  }
  msg.dstUri = `sip:${alias.host}:${alias.port}${alias.proto === 'udp' ? '' : `;transport=${uriProto(alias.proto)}`}`;
  msg.newUri = text.slice(0, at) + text.slice(end);
  return OK;
}

/** The URI that the alias of the only contact stands for, always with its transport. */
export function aliasUri(ctx: Context): string | undefined {
  const { msg } = ctx;
  const all = contactsOf(msg).filter((c) => c.header === contactsOf(msg)[0]?.header);
  const only = all.length === 1 ? all[0] : undefined;
  if (only === undefined || only.star) return undefined;
  const text = msg.text.slice(only.start, only.end);
  const start = aliasStart(ctx);
  const at = text.indexOf(start);
  const value = at < 0 ? undefined : /^[^;>?\s]*/.exec(text.slice(at + start.length))?.[0];
  const alias = value === undefined ? undefined : parseAlias(value);
  return alias === undefined ? undefined : `sip:${alias.host}:${alias.port};transport=${uriProto(alias.proto)}`;
}

// ------------------------------------------------------------------ received

function sourceUri({ srcIp, srcPort, proto }: Received): string {
  return `sip:${bracketed(srcIp)}:${srcPort}${proto === 'udp' ? '' : `;transport=${uriProto(proto)}`}`;
}

/** fix_nated_register(): where the REGISTER came from goes into an AVP, for the registrar. */
export function rememberSource(ctx: Context): number {
  const name = /^\$avp\((.+)\)$/.exec(nathelperParams(ctx.program).received_avp ?? '')?.[1];
  const key = name === undefined ? undefined : avpKey(name);
  if (key !== undefined) addAvp(ctx.env, key, sourceUri(ctx.msg.received));
  return OK;
}

/** add_rcv_param(): the same as a parameter of each contact, or (`inUri`) of its URI. */
export function addReceived(ctx: Context, inUri: boolean): number {
  const { msg } = ctx;
  if (inUri && msg.received.proto !== 'udp') {
    ctx.host.log.write(LEVEL.ERR, 'nathelper', 'adding received parameter to Contact URI works only for UDP\n');
    return FAILED;
  }
  const uri = sourceUri(msg.received);
  for (const { address } of contactsOf(msg)) {
    if (address === undefined) continue;
    if (inUri) msg.edits.insert(address.uriEnd, `;received=${uri}`);
    else msg.edits.insert(address.end, `;received="${uri}"`);
  }
  return OK;
}
