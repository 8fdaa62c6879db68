/**
 * binrpc, the protocol of kamcmd: a packet is a header (magic and version, type, length, cookie) and records, each a byte
 * of size and type before its value. Texts are latin1, one character a byte.
 */

import type { RpcValue } from '../../runtime/module.js';
import { fieldsOf, isNamed } from '../../runtime/rpc.js';

const MAGIC_AND_VERSION = 0xa1;
export const PACKET = { REQUEST: 0, REPLY: 1, FAULT: 3 } as const;
const TYPE = { INT: 0, TEXT: 1, DOUBLE: 2, STRUCT: 3, ARRAY: 4, NAME: 5, BYTES: 6 } as const;

/** The top bit of a record's first byte: its length follows in bytes of its own, or it ends a struct or list. */
const LONG = 8;
const FIXED_HEADER = 2;
const MIN_PACKET = 4;
/** A double is a 64-bit integer of thousandths. */
const THOUSAND = 1000;

// ------------------------------------------------------------------- reading

export interface Packet {
  readonly type: number;
  readonly cookie: number;
  /** Bytes of the whole packet. */
  readonly size: number;
  /** Undefined: its records cannot be read, `error` says why. */
  readonly values: readonly RpcValue[] | undefined;
  readonly error?: string;
}

/** 'more': the packet is not complete; 'bad': this is no binrpc. */
export function readPacket(data: Buffer, structs = false): Packet | 'more' | 'bad' {
  if (data.length > 0 && data[0] !== MAGIC_AND_VERSION) return 'bad';
  if (data.length < MIN_PACKET) return 'more';
  const flags = data[1] ?? 0;
  const type = flags >> 4;
  if (type !== PACKET.REQUEST && type !== PACKET.REPLY && type !== PACKET.FAULT) return 'bad';
  const lengthBytes = ((flags >> 2) & 3) + 1;
  const cookieBytes = (flags & 3) + 1;
  const body = FIXED_HEADER + lengthBytes + cookieBytes;
  if (data.length < body) return 'more';
  const length = data.readUIntBE(FIXED_HEADER, lengthBytes);
  const cookie = data.readUIntBE(FIXED_HEADER + lengthBytes, cookieBytes);
  if (length > MAX_BODY) return 'bad';
  const size = body + length;
  if (data.length < size) return 'more';
  const records = new RecordReader(data.subarray(body, size), structs).all();
  return typeof records === 'string'
    ? { type, cookie, size, values: undefined, error: records }
    : { type, cookie, size, values: records };
}

const MAX_BODY = 1_048_576;
const MORE_DATA = 'more data needed';
const BAD_RECORD = 'bad record';
const BAD_TYPE = "record doesn't match type";

class RecordReader {
  readonly #data: Buffer;
  /** Replies have them, requests have not. */
  readonly #structs: boolean;
  #at = 0;

  constructor(data: Buffer, structs = false) {
    this.#data = data;
    this.#structs = structs;
  }

  /** The values, or what is wrong. */
  all(): RpcValue[] | string {
    const out: RpcValue[] = [];
    while (this.#at < this.#data.length) {
      const head = this.#head();
      if (head === undefined) return MORE_DATA;
      const value = head.type === TYPE.STRUCT && this.#structs && !head.long ? this.#struct() : this.#value(head);
      if (value === undefined) return head.type > TYPE.BYTES ? BAD_TYPE : BAD_RECORD;
      out.push(value);
    }
    return out;
  }

  /** Type and length of the next record; undefined: it is cut off. */
  #head(): { type: number; length: number; long: boolean } | undefined {
    const first = this.#data[this.#at++] ?? 0;
    const type = first & 0xf;
    let length = first >> 4;
    const long = type !== TYPE.DOUBLE && (length & LONG) !== 0;
    if (long) {
      const bytes = length & 7;
      if (bytes > 4 || this.#at + bytes > this.#data.length) return undefined;
      length = bytes === 0 ? 0 : this.#data.readUIntBE(this.#at, bytes);
      this.#at += bytes;
    }
    return this.#at + length > this.#data.length ? undefined : { type, length, long };
  }

  /** Fields by their names; a field that comes again makes a list of all its values. Values without a name are items. */
  #struct(): RpcValue | undefined {
    const fields: Record<string, RpcValue> = {};
    const items: RpcValue[] = [];
    for (let name: string | undefined; ; ) {
      const head = this.#head();
      if (head === undefined) return undefined;
      if (head.type === TYPE.STRUCT && head.long) break;
      if (head.type === TYPE.NAME) {
        name = this.#data.toString('latin1', this.#at, this.#at + Math.max(0, head.length - 1));
        this.#at += head.length;
        continue;
      }
      const value = head.type === TYPE.STRUCT ? this.#struct() : this.#value(head);
      if (value === undefined) return undefined;
      if (name === undefined) items.push(value);
      else fields[name] = value;
      name = undefined;
    }
    return Object.keys(fields).length === 0 ? items : fields;
  }

  /** Requests hold plain values alone, as those of Kamailio do. */
  #value({ type, length }: { type: number; length: number }): RpcValue | undefined {
    const start = this.#at;
    this.#at += length;
    switch (type) {
      case TYPE.INT:
        return length > 4 ? undefined : length === 0 ? 0 : this.#data.readUIntBE(start, length) | 0;
      case TYPE.TEXT:
        // a NUL ends it, and is part of its length
        return length === 0 ? '' : this.#data.toString('latin1', start, start + length - 1);
      case TYPE.BYTES:
        return this.#data.toString('latin1', start, start + length);
      case TYPE.DOUBLE:
        return length > 8 ? undefined : this.#thousandths(start, length);
      default:
        return undefined;
    }
  }

  #thousandths(start: number, length: number): number {
    let n = 0n;
    for (let i = 0; i < length; i++) n = (n << 8n) | BigInt(this.#data[start + i] ?? 0);
    return Number(BigInt.asIntN(64, n)) / THOUSAND;
  }
}

// ------------------------------------------------------------------- writing

/** A reply with values in their order. */
export function replyPacket(cookie: number, values: readonly RpcValue[]): Buffer {
  const out: Buffer[] = [];
  for (const value of values) write(out, value);
  return packet(PACKET.REPLY, cookie, Buffer.concat(out));
}

export function requestPacket(cookie: number, values: readonly RpcValue[]): Buffer {
  const out: Buffer[] = [];
  for (const value of values) write(out, value);
  return packet(PACKET.REQUEST, cookie, Buffer.concat(out));
}

const MAX_FAULT = 255;

export function faultPacket(cookie: number, code: number, text: string): Buffer {
  return packet(PACKET.FAULT, cookie, Buffer.concat([int(code), textRecord(TYPE.TEXT, text.slice(0, MAX_FAULT))]));
}

function packet(type: number, cookie: number, body: Buffer): Buffer {
  const length = bytesOf(body.length, 1);
  const mark = bytesOf(cookie, 1);
  const flags = (type << 4) | ((length.length - 1) << 2) | (mark.length - 1);
  return Buffer.concat([Buffer.from([MAGIC_AND_VERSION, flags]), length, mark, body]);
}

/** The fewest bytes that hold an unsigned number of 32 bits. */
function bytesOf(n: number, least: number): Buffer {
  const all = Buffer.alloc(4);
  all.writeUInt32BE(n >>> 0);
  let from = 0;
  while (from < 4 - least && all[from] === 0) from++;
  return all.subarray(from);
}

/** Of 32 bits with or without sign: kamcmd shows them with one (`Methods: -1`, seen). */
const isWord = (n: number) => Number.isInteger(n) && n >= -2147483648 && n <= 4294967295;

function int(n: number): Buffer {
  const bytes = bytesOf(n, 0);
  return Buffer.concat([Buffer.from([(bytes.length << 4) | TYPE.INT]), bytes]);
}

function double(n: number): Buffer {
  const thousandths = BigInt.asUintN(64, BigInt(Math.trunc(Number.isFinite(n) ? n * THOUSAND : 0)));
  const all = Buffer.alloc(8);
  all.writeBigUInt64BE(thousandths);
  let from = 0;
  while (from < 8 && all[from] === 0) from++;
  const bytes = all.subarray(from);
  return Buffer.concat([Buffer.from([(bytes.length << 4) | TYPE.DOUBLE]), bytes]);
}

function textRecord(type: number, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`, 'latin1');
  if (bytes.length < LONG) return Buffer.concat([Buffer.from([(bytes.length << 4) | type]), bytes]);
  const length = bytesOf(bytes.length, 1);
  return Buffer.concat([Buffer.from([((LONG | length.length) << 4) | type]), length, bytes]);
}

const STRUCT_START = Buffer.from([TYPE.STRUCT]);
const STRUCT_END = Buffer.from([(LONG << 4) | TYPE.STRUCT]);
const NULL_TEXT = '<null string>';

function write(out: Buffer[], value: RpcValue): void {
  if (typeof value === 'string') out.push(textRecord(TYPE.TEXT, value));
  else if (typeof value === 'number') out.push(isWord(value) ? int(value | 0) : double(value));
  else if (typeof value === 'boolean') out.push(int(value ? 1 : 0));
  else if (value === null) out.push(textRecord(TYPE.TEXT, NULL_TEXT));
  else writeStruct(out, value);
}

/** Lists are structs too: members that have a name get it, others stand by themselves (seen). */
function writeStruct(out: Buffer[], value: RpcValue): void {
  out.push(STRUCT_START);
  if (Array.isArray(value)) {
    for (const item of value as readonly RpcValue[]) {
      if (isNamed(item)) writeFields(out, item);
      else write(out, item);
    }
  } else {
    writeFields(out, value);
  }
  out.push(STRUCT_END);
}

function writeFields(out: Buffer[], record: RpcValue): void {
  for (const [name, field] of fieldsOf(record) ?? []) {
    out.push(textRecord(TYPE.NAME, name));
    write(out, field);
  }
}
