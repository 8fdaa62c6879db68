/**
 * Plays the messages of messages.json.gz to the reference server (`kamailio` on the path, record.cfg) and writes down
 * what it made of them: `node test/sip/recorded/record.mjs [more.json]`. more.json holds an array of further messages.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';

const NAMES =
  'ci fu fn ft tu tn tt cs rm cl v0host v0port v0branch v0rport v0received v1host vZhost nvia ru rU rd rp rz oU bs xa ua ct mf rs rr'.split(
    ' ',
  );
const file = new URL('./messages.json.gz', import.meta.url);
const dir = mkdtempSync(join(tmpdir(), 'record-'));
const cfg = new URL('./record.cfg', import.meta.url).pathname;
const server = spawn('kamailio', ['-f', cfg, '-DD', '-E', '-Y', dir, '-w', dir, '-P', join(dir, 'pid'), '-m', '64'], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
let logged = '';
server.stderr.on('data', (data) => {
  logged += data.toString('latin1');
});

async function agent(port) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(port, '127.0.0.1', resolve));
  const one = { socket, got: [] };
  socket.on('message', (data) => one.got.push(data.toString('latin1')));
  return one;
}

/** Sent behind each message: with one worker, its answer says that the message before it is done. */
const SENTINEL = [
  'OPTIONS sip:x@127.0.0.1 SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:25091;branch=z9hG4bK-sentinel',
  'From: <sip:a@b.example>;tag=1',
  'To: <sip:c@d.example>',
  'Call-ID: sentinel',
  'CSeq: 1 OPTIONS',
  '',
  '',
].join('\r\n');
const isSentinel = (text) => /\r\nCall-ID: sentinel\r\n/.test(text);

async function play(sent, caller, callee) {
  caller.got = [];
  callee.got = [];
  logged = '';
  caller.socket.send(Buffer.from(sent, 'latin1'), 25090, '127.0.0.1');
  caller.socket.send(SENTINEL, 25090, '127.0.0.1');
  const done = () => caller.got.some(isSentinel) && callee.got.some(isSentinel) && logged.includes('\x01sentinel\x01');
  while (!done()) await sleep(1);
  const mine = logged.slice(0, logged.indexOf('\x01sentinel\x01'));
  const at = mine.indexOf('\x01');
  const values = at < 0 ? null : mine.slice(at + 1, mine.indexOf('\x02', at)).split('\x01');
  const fields = values && Object.fromEntries(NAMES.map((name, i) => [name, values[i] ?? '']));
  const other = (got) => got.find((text) => !isSentinel(text)) ?? null;
  return { sent, fields, reply: other(caller.got), forwarded: other(callee.got) };
}

await sleep(1500);
const caller = await agent(25091);
const callee = await agent(25092);
const known = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')).map((r) => r.sent);
const more = process.argv[2] ? JSON.parse(readFileSync(process.argv[2], 'utf8')) : [];
const out = [];
for (const sent of [...known, ...more]) out.push(await play(sent, caller, callee));
writeFileSync(file, gzipSync(JSON.stringify(out)));
caller.socket.close();
callee.socket.close();
server.kill('SIGTERM');
