/** XML-RPC documents: the call that came, and the answer, which is written as 5.6.3 writes it. */
import { RpcFault, type RpcValue } from '../../runtime/module.js';
import { fieldsOf } from '../../runtime/rpc.js';
import { fromDatabase as toBytes } from '../sql/text.js';
import { readXml } from '../xml/read.js';
import { isElement, type XmlElement } from '../xml/tree.js';

// ------------------------------------------------------------------- reading

export interface MethodCall {
  readonly method: string;
  readonly args: readonly RpcValue[];
}

const BAD_REQUEST = 400;
const fault = (text: string) => new RpcFault(BAD_REQUEST, text);

export interface ReadOptions {
  /** Two line ends stand for CR LF, for clients that cannot send a CR: in all arguments, or in the first (5.6.3). */
  readonly crlf: 'all' | 'first' | 'none';
}

/** Name of the command that a document calls; null where it is none. */
export function methodNameOf(body: string): string | null {
  const root = readXml(body)?.root;
  const name = root?.name === 'methodCall' ? child(root, 'methodName') : undefined;
  return name === undefined ? null : textOf(name) || null;
}

/** Throws an RpcFault with what is wrong. Texts are latin1, one character a byte. */
export function readCall(body: string, { crlf }: ReadOptions): MethodCall {
  const root = readXml(body)?.root;
  if (root === undefined) throw fault('Invalid XML-RPC Document');
  if (root.name !== 'methodCall') throw fault('Root Element Is Not methodCall');
  const name = child(root, 'methodName');
  if (name === undefined) throw fault('Method Name Not Found');
  const method = textOf(name);
  if (method === '') throw fault('Cannot Extract Method Name');
  const params = child(root, 'params');
  const args =
    params === undefined
      ? []
      : elements(params).map((param, at) =>
          argument(elements(param)[0], crlf === 'all' || (crlf === 'first' && at === 0)),
        );
  return { method, args };
}

const elements = (parent: XmlElement): XmlElement[] => parent.children.filter(isElement);

function child(parent: XmlElement, name: string): XmlElement | undefined {
  return elements(parent).find((e) => e.name === name);
}

function textOf(element: XmlElement): string {
  const parts = element.children.map((n) => (n.kind === 'text' || n.kind === 'cdata' ? n.text : ''));
  return toBytes(parts.join(''));
}

/** A value of a kind that no command takes is null, of which they all say so. */
function argument(value: XmlElement | undefined, crlf: boolean): RpcValue {
  if (value === undefined || value.name !== 'value') return null;
  const typed = elements(value)[0];
  if (typed === undefined) return value.children.length === 0 ? null : string(textOf(value), crlf);
  return Object.hasOwn(READERS, typed.name) ? READERS[typed.name]!(typed, crlf) : null;
}

function string(text: string, crlf: boolean): string {
  return crlf ? text.replaceAll('\n\n', '\r\n') : text;
}

function number(element: XmlElement, form: RegExp): number {
  const text = textOf(element);
  if (text === '') throw fault('Empty Parameter Value');
  const found = form.exec(text)?.[0];
  if (found === undefined) throw fault('Invalid Value');
  return Number(found);
}

const WHOLE = /^\s*[+-]?\d+/;
const BROKEN = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;
const DATE = /^\s*(\d{4})(\d\d)(\d\d)T(\d\d):(\d\d):(\d\d)/;

/** Seconds since the epoch; what cannot be read is the year 1900, as strptime leaves it. */
function date(element: XmlElement): number {
  const [y, mo, d, h, mi, s] = (DATE.exec(textOf(element)) ?? []).slice(1).map(Number);
  if (y === undefined) return NO_DATE;
  return Math.floor(Date.UTC(y, mo! - 1, d, h, mi, s) / 1000);
}

const NO_DATE = Math.floor(Date.UTC(1899, 11, 31) / 1000);

const int = (element: XmlElement) => number(element, WHOLE) | 0;

const READERS: Readonly<Record<string, (element: XmlElement, crlf: boolean) => RpcValue>> = {
  string: (element, crlf) => string(textOf(element), crlf),
  i4: int,
  int,
  boolean: int,
  double: (element) => number(element, BROKEN),
  'dateTime.iso8601': date,
  struct: (element, crlf) =>
    Object.fromEntries(
      elements(element).flatMap((member) => {
        const name = child(member, 'name');
        return name === undefined ? [] : [[textOf(name), argument(child(member, 'value'), crlf)]];
      }),
    ),
  array(element, crlf) {
    const data = child(element, 'data');
    return data === undefined ? [] : elements(data).map((value) => argument(value, crlf));
  },
};

// ------------------------------------------------------------------- writing

const HEAD = '<?xml version="1.0"?>\n<methodResponse>\n';
const SUCCESS = `${HEAD}<params>\n<param>\n<value>`;
const SUCCESS_END = '</value>\n</param>\n</params>\n</methodResponse>';

export interface WriteOptions {
  readonly escapeCr: boolean;
}

/** `values` as a command adds them; `isArray`: a list even of one. */
export function successDocument(values: readonly RpcValue[], isArray: boolean, options: WriteOptions): string {
  const lines = values.map((v) => (isArray ? `<value>${written(v, options)}</value>\n` : `${written(v, options)}\n`));
  return SUCCESS + (isArray ? `<array><data>\n${lines.join('')}</data></array>` : lines.join('')) + SUCCESS_END;
}

/** What xmlrpc_reply() answers. */
export const ACCEPTED = `${SUCCESS}<int>1</int>${SUCCESS_END}`;

export function faultDocument({ code, message }: RpcFault, options: WriteOptions): string {
  const member = (name: string, value: string) =>
    `<member>\n<name>${name}</name>\n<value>${value}</value>\n</member>\n`;
  const code_ = member('faultCode', `<int>${code}</int>`);
  const text = member('faultString', `<string>${escaped(message, options)}</string>`);
  return `${HEAD}<fault>\n<value>\n<struct>\n${code_}${text}</struct>\n</value>\n</fault>\n</methodResponse>`;
}

function escaped(text: string, { escapeCr }: WriteOptions): string {
  const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return escapeCr ? plain.replaceAll('\r', '&#xD;') : plain;
}

/** Whole numbers of 32 bits, with or without sign, are ints; XML-RPC has no longer ones: these are doubles. */
const isInt = (n: number) => Number.isInteger(n) && n >= -2147483648 && n <= 4294967295;

function written(value: RpcValue, options: WriteOptions): string {
  if (typeof value === 'string') return `<string>${escaped(value, options)}</string>`;
  if (typeof value === 'boolean') return `<boolean>${value ? 1 : 0}</boolean>`;
  // 5.6.3 escapes its own element here
  if (value === null) return '&lt;nil/>';
  if (typeof value === 'number') {
    if (isInt(value)) return `<int>${value}</int>`;
    return `<double>${Number.isInteger(value) ? value : value.toFixed(6)}</double>`;
  }
  if (Array.isArray(value)) {
    const items = (value as readonly RpcValue[]).map((item) => `<value>${written(item, options)}</value>`);
    return `<array><data>\n${items.join('')}</data></array>`;
  }
  const members = (fieldsOf(value) ?? []).map(
    ([name, v]) => `<member><name>${escaped(name, options)}</name><value>${written(v, options)}</value></member>`,
  );
  return `<struct>${members.join('')}</struct>`;
}
