/** The FIFO, unix sockets and datagrams of jsonrpcs and ctl: real files, since these are about files. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFifo, writeReply } from '../../../src/modules/control-sockets/fifo.js';
import { clearPath, grant } from '../../../src/modules/control-sockets/files.js';
import { JsonCutter } from '../../../src/modules/control-sockets/json-cutter.js';
import { openUnixDatagram } from '../../../src/modules/control-sockets/unix-datagram.js';
import { parseCtlAddress } from '../../../src/modules/ctl/address.js';
import { jsonrpcs } from '../../../src/modules/jsonrpcs/index.js';
import { loadScript } from '../../../src/server/load.js';
import { runScript } from '../../support/script.js';

const run = promisify(execFile);
const ACCESS = { mode: 0o640, user: null, group: null };
const soon = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sockets-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a FIFO', () => {
  test('takes what several writers send, and goes with its server', async () => {
    const file = join(dir, 'rpc');
    let got = '';
    const fifo = await openFifo(file, ACCESS, (d) => {
      got += d.toString();
    });
    expect(statSync(file).mode & 0o777).toBe(0o640);
    await run('sh', ['-c', `printf one > ${file}; printf two > ${file}`]);
    await soon(100);
    expect(got).toBe('onetwo');
    fifo.close();
    expect(existsSync(file)).toBe(false);
  });

  test('takes the place of one that was left, but of no other file', async () => {
    const file = join(dir, 'rpc');
    await run('mkfifo', [file]);
    (await openFifo(file, ACCESS, () => undefined)).close();
    writeFileSync(file, 'mine');
    await expect(openFifo(file, ACCESS, () => undefined)).rejects.toThrow('is no fifo');
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('says what to do when its folder is not there', async () => {
    await expect(openFifo(join(dir, 'none', 'rpc'), ACCESS, () => undefined)).rejects.toThrow(/cannot open .*none.rpc/);
  });
});

describe('an answer to a FIFO', () => {
  test('reaches a client that waits, or comes to wait', async () => {
    await run('mkfifo', [join(dir, 'reply')]);
    const waiting = soon(150).then(() => run('cat', [join(dir, 'reply')]));
    expect(await writeReply(dir, 'reply', 'x'.repeat(200_000), soon)).toBeUndefined();
    expect((await waiting).stdout).toHaveLength(200_000);
  });

  test('goes to no client that is not there', async () => {
    await run('mkfifo', [join(dir, 'reply')]);
    expect(await writeReply(dir, 'reply', 'x', async () => undefined)).toContain('no client at');
    expect(await writeReply(dir, 'none', 'x', async () => undefined)).toContain('ENOENT');
  });

  test.each(['', '../x', 'a/b', 'x.y', 'a\\b'])('never leaves the folder: %j', async (name) => {
    expect(await writeReply(dir, name, 'x', async () => undefined)).toContain('Forbidden');
  });

  test('goes into no file and through no link', async () => {
    writeFileSync(join(dir, 'file'), 'mine');
    expect(await writeReply(dir, 'file', 'x', soon)).toContain('security');
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('mine');
    await run('mkfifo', [join(dir, 'reply')]);
    await run('ln', ['-s', 'reply', join(dir, 'link')]);
    const reader = run('cat', [join(dir, 'reply')]);
    await soon(100);
    expect(await writeReply(dir, 'link', 'x', soon)).toContain('security');
    expect((await reader).stdout).toBe('');
  });
});

test('documents are cut out of a stream by their braces, quotes respected', () => {
  const got: string[] = [];
  const cutter = new JsonCutter((text) => got.push(text));
  for (const c of ' {"a":"}{", "b":{"c":"\\"}"}}\n{"d":1}{ "e"') cutter.push(c);
  expect(got).toEqual(['{"a":"}{", "b":{"c":"\\"}"}}', '{"d":1}']);
  cutter.push('x'.repeat(70_000));
  cutter.push('{"f":2}');
  expect(got.at(-1)).toBe('{"f":2}');
});

const CLIENT = `use Socket; my ($to, $own) = @ARGV; socket(my $s, AF_UNIX, SOCK_DGRAM, 0);
bind($s, pack_sockaddr_un($own)) if $own; send($s, "hello", 0, pack_sockaddr_un($to)) or die "send: $!";
exit unless $own; recv($s, my $data, 65536, 0); print $data;`;

test('a unix datagram socket answers each client at its own address', async () => {
  const file = join(dir, 'rpc.sock');
  const socket = await openUnixDatagram(file, ACCESS, (data, from) => socket.send(`${data} from ${from}`, from));
  expect(statSync(file).mode & 0o777).toBe(0o640);
  await run('perl', ['-e', CLIENT, file, '']);
  for (const own of [join(dir, 'a'), join(dir, 'b')]) {
    expect((await run('perl', ['-e', CLIENT, file, own])).stdout).toBe(`hello from ${own}`);
  }
  socket.close();
  await soon(200);
  expect(existsSync(file)).toBe(false);
});

test('only what is a socket makes way for one', () => {
  mkdirSync(join(dir, 'folder'));
  expect(() => clearPath(join(dir, 'folder'), 'socket')).toThrow('is no socket');
  expect(() => clearPath(join(dir, 'none'), 'socket')).not.toThrow();
});

test('an owner that the system does not know is named', () => {
  writeFileSync(join(dir, 'x'), '');
  expect(() => grant(join(dir, 'x'), { mode: 0, user: 'no-such-user', group: null })).toThrow('no-such-user');
});

describe('the parameter binrpc of ctl', () => {
  test.each([
    ['unixs:/run/a', { kind: 'unix_stream', path: '/run/a' }],
    ['unix:/run/a', { kind: 'unix_stream', path: '/run/a' }],
    ['/run/a', { kind: 'unix_stream', path: '/run/a' }],
    ['unixd:/run/a', { kind: 'unix_dgram', path: '/run/a' }],
    ['tcp:localhost', { kind: 'tcp', host: 'localhost', port: 2049 }],
    ['tcp:127.0.0.1:2050', { kind: 'tcp', host: '127.0.0.1', port: 2050 }],
    ['tcp:2050', { kind: 'tcp', host: '*', port: 2050 }],
    ['udp:[::1]:2050', { kind: 'udp', host: '::1', port: 2050 }],
    ['localhost:2050', { kind: 'udp', host: 'localhost', port: 2050 }],
  ])('%s', (text, address) => expect(parseCtlAddress(text)).toEqual(address));

  test.each(['', 'tcp:', 'tcp:a:b', 'tcp:a:70000'])('%j is none', (text) => {
    expect(parseCtlAddress(text)).toBeUndefined();
  });
});

test('requests on one control connection are answered in their order', async () => {
  const file = join(dir, 'ctl');
  const script = await runScript(
    `loadmodule "ctl.so"\nmodparam("ctl", "binrpc", "unixs:${file}")\nrequest_route { exit; }\n`,
  );
  const request = Buffer.from('a103114b917549910a636f72652e6563686f002161001001', 'hex');
  const stream = connect(file);
  const chunks: Buffer[] = [];
  stream.on('data', (d) => chunks.push(d));
  stream.write(Buffer.concat([request, request, request.subarray(0, 9)]));
  await soon(50);
  stream.write(request.subarray(9));
  await soon(100);
  expect(Buffer.concat(chunks).toString('hex')).toBe('a113064b917549216100213100'.repeat(3));
  stream.destroy();
  await script.stop();
  expect(existsSync(file)).toBe(false);
});

test('a reload moves the ways to jsonrpcs to where the new script has them', async () => {
  const text = (name: string) => `loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "fifo_name", "${join(dir, name)}.fifo")
modparam("jsonrpcs", "dgram_socket", "${join(dir, 'rpc')}.sock")
request_route { exit; }
`;
  const script = await runScript(text('a'));
  const { host } = script;
  const { program } = loadScript('test.cfg', { env: {}, vars: host.vars, text: text('b') });
  if (program === undefined) throw new Error('it does not load');
  host.program = program;
  await jsonrpcs.reload?.(host, host.state({ module: 'jsonrpcs' }));
  await soon(100);
  expect(['a.fifo', 'b.fifo', 'rpc.sock'].map((f) => existsSync(join(dir, f)))).toEqual([false, true, true]);
  const answer = join(dir, 'answer');
  const client = CLIENT.replace('"hello"', `'{"jsonrpc":"2.0","method":"core.echo","params":["x"],"id":1}'`);
  expect((await run('perl', ['-e', client, join(dir, 'rpc.sock'), answer])).stdout).toContain('"x"');
  await script.stop();
  expect(existsSync(join(dir, 'b.fifo'))).toBe(false);
});
