/** Module rtpproxy beside Kamailio's, with an RTPproxy that writes down what it is told: the same commands, the same SDPs. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer } from '../support/real-server.js';
import { headerOf, SipClient } from '../support/sip-client.js';

class FakeRtpProxy {
  readonly told: string[] = [];
  readonly #socket: Socket;
  readonly port: number;
  #next = 40_000;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (data, from) => {
      const [, cookie = '', command = ''] = /^(\S+) (.*)$/s.exec(data.toString('latin1')) ?? [];
      this.told.push(command);
      socket.send(`${cookie} ${this.#answer(command)}\n`, from.port, from.address);
    });
  }

  static async open(): Promise<FakeRtpProxy> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new FakeRtpProxy(socket);
  }

  #answer(command: string): string {
    if (command === 'V') return '20040107';
    if (command.startsWith('VF ')) return '1';
    if (/^[UL]/.test(command)) {
      this.#next += 2;
      return command[1] === '6' || /^[UL][A-Z]*6/.test(command)
        ? `${this.#next} 2001:db8::99 6`
        : `${this.#next} 198.51.100.9`;
    }
    return '0';
  }

  close(): void {
    this.#socket.close();
  }
}

const FLAGS = ['', 'co', 'cor', 'f', 'r', 'w', 'a', 'ie', 'x', '1', '3', 'z20', 'cz', 'l', 'b'];

const script = (rtp: number, callee: number) => `
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
loadmodule "ctl.so"
loadmodule "jsonrpcs.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "rtpproxy.so"
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:${rtp}")
modparam("rtpproxy", "rtpproxy_sock", "2 == udp:127.0.0.1:${rtp}=2 udp:127.0.0.1:${rtp}=1")
modparam("rtpproxy", "rtpproxy_retr", 1)
modparam("rtpproxy", "extra_id_pv", "$avp(extra)")
request_route {
	$avp(extra) = "extra-" + $rU;
	$du = "sip:127.0.0.1:${callee}";
	if ($rU == "set") set_rtp_proxy_set("2");
	if ($rU == "managed" || $rU == "set") {
		t_on_reply("MANAGED");
		$var(code) = rtpproxy_manage("co");
	}
	if ($rU == "address") {
		$var(code) = rtpproxy_offer("", "203.0.113.5");
	}
	if ($rU == "record") $var(code) = start_recording();
	if ($rU == "answer") $var(code) = rtpproxy_answer("");
	if ($rU == "bad") $var(code) = rtpproxy_offer("q");
	if ($rU == "gone") $var(code) = rtpproxy_destroy("1t");
${FLAGS.map((flags, i) => `	if ($rU == "offer${i}") { t_on_reply("REPLY${i}"); $var(code) = rtpproxy_offer("${flags}"); }`).join('\n')}
	append_hf("X-Code: $var(code)\\r\\n");
	t_relay();
}
onreply_route[MANAGED] { rtpproxy_manage("co"); }
${FLAGS.map((flags, i) => `onreply_route[REPLY${i}] { $var(code) = rtpproxy_answer("${flags}"); append_hf("X-Code: $var(code)\\r\\n"); }`).join('\n')}
`;

const sdp = (...lines: string[]) => ['v=0', 'o=- 1 1 IN IP4 10.0.0.1', 's=-', ...lines, ''].join('\r\n');
const BODIES: Readonly<Record<string, string>> = {
  plain: sdp('c=IN IP4 10.0.0.1', 't=0 0', 'm=audio 30000 RTP/AVP 0 8 101', 'a=rtpmap:0 PCMU/8000'),
  'two media': sdp(
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=audio 30000 RTP/AVP 0',
    'a=rtcp:30001',
    'm=video 30002 RTP/SAVP 96',
    'c=IN IP4 10.0.0.2',
  ),
  'a medium that is off': sdp('c=IN IP4 10.0.0.1', 't=0 0', 'm=audio 0 RTP/AVP 0', 'm=image 30004 udptl t38'),
  held: sdp('c=IN IP4 0.0.0.0', 't=0 0', 'm=audio 30000 RTP/AVP 0'),
  IPv6: sdp('t=0 0', 'm=audio 30000 RTP/AVP 0', 'c=IN IP6 2001:db8::1'),
  marked: sdp('c=IN IP4 10.0.0.1', 't=0 0', 'm=audio 30000 RTP/AVP 0', 'a=nortpproxy:yes'),
};

interface Side {
  readonly server: RealServer;
  readonly rtp: FakeRtpProxy;
  readonly caller: SipClient;
  readonly callee: SipClient;
}

let sides: readonly Side[] = [];

beforeAll(async () => {
  sides = await Promise.all(
    (['kamscript', 'kamailio'] as const).map(async (kind) => {
      const rtp = await FakeRtpProxy.open();
      const [caller, callee] = [await SipClient.open(), await SipClient.open()];
      const server = await startServer(kind, script(rtp.port, callee.port));
      return { server, rtp, caller, callee };
    }),
  );
}, 60_000);

afterAll(async () => {
  await Promise.all(
    sides.map(async ({ server, rtp, caller, callee }) => {
      await server.stop();
      rtp.close();
      caller.close();
      callee.close();
    }),
  );
});

function plain(text: string, { server, rtp, caller, callee }: Side): string {
  return text
    .replaceAll(`${server.port}`, 'PORT')
    .replaceAll(`${rtp.port}`, 'RTP')
    .replaceAll(`${caller.port}`, 'CALLER')
    .replaceAll(`${callee.port}`, 'CALLEE')
    .replace(/z9hG4bK-(\d+)-[0-9a-f]+/g, 'OWN-$1')
    .replace(/z9hG4bK(?!-)[^;\s]+/g, 'BRANCH')
    .replace(/call-(\d+)-[0-9a-f]+/g, 'call-$1');
}

/** A request that bob answers 200 with `answer`; what all three saw. */
async function exchange(
  side: Side,
  method: string,
  user: string,
  body: string,
  answer: string,
): Promise<readonly string[]> {
  const { server, rtp, caller, callee } = side;
  const before = { rtp: rtp.told.length, caller: caller.seen.length, callee: callee.seen.length };
  const headers = body === '' ? [] : ['Content-Type: application/sdp'];
  const text = caller.build({
    method,
    uri: `sip:${user}@d.example`,
    headers,
    body,
    ...(method === 'BYE' ? { to: '<sip:x@d>;tag=callee' } : {}),
  });
  caller.send(text, server.port);
  const came = await callee.receive((t) => t.startsWith(`${method} `));
  const kind = answer === '' ? [] : ['Content-Type: application/sdp'];
  callee.send(callee.reply(came, 200, 'OK', kind, answer), server.port);
  await caller.receive((t) => /^SIP\/2\.0 [2-6]/.test(t) && headerOf(t, 'Call-ID') === headerOf(text, 'Call-ID'));
  const told = rtp.told.slice(before.rtp).filter((c) => !c.startsWith('V'));
  const seen = [...callee.seen.slice(before.callee), ...caller.seen.slice(before.caller)];
  return [...told, ...seen].map((t) => plain(t, side));
}

async function both(method: string, user: string, body: string, answer = ''): Promise<readonly string[]> {
  const [ours, theirs] = await Promise.all(sides.map((side) => exchange(side, method, user, body, answer)));
  expect(ours).toEqual(theirs);
  return theirs ?? [];
}

const PLAIN = BODIES.plain ?? '';

describe('offer and answer', () => {
  test.each(FLAGS.map((flags, i) => [flags, i] as const))('flags "%s"', async (_flags, i) => {
    await both('INVITE', `offer${i}`, PLAIN, PLAIN);
  });

  test.each(Object.entries(BODIES))('an SDP: %s', async (_name, body) => {
    await both('INVITE', 'offer1', body, body);
    await both('INVITE', 'offer0', body, body);
  });

  test('an address that the script gives', () => both('INVITE', 'address', PLAIN));
  test('an unknown flag', () => both('INVITE', 'bad', PLAIN));
  test('an answer in an INVITE', () => both('INVITE', 'answer', PLAIN));
  test('no SDP', () => both('INVITE', 'offer0', ''));
});

describe('rtpproxy_manage()', () => {
  test('a call', async () => {
    const told = await both('INVITE', 'managed', PLAIN, PLAIN);
    expect(told.filter((line) => /^[UL]/.test(line))).toHaveLength(2);
    await both('BYE', 'managed', '');
  });
  test('an INVITE without SDP: the reply has the offer', () => both('INVITE', 'managed', '', PLAIN));
  test('UPDATE and others', async () => {
    await both('UPDATE', 'managed', PLAIN, PLAIN);
    await both('PRACK', 'managed', PLAIN, PLAIN);
    await both('INFO', 'managed', PLAIN, PLAIN);
  });
  test('a set of two', () => both('INVITE', 'set', PLAIN, PLAIN));
});

test('destroy and recording', async () => {
  await both('INVITE', 'gone', PLAIN);
  await both('INVITE', 'record', PLAIN);
});

test('RPC', async () => {
  const ask = async (side: Side, ...args: string[]) =>
    plain(await run('kamcmd', ['-s', `unixs:${side.server.dir}/ctl`, ...args]), side);
  for (const args of [
    ['rtpproxy.list'],
    ['rtpproxy.enable', 'udp:127.0.0.1:RTP', '0'],
    ['rtpproxy.list'],
    ['rtpproxy.enable', 'udp:1.2.3.4:5', '0'],
  ]) {
    const [ours, theirs] = await Promise.all(
      sides.map((side) => ask(side, ...args.map((a) => a.replace('RTP', `${side.rtp.port}`)))),
    );
    expect(ours).toBe(theirs);
  }
  await both('INVITE', 'managed', PLAIN, PLAIN);
});
