/** `kamscript record`: captures are read, and what a server saw becomes a test that passes. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { datagrams } from '../../src/cli/record/pcap.js';
import { kamscript } from '../support/command.js';

function udp(from: number, to: number, text: string): Buffer {
  const body = Buffer.from(text, 'latin1');
  const header = Buffer.alloc(8);
  for (const [i, n] of [from, to, 8 + body.length].entries()) header.writeUInt16BE(n, 2 * i);
  return Buffer.concat([header, body]);
}

function ipv4(payload: Buffer, { id = 1, flags = 0 } = {}): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(id, 4);
  header.writeUInt16BE(flags, 6);
  header[9] = 17;
  header.set([10, 0, 0, 1], 12);
  header.set([10, 0, 0, 2], 16);
  return Buffer.concat([header, payload]);
}

function ipv6(payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header[6] = 17;
  header.set([0x20, 0x01, 0x0d, 0xb8], 8);
  header[23] = 1;
  header[39] = 1;
  return Buffer.concat([header, payload]);
}

const ether = (type: number, packet: Buffer) =>
  Buffer.concat([Buffer.alloc(12), Buffer.from([type >> 8, type & 255]), packet]);

function pcap(linkType: number, frames: readonly Buffer[], little = true): Buffer {
  const u32 = (...numbers: readonly number[]) => {
    const out = Buffer.alloc(4 * numbers.length);
    for (const [i, n] of numbers.entries()) little ? out.writeUInt32LE(n, 4 * i) : out.writeUInt32BE(n, 4 * i);
    return out;
  };
  const records = frames.flatMap((f) => [u32(1_700_000_000, 250_000, f.length, f.length), f]);
  return Buffer.concat([u32(0xa1b2c3d4, little ? 0x00040002 : 0x00020004, 0, 0, 65_535, linkType), ...records]);
}

function pcapng(linkType: number, frame: Buffer): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const out = Buffer.alloc(12 + padded.length);
    out.writeUInt32LE(type, 0);
    out.writeUInt32LE(out.length, 4);
    padded.copy(out, 8);
    out.writeUInt32LE(out.length, out.length - 4);
    return out;
  };
  const section = Buffer.from([0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, ...new Array(8).fill(255)]);
  // if_tsresol: nanoseconds
  const face = Buffer.from([linkType, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
  const ticks = 1_700_000_000_250n * 1_000_000n;
  const head = Buffer.alloc(20);
  const fields = [0, Number(ticks >> 32n), Number(ticks & 0xffffffffn), frame.length, frame.length];
  for (const [i, n] of fields.entries()) head.writeUInt32LE(n, 4 * i);
  return Buffer.concat([block(0x0a0d0d0a, section), block(1, face), block(6, Buffer.concat([head, frame]))]);
}

describe('captures', () => {
  const ONE = { at: 1_700_000_000_250, from: '10.0.0.1:5060', to: '10.0.0.2:5080', text: 'hello \xe9' };
  const packet = ipv4(udp(5060, 5080, 'hello \xe9'));
  const vlan = Buffer.concat([Buffer.from([0, 7, 8, 0]), packet]);
  const sll = Buffer.concat([Buffer.alloc(14), Buffer.from([8, 0]), packet]);
  const sll2 = Buffer.concat([Buffer.from([8, 0]), Buffer.alloc(18), packet]);
  const cases: [string, Buffer][] = [
    ['Ethernet', pcap(1, [ether(0x0800, packet)])],
    ['Ethernet, the other byte order', pcap(1, [ether(0x0800, packet)], false)],
    ['Ethernet with a VLAN', pcap(1, [ether(0x8100, vlan)])],
    ['loopback of BSD', pcap(0, [Buffer.concat([Buffer.from([2, 0, 0, 0]), packet])])],
    ['raw IP', pcap(101, [packet])],
    ['any device of Linux', pcap(113, [sll])],
    ['any device of Linux, version 2', pcap(276, [sll2])],
    ['pcapng, nanoseconds', pcapng(1, ether(0x0800, packet))],
  ];
  for (const [title, file] of cases) test(title, () => expect(datagrams(file)).toEqual([ONE]));

  test('IPv6', () => {
    const [one] = datagrams(pcap(1, [ether(0x86dd, ipv6(udp(1, 2, 'x')))]));
    expect([one?.from, one?.to]).toEqual(['[2001:db8::1]:1', '[::1]:2']);
  });

  test('fragments come together in any order', () => {
    const whole = udp(5060, 5080, 'a'.repeat(40));
    const second = ipv4(whole.subarray(24), { flags: 3 });
    const first = ipv4(whole.subarray(0, 24), { flags: 0x2000 });
    expect(datagrams(pcap(101, [second, first])).map((d) => d.text)).toEqual(['a'.repeat(40)]);
  });

  test('a file that is cut off gives what stands before; another is none', () => {
    const file = pcap(101, [packet, packet]);
    expect(datagrams(file.subarray(0, file.length - 3))).toEqual([ONE]);
    expect(() => datagrams(Buffer.from('this is no capture at all, though long enough'))).toThrow('neither pcap nor');
  });
});

const CFG = `listen=udp:10.0.0.2:5060
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tm.so"
request_route {
	if ($rU == "bob") { $du = "sip:10.0.0.9:5060"; t_relay(); exit; }
	sl_send_reply("404", "Not here");
}
`;

const head = (branch: string, method: string, call: string) =>
  `Via: SIP/2.0/UDP 10.0.0.1:5060;branch=${branch}\r\nFrom: <sip:anna@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: ${call}\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`;
const invite = (call: string) => `INVITE sip:bob@b SIP/2.0\r\nMax-Forwards: 70\r\n${head('z9hG4bK1', 'INVITE', call)}`;
const forwarded = `INVITE sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKours\r\nMax-Forwards: 69\r\n${head('z9hG4bK1', 'INVITE', 'one')}`;
const busy = forwarded.replace(/^INVITE.*\r\n/, 'SIP/2.0 486 Busy Here\r\n');
const lookup = `OPTIONS sip:eve@b SIP/2.0\r\n${head('z9hG4bK2', 'OPTIONS', 'two')}`;

function frame(from: string, to: string, text: string): Buffer {
  const packet = ipv4(udp(Number(from.split(':')[1]), Number(to.split(':')[1]), text));
  packet.set(from.split(':')[0]!.split('.').map(Number), 12);
  packet.set(to.split(':')[0]!.split('.').map(Number), 16);
  return packet;
}

test('a capture becomes a test that passes, and fails when the script does something else', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'record-'));
  const [phone, server, bob] = ['10.0.0.1:5060', '10.0.0.2:5060', '10.0.0.9:5060'];
  const frames = [
    frame(phone, server, invite('one')),
    frame(server, phone, `SIP/2.0 100 trying -- your call is important to us\r\n${head('z9hG4bK1', 'INVITE', 'one')}`),
    frame(server, bob, forwarded),
    frame(bob, server, busy),
    frame(server, phone, `SIP/2.0 486 Busy Here\r\n${head('z9hG4bK1', 'INVITE', 'one')}`),
    frame(server, bob, `ACK sip:bob@b SIP/2.0\r\n${head('z9hG4bKours', 'ACK', 'one')}`),
    frame(phone, server, lookup),
    frame(server, phone, `SIP/2.0 404 Not here\r\n${head('z9hG4bK2', 'OPTIONS', 'two')}`),
  ];
  writeFileSync(path.join(cwd, 'a.pcap'), pcap(101, frames));
  // The kit's machine has the address that the script asks for.
  writeFileSync(path.join(cwd, 'a.cfg'), CFG);
  const written = await kamscript(['record', 'a.cfg', '--pcap', 'a.pcap', '-o', 'a.test.mjs'], { cwd });
  expect([written.status, written.stderr]).toEqual([0, '']);
  const text = readFileSync(path.join(cwd, 'a.test.mjs'), 'utf8');
  expect(text).toContain("await s.reply(sentTo(r0, id, '10.0.0.9:5060'), 486");
  const passed = await kamscript(['test', '-r', 'tap'], { cwd });
  expect(passed.stdout).toContain('# pass 2\n# fail 0');
  writeFileSync(path.join(cwd, 'a.cfg'), CFG.replace('404', '405'));
  expect((await kamscript(['test', '-r', 'tap'], { cwd })).stdout).toContain('# pass 1\n# fail 1');
});

test('says what is missing', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'record-'));
  writeFileSync(path.join(cwd, 'a.pcap'), pcap(1, []));
  expect((await kamscript(['record', 'a.cfg', '--pcap', 'a.pcap'], { cwd })).status).toBe(1);
  const none = await kamscript(['record', 'a.cfg', '-s', `unixs:${cwd}/ctl`], { cwd });
  expect([none.status, none.stderr.includes('loadmodule "ctl.so"')]).toEqual([2, true]);
});
