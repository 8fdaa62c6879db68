/** The embedded broker by the letter of the protocol: the same table is played against a real nsqd where there is one. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, embedded, hasRealNsqd, realNsqd, sleep, type TestBroker, until } from './helpers.js';

/** A bare V2 connection. */
class Raw {
  readonly socket: Socket;
  readonly frames: { type: number; data: Buffer }[] = [];
  closed = false;
  #input = Buffer.alloc(0);
  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (data) => {
      this.#input = Buffer.concat([this.#input, data]);
      while (this.#input.length >= 4 && this.#input.length >= 4 + this.#input.readInt32BE(0)) {
        const size = this.#input.readInt32BE(0);
        this.frames.push({ type: this.#input.readInt32BE(4), data: this.#input.subarray(8, 4 + size) });
        this.#input = this.#input.subarray(4 + size);
      }
    });
  }
  send(line: string, body?: Buffer | string): this {
    this.socket.write(`${line}\n`);
    if (body === undefined) return this;
    const bytes = Buffer.from(body);
    const size = Buffer.alloc(4);
    size.writeInt32BE(bytes.length);
    this.socket.write(Buffer.concat([size, bytes]));
    return this;
  }
  frame(n = 1): Promise<{ type: number; text: string }> {
    return until(() => this.frames[n - 1], `frame ${n}`, 3000).then(({ type, data }) => ({
      type,
      text: data.toString(),
    }));
  }
  message(n: number): Promise<{ attempts: number; id: string; body: string }> {
    return until(() => this.frames.filter((f) => f.type === 2)[n - 1], `message ${n}`, 8000).then(({ data }) => ({
      attempts: data.readUInt16BE(8),
      id: data.toString('latin1', 10, 26),
      body: data.toString('utf8', 26),
    }));
  }
  end(): void {
    this.socket.destroy();
  }
}

const v2 = (broker: TestBroker) => {
  const raw = new Raw(broker.tcp.port);
  raw.socket.write('  V2');
  return raw;
};

const brokers: [string, () => Promise<TestBroker>][] = [
  ['embedded broker', () => embedded({ limits: { msgTimeout: 1000 } })],
  ...(hasRealNsqd
    ? [['nsqd 1.3.0', () => realNsqd(['-msg-timeout', '1s'])] as [string, () => Promise<TestBroker>]]
    : []),
];

describe.each(brokers)('%s', (_, start) => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await start();
  });
  afterAll(() => broker.stop());

  const mpub = (...bodies: string[]) => {
    const parts = bodies.flatMap((b) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(b.length);
      return [size, Buffer.from(b)];
    });
    const count = Buffer.alloc(4);
    count.writeInt32BE(bodies.length);
    return Buffer.concat([count, ...parts]);
  };

  const fatal: [what: string, say: (raw: Raw) => void, answer: string][] = [
    ['an unknown command', (r) => r.send('HELLO'), 'E_INVALID invalid command HELLO'],
    ['a command with a name of JavaScript', (r) => r.send('constructor'), 'E_INVALID invalid command constructor'],
    ['a topic that is no name', (r) => r.send('SUB a$b c'), 'E_BAD_TOPIC SUB topic name "a$b" is not valid'],
    ['a channel that is no name', (r) => r.send('SUB a b/c'), 'E_BAD_CHANNEL SUB channel name "b/c" is not valid'],
    ['SUB without a channel', (r) => r.send('SUB a'), 'E_INVALID SUB insufficient number of parameters'],
    ['RDY before SUB', (r) => r.send('RDY 1'), 'E_INVALID cannot RDY in current state'],
    ['FIN before SUB', (r) => r.send('FIN 0123456789abcdef'), 'E_INVALID cannot FIN in current state'],
    ['CLS before SUB', (r) => r.send('CLS'), 'E_INVALID cannot CLS in current state'],
    ['AUTH where there is none', (r) => r.send('AUTH', 'x'), 'E_AUTH_DISABLED AUTH disabled'],
    [
      'IDENTIFY twice',
      (r) => r.send('IDENTIFY', '{}').send('SUB fatal c').send('IDENTIFY', '{}'),
      'E_INVALID cannot IDENTIFY in current state',
    ],
    ['IDENTIFY that is no JSON', (r) => r.send('IDENTIFY', '{x'), 'E_BAD_BODY IDENTIFY failed to decode JSON body'],
    [
      'a heartbeat out of range',
      (r) => r.send('IDENTIFY', '{"heartbeat_interval":5}'),
      'E_BAD_BODY IDENTIFY heartbeat interval (5) is invalid',
    ],
    [
      'a msg_timeout out of range',
      (r) => r.send('IDENTIFY', '{"msg_timeout":99999999}'),
      'E_BAD_BODY IDENTIFY msg timeout (99999999) is invalid',
    ],
    [
      'SUB with heartbeats off',
      (r) => r.send('IDENTIFY', '{"heartbeat_interval":-1}').send('SUB a b'),
      'E_INVALID cannot SUB with heartbeats disabled',
    ],
    ['an empty PUB', (r) => r.send('PUB a', ''), 'E_BAD_MESSAGE PUB invalid message body size 0'],
    ['PUB to a bad topic', (r) => r.send('PUB a$', 'x'), 'E_BAD_TOPIC PUB topic name "a$" is not valid'],
    [
      'a PUB that is too big',
      (r) => r.send('PUB a', Buffer.alloc(1048577)),
      'E_BAD_MESSAGE PUB message too big 1048577 > 1048576',
    ],
    ['DPUB with a bad time', (r) => r.send('DPUB a x', 'x'), 'E_INVALID DPUB could not parse timeout x'],
    [
      'DPUB beyond an hour',
      (r) => r.send('DPUB a 3600001', 'x'),
      'E_INVALID DPUB timeout 3600001 out of range 0-3600000',
    ],
    [
      'MPUB with no message',
      (r) => r.send('MPUB a', Buffer.from([0, 0, 0, 0])),
      'E_BAD_BODY MPUB invalid message count 0',
    ],
    [
      'MPUB with an empty one',
      (r) => r.send('MPUB a', mpub('x', '')),
      'E_BAD_MESSAGE MPUB invalid message(1) body size 0',
    ],
    ['RDY out of range', (r) => r.send('SUB fatal c').send('RDY 2501'), 'E_INVALID RDY count 2501 out of range 0-2500'],
    ['a bad message id', (r) => r.send('SUB fatal c').send('FIN short'), 'E_INVALID invalid message ID'],
  ];
  test.each(fatal)('%s ends the connection', async (_what, say, answer) => {
    const raw = v2(broker);
    say(raw);
    const error = await until(() => raw.frames.find((f) => f.type === 1), 'no error');
    expect(error.data.toString()).toBe(answer);
    await until(() => raw.closed, 'the connection stays open');
  });

  test('another protocol is refused', async () => {
    const raw = new Raw(broker.tcp.port);
    raw.socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(await raw.frame()).toEqual({ type: 1, text: 'E_BAD_PROTOCOL' });
    await until(() => raw.closed, 'the connection stays open');
  });

  test('IDENTIFY answers with the features, or with OK', async () => {
    const raw = v2(broker).send('IDENTIFY', '{"feature_negotiation":true,"msg_timeout":2000,"output_buffer_size":-1}');
    const { type, text } = await raw.frame();
    expect(type).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      max_rdy_count: 2500,
      version: '1.3.0',
      max_msg_timeout: 900000,
      msg_timeout: 2000,
      tls_v1: false,
      deflate: false,
      snappy: false,
      sample_rate: 0,
      auth_required: false,
      output_buffer_size: 1,
      output_buffer_timeout: 0,
      max_deflate_level: 6,
    });
    raw.end();
    const plain = v2(broker).send('IDENTIFY', '{}');
    expect(await plain.frame()).toEqual({ type: 0, text: 'OK' });
    plain.end();
  });

  test('answers to what is not in flight leave the connection open', async () => {
    const raw = v2(broker)
      .send('SUB soft c')
      .send('FIN 0123456789abcdef')
      .send('REQ 0123456789abcdef 0')
      .send('TOUCH 0123456789abcdef');
    await raw.frame(4);
    expect(raw.frames.slice(1).map((f) => [f.type, f.data.toString()])).toEqual([
      [1, 'E_FIN_FAILED FIN 0123456789abcdef failed ID not in flight'],
      [1, 'E_REQ_FAILED REQ 0123456789abcdef failed ID not in flight'],
      [1, 'E_TOUCH_FAILED TOUCH 0123456789abcdef failed ID not in flight'],
    ]);
    raw.end();
  });

  test('each channel gets a copy, each message one client, and the first channel what came before', async () => {
    const publisher = v2(broker).send('PUB copies', 'early');
    await publisher.frame(1);
    const identify = '{"output_buffer_size":-1}';
    const a = v2(broker).send('IDENTIFY', identify).send('SUB copies a').send('RDY 10');
    expect((await a.message(1)).body).toBe('early');
    const b = v2(broker).send('IDENTIFY', identify).send('SUB copies b').send('RDY 10');
    await b.frame(2);
    publisher.send('MPUB copies', mpub('one', 'two'));
    expect([(await a.message(2)).body, (await a.message(3)).body].sort()).toEqual(['one', 'two']);
    expect([(await b.message(1)).body, (await b.message(2)).body].sort()).toEqual(['one', 'two']);
    for (const raw of [publisher, a, b]) raw.end();
  });

  test('a message that is not answered in time comes again with its attempts counted', {
    timeout: 20_000,
  }, async () => {
    const raw = v2(broker).send('IDENTIFY', '{"output_buffer_size":-1}').send('SUB again c').send('RDY 1');
    await raw.frame(2);
    raw.send('PUB again', 'x');
    const first = await raw.message(1);
    const second = await raw.message(2);
    expect([first.attempts, second.attempts, second.id]).toEqual([1, 2, first.id]);
    raw.send(`FIN ${second.id}`);
    await broker.idle('again', 'c');
    expect((await broker.channel('again', 'c'))?.timeout_count).toBe(1);
    raw.end();
  });

  test('what a lost client held waits for its timeout', { timeout: 20_000 }, async () => {
    const raw = v2(broker).send('SUB lost c').send('RDY 1').send('PUB lost', 'x');
    await raw.message(1);
    raw.end();
    await sleep(200);
    expect(await broker.channel('lost', 'c')).toMatchObject({ in_flight_count: 1, depth: 0 });
    const other = v2(broker).send('SUB lost c').send('RDY 1');
    expect(await other.message(1)).toMatchObject({ attempts: 2, body: 'x' });
    other.end();
  });

  test('after CLS nothing more is delivered, but answers are taken', async () => {
    const raw = v2(broker).send('SUB cls c').send('RDY 1').send('MPUB cls', mpub('a', 'b'));
    const { id } = await raw.message(1);
    raw.send('CLS').send(`FIN ${id}`);
    await until(() => raw.frames.find((f) => f.data.toString() === 'CLOSE_WAIT'), 'no CLOSE_WAIT');
    await sleep(300);
    expect(raw.frames.filter((f) => f.type === 2)).toHaveLength(1);
    expect(await broker.channel('cls', 'c')).toMatchObject({ in_flight_count: 0, depth: 1 });
    raw.end();
  });

  test('a deferred message waits', { timeout: 20_000 }, async () => {
    const raw = v2(broker).send('SUB later c').send('RDY 1');
    await raw.frame(1);
    raw.send('DPUB later 300', 'x');
    await sleep(150);
    expect(await broker.channel('later', 'c')).toMatchObject({ deferred_count: 1, depth: 0 });
    expect((await raw.message(1)).body).toBe('x');
    raw.end();
  });

  test('heartbeats come, and who does not answer two is dropped', { timeout: 10_000 }, async () => {
    const raw = v2(broker).send('IDENTIFY', '{"heartbeat_interval":1000}').send('SUB beat c');
    await until(() => raw.frames.find((f) => f.data.toString() === '_heartbeat_'), 'no heartbeat');
    await until(() => raw.closed, 'a silent client stays', 5000);
  });

  test('an ephemeral channel goes with its last client, an ephemeral topic with its last channel', async () => {
    const raw = v2(broker).send('SUB gone#ephemeral c#ephemeral');
    await raw.frame(1);
    expect(await broker.channel('gone%23ephemeral', 'c%23ephemeral')).toBeDefined();
    raw.end();
    await until(
      async () => !(await broker.call('GET', '/stats?format=json')).text.includes('gone#ephemeral'),
      'the topic stays',
    );
  });

  const http: [method: string, path: string, body: string | undefined, status: number, answer: string][] = [
    ['GET', '/ping', undefined, 200, 'OK'],
    ['POST', '/pub?topic=h', 'x', 200, 'OK'],
    ['POST', '/pub?topic=h', '', 400, '{"message":"MSG_EMPTY"}'],
    ['POST', '/pub', 'x', 400, '{"message":"MISSING_ARG_TOPIC"}'],
    ['POST', '/pub?topic=a$', 'x', 400, '{"message":"INVALID_TOPIC"}'],
    ['POST', '/pub?topic=h&defer=x', 'x', 400, '{"message":"INVALID_DEFER"}'],
    ['POST', '/pub?topic=h', 'x'.repeat(1048577), 413, '{"message":"MSG_TOO_BIG"}'],
    ['GET', '/pub?topic=h', undefined, 405, '{"message":"METHOD_NOT_ALLOWED"}'],
    ['POST', '/mpub?topic=h', 'a\nb\n\nc', 200, 'OK'],
    ['POST', '/topic/create?topic=h', undefined, 200, ''],
    ['POST', '/channel/create?topic=h&channel=c', undefined, 200, ''],
    ['POST', '/channel/create?topic=nope&channel=c', undefined, 404, '{"message":"TOPIC_NOT_FOUND"}'],
    ['POST', '/channel/create?topic=h', undefined, 400, '{"message":"MISSING_ARG_CHANNEL"}'],
    ['POST', '/channel/pause?topic=h&channel=nope', undefined, 404, '{"message":"CHANNEL_NOT_FOUND"}'],
    ['POST', '/channel/empty?topic=h&channel=c', undefined, 200, ''],
    ['POST', '/topic/pause?topic=h', undefined, 200, ''],
    ['POST', '/topic/unpause?topic=h', undefined, 200, ''],
    ['POST', '/topic/delete?topic=h', undefined, 200, ''],
    ['POST', '/topic/delete?topic=h', undefined, 404, '{"message":"TOPIC_NOT_FOUND"}'],
    ['GET', '/nothing', undefined, 404, '{"message":"NOT_FOUND"}'],
  ];
  test('the HTTP calls answer as nsqd does', async () => {
    for (const [method, path, body, status, answer] of http)
      expect({ path, ...(await broker.call(method, path, body)) }).toEqual({ path, status, text: answer });
  });

  test('/info tells the TCP port', async () => {
    const info = JSON.parse((await broker.call('GET', '/info')).text);
    expect(info).toMatchObject({ version: '1.3.0', tcp_port: broker.tcp.port, http_port: broker.http.port });
  });

  test('pausing a channel holds its messages, pausing a topic its copies', async () => {
    const raw = v2(broker).send('IDENTIFY', '{"output_buffer_size":-1}').send('SUB pause c').send('RDY 5');
    await raw.frame(2);
    await broker.call('POST', '/channel/pause?topic=pause&channel=c');
    await broker.pub('pause', 'a');
    await sleep(200);
    expect(raw.frames.filter((f) => f.type === 2)).toHaveLength(0);
    await broker.call('POST', '/channel/unpause?topic=pause&channel=c');
    expect((await raw.message(1)).body).toBe('a');
    raw.end();
  });
});

test.skipIf(!hasRealNsqd)(
  'a client written in Go, nsq_tail, reads from the embedded broker',
  { timeout: 20_000 },
  async () => {
    const broker = await embedded();
    const tail = spawn(join(BIN, 'nsq_tail'), [
      '-topic',
      'go',
      '-channel',
      'tail',
      '-n',
      '3',
      '-nsqd-tcp-address',
      `127.0.0.1:${broker.tcp.port}`,
    ]);
    let out = '';
    tail.stdout.on('data', (data: Buffer) => {
      out += data.toString();
    });
    const exited = new Promise((done) => tail.once('exit', done));
    await until(async () => (await broker.channel('go', 'tail'))?.clients?.length, 'nsq_tail does not subscribe');
    await broker.pub('go', '{"n":1}', '{"n":2}', '{"n":3}');
    await exited;
    expect(out.trim().split('\n')).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    await broker.stop();
  },
);

test('bytes at random neither throw nor stop the broker', async () => {
  const broker = await embedded();
  let seed = 7;
  const random = () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const words = [
    '  V2',
    'IDENTIFY\n',
    'SUB a b\n',
    'RDY 1\n',
    'PUB a\n',
    'FIN x\n',
    'MPUB a\n',
    '\0\0\0\x05',
    '\xff\xff\xff\xff',
    '\n',
    'REQ a b\n',
    'DPUB a 1\n',
  ];
  for (let i = 0; i < 300; i++) {
    const raw = new Raw(broker.tcp.port);
    if (random() < 0.8) raw.socket.write('  V2');
    for (let n = 0; n < 12; n++) raw.socket.write(Buffer.from(words[Math.floor(random() * words.length)]!, 'latin1'));
    raw.socket.end();
  }
  await sleep(200);
  expect((await broker.call('GET', '/ping')).text).toBe('OK');
  await broker.stop();
});
