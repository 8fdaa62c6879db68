/** A name server on 127.0.0.1 for tests: answers from a zone, over UDP and TCP, and remembers what it was asked. */
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { type DnsRecord, TYPE } from '../../src/server/dns/wire.js';

export interface TestDns {
  readonly port: number;
  /** `A one.test` for each question since the last call. */
  asked(): string[];
  stop(): Promise<void>;
}

export interface TestZone {
  readonly records: readonly DnsRecord[];
  /** Names for which UDP replies say that they are cut short. */
  readonly truncated?: readonly string[];
  /** Names that are never answered. */
  readonly silent?: readonly string[];
}

const u16 = (...values: number[]): Buffer => {
  const out = Buffer.alloc(values.length * 2);
  for (const [i, v] of values.entries()) out.writeUInt16BE(v, i * 2);
  return out;
};
const text = (s: string): Buffer => Buffer.concat([Buffer.from([s.length]), Buffer.from(s, 'latin1')]);
const name = (s: string): Buffer =>
  Buffer.concat([
    ...s
      .split('.')
      .filter((l) => l !== '')
      .map(text),
    Buffer.from([0]),
  ]);

function address6(ip: string): Buffer {
  const [head = '', tail = ''] = ip.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return u16(...[...before, ...zeros, ...after].map((g) => Number.parseInt(g, 16)));
}

function data(r: DnsRecord): Buffer {
  switch (r.type) {
    case 'A':
      return Buffer.from(r.ip.split('.').map(Number));
    case 'AAAA':
      return address6(r.ip);
    case 'SRV':
      return Buffer.concat([u16(r.priority, r.weight, r.port), name(r.target)]);
    case 'NAPTR':
      return Buffer.concat([
        u16(r.order, r.preference),
        text(r.flags),
        text(r.service),
        text(r.regexp),
        name(r.target),
      ]);
    case 'TXT':
      return Buffer.concat(r.texts.map(text));
    default:
      return name(r.target);
  }
}

function record(r: DnsRecord): Buffer {
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(r.ttl);
  const value = data(r);
  return Buffer.concat([name(r.name), u16(TYPE[r.type], 1), ttl, u16(value.length), value]);
}

interface Question {
  readonly name: string;
  readonly type: string;
  readonly raw: Buffer;
}

function question(message: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let n = message[at]!; n > 0; n = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + n));
    at += n + 1;
  }
  const type = message.readUInt16BE(at + 1);
  const known = Object.entries(TYPE).find(([, number]) => number === type)?.[0] ?? `${type}`;
  return { name: labels.join('.').toLowerCase(), type: known, raw: message.subarray(12, at + 5) };
}

function answer(zone: TestZone, message: Buffer, overUdp: boolean): Buffer {
  const q = question(message);
  const of = (owner: string) =>
    zone.records.filter((r) => r.name === owner && (r.type === q.type || r.type === 'CNAME'));
  let found = of(q.name);
  const alias = found[0];
  if (alias?.type === 'CNAME') found = [...found, ...of(alias.target)];
  const cut = overUdp && (zone.truncated ?? []).includes(q.name);
  const code = zone.records.some((r) => r.name === q.name) ? 0 : 3;
  const sent = cut ? [] : found;
  const header = u16(message.readUInt16BE(0), 0x8580 | (cut ? 0x0200 : 0) | code, 1, sent.length, 0, 0);
  return Buffer.concat([header, q.raw, ...sent.map(record)]);
}

export async function startDns(zone: TestZone): Promise<TestDns> {
  const asked: string[] = [];
  const tcp = createServer((stream) => {
    stream.on('error', () => undefined);
    stream.on('data', (d: Buffer) => {
      const reply = answer(zone, d.subarray(2), false);
      stream.write(Buffer.concat([u16(reply.length), reply]));
    });
  });
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const q = question(message);
    asked.push(`${q.type} ${q.name}`);
    if (!(zone.silent ?? []).includes(q.name)) udp.send(answer(zone, message, true), from.port, from.address);
  });
  await new Promise<void>((done) => udp.bind(port, '127.0.0.1', done));
  return {
    port,
    asked: () => asked.splice(0),
    async stop() {
      udp.close();
      await new Promise((done) => tcp.close(done));
    },
  };
}
