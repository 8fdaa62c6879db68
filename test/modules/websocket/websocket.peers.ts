/** WebSocket as Kamailio 5.6.3 speaks it: both servers get the same script, the same bytes, and must say the same. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer, wait } from '../../support/real-server.js';
import { headerOf, SipClient } from '../../support/sip-client.js';
import { HANDSHAKE, type SentFrame, WsClient } from '../../support/ws-client.js';
import { SCRIPT } from './script.js';

/** Milliseconds after which nothing is taken to come: what comes is waited for no longer. */
const SILENCE = 1500;
/** Milliseconds for a connection to end, and for a line of the log. */
const QUIET = 700;

const HANDSHAKES: Readonly<Record<string, readonly string[]>> = {
  good: HANDSHAKE,
  'in another spelling': HANDSHAKE.map((line) =>
    line.replace('Sec-WebSocket', 'sec-websocket').replace('sip', 'foo, SIP'),
  ),
  'without an origin': HANDSHAKE.filter((line) => !line.startsWith('Origin')),
  'wrong version': HANDSHAKE.map((line) => line.replace('Version: 13', 'Version: 8')),
  'no version': HANDSHAKE.filter((line) => !line.includes('Version')),
  'no key': HANDSHAKE.filter((line) => !line.includes('Key')),
  'two keys': [...HANDSHAKE, 'Sec-WebSocket-Key: abc'],
  'two origins': [...HANDSHAKE, 'Origin: http://example.org'],
  'wrong protocol': HANDSHAKE.map((line) => line.replace('Protocol: sip', 'Protocol: chat')),
  'no upgrade': HANDSHAKE.map((line) => line.replace('Connection: Upgrade', 'Connection: close')),
  'plain HTTP': ['GET /x HTTP/1.1', 'Host: a'],
};

const FRAMES: Readonly<Record<string, SentFrame>> = {
  ping: { opcode: 9, payload: 'hello' },
  'ping of another length': { opcode: 9, payload: 'a'.repeat(300) },
  'ping in fragments': { opcode: 9, payload: 'abc', fin: false },
  pong: { opcode: 10, payload: 'x' },
  CRLF: { opcode: 1, payload: '\r\n' },
  'CRLF CRLF in binary': { opcode: 2, payload: '\r\n\r\n' },
  close: { opcode: 8, payload: Buffer.from([3, 232]) },
  'close without a code': { opcode: 8 },
  'reserved bit': { opcode: 1, reserved: 0x40, payload: 'x' },
  'unknown opcode': { opcode: 3, payload: 'x' },
  'no mask': { opcode: 1, payload: 'x'.repeat(10), masked: false },
  'no SIP': { opcode: 1, payload: 'hello world, how are you this very evening?' },
  'bad SIP': { opcode: 1, payload: 'OPTIONS sip:a SIP/2.0\r\nVia: x\r\nFrom: <sip:a@b>\r\n\r\n' },
  'continuation of nothing': { opcode: 0, payload: 'abc' },
};

type Seen = Map<string, unknown>;

class Player {
  readonly seen: Seen = new Map();
  readonly #server: RealServer;
  readonly #ports = new Map<number, string>();

  constructor(server: RealServer) {
    this.#server = server;
    this.#ports.set(server.port, 'PORT').set(server.port + 1, 'TLSPORT');
  }

  note(what: string, value: unknown): void {
    this.seen.set(what, typeof value === 'string' ? this.#masked(value) : value);
  }

  #masked(text: string): string {
    let out = text.replace(/;branch=[^;\r\n]*/g, ';branch=B').replace(/;tag=[^;\r\n>]*/g, ';tag=T');
    out = out.replace(/^Call-ID: .*$/gm, 'Call-ID: C');
    for (const [port, name] of this.#ports) out = out.replaceAll(`${port}`, name);
    return out;
  }

  named(port: number, name: string): void {
    this.#ports.set(port, name);
  }

  async open(proto: 'WS' | 'WSS' = 'WS'): Promise<WsClient> {
    const { port } = this.#server;
    const ws = await WsClient.connect(proto === 'WS' ? port : port + 1, proto);
    this.named(ws.localPort, 'CLIENT');
    return ws;
  }

  async accepted(proto: 'WS' | 'WSS' = 'WS'): Promise<WsClient> {
    const ws = await this.open(proto);
    const answer = await ws.handshake();
    if (!answer.startsWith('HTTP/1.1 101')) throw new Error(answer);
    return ws;
  }

  async rpc(...args: string[]): Promise<string> {
    return (await run('kamcmd', ['-s', `unix:${this.#server.dir}/ctl`, ...args])).trim();
  }

  // ------------------------------------------------------------------- scenes

  async handshakes(): Promise<void> {
    for (const [name, lines] of Object.entries(HANDSHAKES)) {
      const ws = await this.open();
      this.note(`handshake: ${name}`, await ws.handshake(lines));
      this.note(`ended: ${name}`, await ws.end(QUIET));
      ws.close();
    }
    await this.rpc('ws.disable');
    const ws = await this.open();
    this.note('handshake: disabled', await ws.handshake());
    await this.rpc('ws.enable');
    ws.close();
  }

  async frames(): Promise<void> {
    for (const [name, frame] of Object.entries(FRAMES)) {
      const ws = await this.accepted();
      ws.send(frame);
      this.note(`frame: ${name}`, await ws.next(SILENCE));
      this.note(`ended: ${name}`, await ws.end(QUIET));
      ws.close();
    }
    const ws = await this.accepted();
    const sip = ws.sip();
    const text = sip.build({ method: 'OPTIONS', uri: 'sip:d.example' });
    ws.send({ opcode: 1, fin: false, payload: text.slice(0, 50) });
    ws.send({ opcode: 9, payload: 'between' });
    ws.send({ opcode: 0, fin: false, payload: text.slice(50, 120) });
    ws.send({ opcode: 0, payload: text.slice(120) });
    this.note('pong between fragments', await ws.next());
    this.note('message in fragments', await sip.receive(() => true));
    ws.frames.length = 0;
    sip.send(sip.build({ method: 'OPTIONS', uri: 'sip:close@d.example' }), 0);
    this.note('ws_close()', await ws.next());
    ws.send({ opcode: 9, payload: 'still there?' });
    this.note('ping while closing', await ws.next(SILENCE));
    this.note('ended: ping while closing', await ws.end());
  }

  async commands(): Promise<void> {
    const ws = await this.accepted('WSS');
    const shown = await this.rpc('ws.dump');
    const id = /(\d+): wss:/.exec(shown)?.[1] ?? '';
    this.note('ws.dump', /\d+: (wss:.*)/.exec(shown)?.[1] ?? shown);
    this.note('ws.dump x', await this.rpc('ws.dump', 'x'));
    this.note('ws.ping', await this.rpc('ws.ping', id));
    this.note('frame: ws.ping', await ws.next());
    this.note('awaiting', /awaiting Pong/.test(await this.rpc('ws.dump')));
    ws.send({ opcode: 10, payload: 'kamailio (5.6.3 (x86_64/linux))' });
    await wait(QUIET);
    this.note('no more awaiting', /awaiting Pong/.test(await this.rpc('ws.dump')));
    this.note('ws.pong', await this.rpc('ws.pong', id));
    this.note('frame: ws.pong', await ws.next());
    this.note('ws.close', await this.rpc('ws.close', id));
    this.note('frame: ws.close', await ws.next());
    ws.send({ opcode: 8, payload: Buffer.from([3, 232]) });
    // Kamailio ends the connection when its timer comes by
    await wait(QUIET);
    ws.close();
    this.note('ws.ping of none', await this.rpc('ws.ping', '999999999'));
    this.note('ws.close without id', await this.rpc('ws.close'));
  }

  async calls(proto: 'WS' | 'WSS'): Promise<void> {
    const ws = await this.accepted(proto);
    const web = ws.sip();
    const phone = await SipClient.open();
    this.named(phone.port, 'PHONE');
    const note = (what: string, text: string) => this.note(`${proto} ${what}`, text);
    const webContact = `Contact: <sip:web@${web.host}:${web.port};transport=ws>`;
    const phoneContact = `Contact: <sip:phone@127.0.0.1:${phone.port}>`;
    const { port } = this.#server;
    const at = (user: string) => `sip:${user}@d.example`;
    const registering = (user: string, contact: string) => ({
      method: 'REGISTER',
      uri: 'sip:d.example',
      to: `<${at(user)}>`,
      headers: [contact, 'Expires: 60'],
    });

    note('OPTIONS', (await web.ask({ method: 'OPTIONS', uri: 'sip:d.example' }, 0)).text);
    note('REGISTER', (await web.ask(registering('web', webContact), 0)).text);
    await phone.ask(registering('phone', phoneContact), port);
    const listed = await this.rpc('ul.dump');
    note('received', /Received: sip.*/.exec(listed)?.[0] ?? '');
    note('socket', /Socket: t.*/.exec(listed)?.[0] ?? '');

    phone.send(phone.build({ method: 'INVITE', uri: at('web'), headers: [phoneContact] }), port);
    const invite = await web.receive((t) => t.startsWith('INVITE'));
    note('INVITE to it', invite);
    web.send(web.reply(invite, 200, 'OK', [webContact]), 0);
    const ok = await phone.receive((t) => t.startsWith('SIP/2.0 200'));
    note('its 200', ok);
    const routes = [...ok.matchAll(/^Record-Route: (.*?)\r?$/gm)].map((m) => `Route: ${m[1]}`).reverse();
    const dialog = { to: headerOf(ok, 'To'), callId: headerOf(ok, 'Call-ID'), from: headerOf(ok, 'From'), cseq: 2 };
    const target = headerOf(ok, 'Contact').replace(/[<>]/g, '');
    phone.send(phone.build({ ...dialog, method: 'BYE', uri: target, headers: routes }), port);
    const bye = await web.receive((t) => t.startsWith('BYE'));
    note('BYE to it', bye);
    web.send(web.reply(bye, 200, 'OK'), 0);
    note('its 200 for BYE', await phone.receive((t) => t.includes('BYE')));

    web.send(web.build({ method: 'INVITE', uri: at('phone'), headers: [webContact] }), 0);
    const second = await phone.receive((t) => t.startsWith('INVITE'));
    note('INVITE from it', second);
    phone.send(phone.reply(second, 180, 'Ringing', [phoneContact]), port);
    note('180 to it', await web.receive((t) => t.startsWith('SIP/2.0 180')));
    phone.send(phone.reply(second, 486, 'Busy Here'), port);
    note('486 to it', await web.receive((t) => t.startsWith('SIP/2.0 486')));

    phone.send(phone.build({ method: 'MESSAGE', uri: at('web'), body: 'hi' }), port);
    const message = await web.receive((t) => t.startsWith('MESSAGE'));
    note('forward() to it', message);
    web.send(web.reply(message, 200, 'OK'), 0);
    note('its 200, stateless', await phone.receive((t) => t.includes('MESSAGE')));

    await web.ask(registering('web', `${webContact};expires=0`), 0);
    web.close();
    phone.close();
  }

  async nobody(): Promise<void> {
    const phone = await SipClient.open();
    this.named(phone.port, 'PHONE');
    const uri = 'sip:nobody@d.example';
    this.note('INVITE to nobody', (await phone.ask({ method: 'INVITE', uri }, this.#server.port)).text);
    phone.send(phone.build({ method: 'MESSAGE', uri }), this.#server.port);
    await wait(QUIET);
    phone.close();
  }

  /** Lines of the script, in order. */
  async lines(): Promise<void> {
    // rm_delay_interval, and a look at it
    await wait(3500);
    const lines = [...this.#server.log().matchAll(/TEST (.*)/g)].map((m) => this.#masked(m[1] ?? ''));
    this.note('closed', lines.filter((line) => line.startsWith('closed')).sort());
    this.note(
      'lines',
      lines.filter((line) => !line.startsWith('closed')),
    );
    const counted = (await this.rpc('stats.fetch', 'websocket:')).split('\n').sort();
    this.note(
      'statistics',
      counted.filter((line) => !/current|max_concurrent/.test(line)).map((line) => line.trim()),
    );
  }
}

async function play(kind: 'kamailio' | 'kamscript'): Promise<Seen> {
  const more = 'modparam("websocket", "rm_delay_interval", 1)';
  const server = await startServer(kind, SCRIPT.replace('# MORE', more));
  const player = new Player(server);
  try {
    await player.handshakes();
    await player.frames();
    await player.commands();
    await player.calls('WS');
    await player.calls('WSS');
    await player.nobody();
    await player.lines();
    return player.seen;
  } finally {
    await server.stop();
  }
}

describe('WebSocket beside Kamailio', () => {
  let theirs: Seen;
  let ours: Seen;
  beforeAll(async () => {
    [theirs, ours] = await Promise.all([play('kamailio'), play('kamscript')]);
  }, 90_000);

  const same = (fits: (what: string) => boolean) => {
    const chosen = (seen: Seen) => Object.fromEntries([...seen].filter(([what]) => fits(what)));
    expect(Object.keys(chosen(theirs)).length).toBeGreaterThan(0);
    expect(chosen(ours)).toEqual(chosen(theirs));
  };

  test('handshakes are answered byte for byte', () => same((what) => what.startsWith('handshake')));
  test('frames are answered byte for byte, and connections end where they do', () =>
    same((what) => /^(frame|ended|pong|message|ping)/.test(what)));
  test('RPC commands', () => same((what) => /^ws\.|await/.test(what)));
  test('REGISTER and calls over ws', () => same((what) => what.startsWith('WS ')));
  test('REGISTER and calls over wss', () => same((what) => what.startsWith('WSS ')));
  test('nobody is called: there is no connection', () => same((what) => what.startsWith('INVITE')));
  test('what the script says, and the statistics', () => same((what) => /^(lines|closed|statistics)/.test(what)));
});
