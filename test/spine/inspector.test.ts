/** `node --inspect` shows the script itself, and stops at its lines. */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { built } from '../support/built.js';
import { freePort, kamscript } from '../support/command.js';
import { connectInspector, type Inspector } from '../support/inspector.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LINE = 6;

function freeTcpPort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Generated line (0-based) of a line of the script, by the map's one segment a line. */
function generatedLine(mappings: string, line: number): number {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  let source = 0;
  return mappings.split(';').findIndex((row) => {
    const numbers: number[] = [];
    let value = 0;
    let shift = 0;
    for (const c of row) {
      const digit = digits.indexOf(c);
      value |= (digit & 31) << shift;
      shift += 5;
      if (digit & 32) continue;
      numbers.push(value & 1 ? -(value >> 1) : value >> 1);
      value = 0;
      shift = 0;
    }
    source += numbers[2] ?? 0;
    return numbers.length > 0 && source === line - 1;
  });
}

async function whenUp(port: number): Promise<Inspector> {
  for (let n = 0; ; n++) {
    try {
      return await connectInspector(port);
    } catch (e) {
      if (n > 50) throw e;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

test('a breakpoint in the .cfg stops the run there, and the run goes on after it', async () => {
  await built();
  const dir = mkdtempSync(path.join(tmpdir(), 'inspect-'));
  const file = path.join(dir, 'a.cfg');
  const [port, inspect] = [await freePort(), await freeTcpPort()];
  const text = `listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "pv.so"
request_route {
	$var(x) = $rU;
	sl_send_reply("200", "Stopped $var(x)");
}
`;
  writeFileSync(file, text);
  const args = [`--inspect=127.0.0.1:${inspect}`, path.join(ROOT, 'bin/kamscript.js'), 'run', file];
  const server = spawn(process.execPath, args, { stdio: 'ignore' });
  try {
    const client = await whenUp(inspect);
    await client.send('Debugger.enable');
    const parsed = await client.next('Debugger.scriptParsed', (p: { url: string }) => p.url.includes('a.cfg'));
    const map = JSON.parse(Buffer.from(`${parsed.sourceMapURL}`.split('base64,')[1]!, 'base64').toString());
    expect(map.sources).toEqual([file]);
    expect(map.sourcesContent).toEqual([text]);
    const lineNumber = generatedLine(map.mappings, LINE);
    await client.send('Debugger.setBreakpoint', { location: { scriptId: parsed.scriptId, lineNumber } });
    const sent = kamscript(['send', `sip:bob@127.0.0.1:${port}`]);
    const paused = (await client.next('Debugger.paused')) as { callFrames: { location: object }[] };
    expect(paused.callFrames[0]?.location).toMatchObject({ scriptId: parsed.scriptId, lineNumber });
    await client.send('Debugger.resume');
    expect((await sent).stdout).toContain('SIP/2.0 200 Stopped bob');
    client.close();
  } finally {
    server.kill();
  }
}, 30_000);
