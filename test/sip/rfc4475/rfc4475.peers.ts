/**
 * The messages of RFC 4475 to Kamailio and to kamscript, side by side. `RECORD=1` writes what Kamailio makes of them to
 * recorded.json, which rfc4475.test.ts plays.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type RealServer, startServer } from '../../support/real-server.js';
import { MARKER, MESSAGES, type Outcome, SCRIPT, untilNul, withoutChance } from './messages.js';

const servers: RealServer[] = [];
afterAll(() => Promise.all(servers.map((s) => s.stop())));

/** Sends one message and the marker; gives what came back and what was logged before the marker's. */
async function outcomeOf(socket: Socket, server: RealServer, text: string): Promise<Outcome> {
  const replies: string[] = [];
  const take = (data: Buffer) => replies.push(data.toString('latin1'));
  socket.on('message', take);
  const before = server.log().length;
  for (const message of [text, MARKER]) socket.send(Buffer.from(message, 'latin1'), server.port, '127.0.0.1');
  while (!replies.some((r) => r.startsWith('SIP/2.0 200 Marker'))) await once(socket, 'message');
  while (!server.log().slice(before).includes('=== end')) await new Promise((done) => setTimeout(done, 2));
  socket.off('message', take);
  const log = server.log().slice(before).split('<script>: ').slice(1);
  const lines = log.map((l) => untilNul(l.replace(/\n? *\d*\(\d+\) [A-Z]+: [\s\S]*$/, '').trimEnd()));
  const reply = replies.find((r) => !r.startsWith('SIP/2.0 200 Marker'));
  return { log: lines.slice(0, lines.indexOf('=== end')), reply: reply === undefined ? null : withoutChance(reply) };
}

async function outcomes(kind: 'kamailio' | 'kamscript'): Promise<Record<string, Outcome>> {
  const server = await startServer(kind, SCRIPT);
  servers.push(server);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const out: Record<string, Outcome> = {};
  for (const { name, text } of MESSAGES) out[name] = await outcomeOf(socket, server, text);
  socket.close();
  return out;
}

test('both make the same of every message', async () => {
  const wanted = await outcomes('kamailio');
  if (process.env.RECORD) {
    const file = path.join(import.meta.dirname, 'recorded.json');
    writeFileSync(file, `${JSON.stringify(wanted, undefined, 2)}\n`);
  }
  const got = await outcomes('kamscript');
  for (const { name } of MESSAGES) expect.soft(got[name], name).toEqual(wanted[name]);
});
