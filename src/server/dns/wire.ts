/** DNS messages (RFC 1035, 2782, 3403, 3596): questions as bytes, and replies taken apart. Nothing here throws. */

export const TYPE = { A: 1, CNAME: 5, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
export type RecordType = keyof typeof TYPE;

export type DnsData =
  | { readonly type: 'A'; readonly ip: string }
  | { readonly type: 'AAAA'; readonly ip: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | { readonly type: 'PTR'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'NAPTR';
      readonly order: number;
      readonly preference: number;
      readonly flags: string;
      readonly service: string;
      readonly regexp: string;
      readonly target: string;
    }
  | { readonly type: 'TXT'; readonly texts: readonly string[] };

/** Names in lower case without the last dot; `ttl` in seconds. */
export type DnsRecord = DnsData & { readonly name: string; readonly ttl: number };

export interface DnsReply {
  readonly id: number;
  readonly truncated: boolean;
  /** 0 good, 3 no such name; all else: the server cannot say. */
  readonly code: number;
  /** Name of the question. */
  readonly question: string;
  /** Answers, then additional records. */
  readonly records: readonly DnsRecord[];
}

const HEADER = 12;
const CLASS_IN = 1;
const RECURSION = 0x0100;
const TRUNCATED = 0x0200;
const IS_REPLY = 0x8000;
const MAX_LABEL = 63;
const MAX_NAME = 253;
/** Pointers followed for one name. */
const MAX_JUMPS = 40;
/** Records looked at of one reply. */
const MAX_RECORDS = 500;

/** Undefined where the name cannot be asked for. */
export function encodeQuestion(id: number, name: string, type: RecordType): Buffer | undefined {
  const labels = name.replace(/\.$/, '').split('.');
  if (name.length > MAX_NAME || labels.some((l) => l.length === 0 || l.length > MAX_LABEL)) return undefined;
  const size = labels.reduce((n, l) => n + 1 + l.length, 1);
  const out = Buffer.alloc(HEADER + size + 4);
  out.writeUInt16BE(id, 0);
  out.writeUInt16BE(RECURSION, 2);
  out.writeUInt16BE(1, 4);
  let at = HEADER;
  for (const label of labels) {
    out[at++] = label.length;
    at += out.write(label, at, 'latin1');
  }
  at++;
  out.writeUInt16BE(TYPE[type], at);
  out.writeUInt16BE(CLASS_IN, at + 2);
  return out;
}

/** Undefined where it is no reply, or broken. */
export function decodeReply(data: Buffer): DnsReply | undefined {
  try {
    return read(data);
  } catch (e) {
    // reading past the end of the message
    if (e instanceof RangeError) return undefined;
    throw e;
  }
}

function read(data: Buffer): DnsReply | undefined {
  if (data.length < HEADER) return undefined;
  const flags = data.readUInt16BE(2);
  if ((flags & IS_REPLY) === 0 || data.readUInt16BE(4) !== 1) return undefined;
  const [question, afterName] = readName(data, HEADER);
  const answers = data.readUInt16BE(6);
  const authorities = data.readUInt16BE(8);
  const additional = data.readUInt16BE(10);
  const records: DnsRecord[] = [];
  let at = afterName + 4;
  const count = Math.min(answers + authorities + additional, MAX_RECORDS);
  for (let i = 0; i < count; i++) {
    const [record, next] = readRecord(data, at);
    at = next;
    if (record !== undefined && (i < answers || i >= answers + authorities)) records.push(record);
  }
  return {
    id: data.readUInt16BE(0),
    truncated: (flags & TRUNCATED) !== 0,
    code: flags & 15,
    question,
    records,
  };
}

function readRecord(data: Buffer, start: number): [record: DnsRecord | undefined, next: number] {
  const [name, at] = readName(data, start);
  const type = data.readUInt16BE(at);
  const ttl = data.readUInt32BE(at + 4);
  const length = data.readUInt16BE(at + 8);
  const from = at + 10;
  if (from + length > data.length) throw new RangeError('record beyond the end');
  const value = data.readUInt16BE(at + 2) === CLASS_IN ? READERS[type]?.(data, from, from + length) : undefined;
  return [value === undefined ? undefined : { ...value, name, ttl }, from + length];
}

function readName(data: Buffer, start: number): [name: string, next: number] {
  const labels: string[] = [];
  let at = start;
  let next = -1;
  let size = 0;
  for (let jumps = 0; jumps < MAX_JUMPS; ) {
    const length = data.readUInt8(at);
    if (length === 0) return [labels.join('.').toLowerCase(), next < 0 ? at + 1 : next];
    if (length >= 0xc0) {
      if (next < 0) next = at + 2;
      at = data.readUInt16BE(at) & 0x3fff;
      jumps++;
      continue;
    }
    size += length + 1;
    if (length > MAX_LABEL || size > MAX_NAME + 1 || at + 1 + length > data.length) break;
    labels.push(data.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  throw new RangeError('a name that does not end');
}

/** One text with its length before it. */
function readText(data: Buffer, at: number, end: number): [text: string, next: number] {
  const next = at + 1 + data.readUInt8(at);
  if (next > end) throw new RangeError('a text beyond the end');
  return [data.toString('latin1', at + 1, next), next];
}

type Reader = (data: Buffer, at: number, end: number) => DnsData | undefined;

function address6(data: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => data.readUInt16BE(at + 2 * i).toString(16));
  // the longest run of zeros, of two at least
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (run === undefined) return text;
  const before = text.slice(0, run.index);
  const after = text.slice(run.index + run[0].length);
  return `${before}::${after.replace(/^:/, '')}`;
}

const READERS: Readonly<Record<number, Reader>> = {
  [TYPE.A]: (data, at, end) => (end - at === 4 ? { type: 'A', ip: data.subarray(at, end).join('.') } : undefined),
  [TYPE.AAAA]: (data, at, end) => (end - at === 16 ? { type: 'AAAA', ip: address6(data, at) } : undefined),
  [TYPE.CNAME]: (data, at) => ({ type: 'CNAME', target: readName(data, at)[0] }),
  [TYPE.PTR]: (data, at) => ({ type: 'PTR', target: readName(data, at)[0] }),
  [TYPE.SRV]: (data, at) => ({
    type: 'SRV',
    priority: data.readUInt16BE(at),
    weight: data.readUInt16BE(at + 2),
    port: data.readUInt16BE(at + 4),
    target: readName(data, at + 6)[0],
  }),
  [TYPE.NAPTR](data, at, end) {
    const [flags, afterFlags] = readText(data, at + 4, end);
    const [service, afterService] = readText(data, afterFlags, end);
    const [regexp, afterRegexp] = readText(data, afterService, end);
    const target = readName(data, afterRegexp)[0];
    return {
      type: 'NAPTR',
      order: data.readUInt16BE(at),
      preference: data.readUInt16BE(at + 2),
      flags,
      service,
      regexp,
      target,
    };
  },
  [TYPE.TXT](data, at, end) {
    const texts: string[] = [];
    for (let from = at; from < end; ) {
      const [text, next] = readText(data, from, end);
      texts.push(text);
      from = next;
    }
    return { type: 'TXT', texts };
  },
};
