/** rtpengine beside Kamailio's: what each tells an RTPengine (a stand-in) in the same conversations, and what the parties see. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NgEngine } from '../support/ng-engine.js';
import { type RealServer, startServer } from '../support/real-server.js';
import { SipClient } from '../support/sip-client.js';

const WORDS = [
  '',
  'replace-origin replace-session-connection ICE=remove trust-address',
  'RTP/SAVPF rtcp-mux-offer SDES-off SDES-no-AES_CM_128_HMAC_SHA1_80',
  'SRTP AVPF internal external direction=pub',
  'DTLS AVPF codec-strip-PCMU codec-offer=G729 transcode-opus codec-transcode=GSM codec-mask-all codec-set=x codec-except-y',
  'TOS=184 repacketize=20 T38-decode T.38=force DTLS=passive address-family=IP4 record-call=on foo',
  'via-branch=1 label=caller from-tag=ft to-tag=tt call-id=other',
  'via-branch=auto directional to-tag',
  'via-branch=2',
  'repacketize=x',
  'via-branch=zz',
  'UDP/TLS/RTP/SAVP replace= =x RTP AVP',
  'delete-delay=5 force-answer',
];
const SIMPLE = [
  'rtpengine_delete',
  'rtpengine_query',
  'rtpengine_info',
  'start_recording',
  'stop_recording',
  'block_dtmf',
  'unblock_dtmf',
  'block_media',
  'unblock_media',
  'silence_media',
  'unsilence_media',
  'start_forwarding',
  'stop_forwarding',
  'play_media',
  'stop_media',
  'play_dtmf',
];

const script = (engines: string) => `
debug=2
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{{PORT}}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "ctl.so"
loadmodule "rtpengine.so"
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("rtpengine", "rtpengine_tout_ms", 200)
modparam("rtpengine", "rtpengine_retr", 2)
modparam("rtpengine", "rtp_inst_pvar", "$avp(instance)")
modparam("rtpengine", "media_duration", "$avp(duration)")
modparam("rtpengine", "extra_id_pv", "$avp(extra)")
${engines}
request_route {
	if ($hdr(X-Case) != $null) {
		$avp(extra) = "extra id";
		$var(code) = -9;
${WORDS.map((w, i) => `		if ($hdr(X-Case) == "offer${i}") $var(code) = rtpengine_offer("${w}");\n		if ($hdr(X-Case) == "delete${i}") $var(code) = rtpengine_delete("${w}");`).join('\n')}
${SIMPLE.map((f) => `		if ($hdr(X-Case) == "${f}") $var(code) = ${f}("from-tag=x file=/a.wav");`).join('\n')}
		if ($hdr(X-Case) == "answer") $var(code) = rtpengine_answer();
		if ($hdr(X-Case) == "extra") $var(code) = rtpengine_offer("via-branch=extra");
		if ($hdr(X-Case) == "set") { $var(s) = set_rtpengine_set("1"); $var(code) = rtpengine_offer(); }
		if ($hdr(X-Case) == "sets") { $var(s) = set_rtpengine_set("0", "1"); $var(code) = rtpengine_offer(); }
		if ($hdr(X-Case) == "noset") { $var(n) = 7; $var(code) = set_rtpengine_set("$var(n)"); }
		if ($hdr(X-Case) == "query_v") { $var(code) = rtpengine_query_v("j", "$avp(json)"); }
		append_to_reply("X-Said: $var(code) [$avp(duration)] $avp(json)\\r\\n");
		if ($avp(instance) != $null) append_to_reply("X-Instance: yes\\r\\n");
		sl_send_reply("200", "OK");
		exit;
	}
	if (has_totag()) { loose_route(); rtpengine_manage("replace-origin"); t_relay(); exit; }
	if (is_method("CANCEL")) { rtpengine_manage(); t_relay(); exit; }
	record_route();
	rtpengine_manage("replace-origin via-branch=auto");
	t_on_reply("R");
	$du = "sip:127.0.0.1:" + $hdr(X-To);
	t_relay();
}
onreply_route[R] { rtpengine_manage("via-branch=auto ICE=force"); }
`;

const SDP = 'v=0\r\no=alice 1 1 IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n';

interface Side {
  readonly engines: readonly [NgEngine, NgEngine];
  readonly server: RealServer;
}
const sides: Side[] = [];
let alice: SipClient;
let bob: SipClient;

beforeAll(async () => {
  for (const kind of ['kamscript', 'kamailio'] as const) {
    const engines = [await NgEngine.open(), await NgEngine.open()] as const;
    const [a, b] = engines;
    const lines = `modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${a.port}")
modparam("rtpengine", "rtpengine_sock", "1 == udp:127.0.0.1:${b.port}=2")`;
    sides.push({ engines, server: await startServer(kind, script(lines)) });
  }
  alice = await SipClient.open();
  bob = await SipClient.open();
}, 60_000);
afterAll(async () => {
  alice?.close();
  bob?.close();
  for (const { engines, server } of sides) {
    await server.stop();
    for (const e of engines) e.close();
  }
});
beforeEach(() => {
  for (const { engines } of sides) for (const e of engines) e.commands.length = 0;
});

/** What the RTPengines of a side were told, without what differs between servers. */
const told = ({ engines, server }: Side): unknown =>
  JSON.parse(
    JSON.stringify(engines.map((e) => e.commands))
      .replaceAll(`${server.port}`, 'PORT')
      .replace(/"via-branch":"z9hG4bK(?!-call)[^"]*"/g, '"via-branch":"BRANCH"')
      .replace(/-tag":"from\d+"/g, '-tag":"FROM"'),
  );

async function both(what: (side: Side) => Promise<unknown>): Promise<void> {
  const [ours, theirs] = sides as [Side, Side];
  const mine = { saw: await what(ours), told: told(ours) };
  const his = { saw: await what(theirs), told: told(theirs) };
  expect(mine).toEqual(his);
}

const ask =
  (name: string, method = 'INVITE', to?: string) =>
  async ({ server }: Side) => {
    const reply = await alice.ask(
      {
        method,
        uri: 'sip:x@127.0.0.1',
        callId: `case-${name}`,
        ...(to === undefined ? {} : { to }),
        headers: [`X-Case: ${name}`, 'Content-Type: application/sdp'],
        body: SDP,
      },
      server.port,
    );
    return `${reply.status} ${reply.header('X-Said')} ${reply.header('X-Instance')}`;
  };

describe('commands', () => {
  test.each(WORDS.map((words, i) => [`offer${i}`, words]))('%s: %s', (name) => both(ask(name)));
  test.each(WORDS.map((words, i) => [`delete${i}`, words]))('%s: %s', (name) =>
    both(ask(name, 'BYE', '<sip:x@y>;tag=tt')),
  );
  test.each(SIMPLE)('%s', (name) => both(ask(name)));
  test.each(['answer', 'extra', 'set', 'sets', 'noset', 'query_v'])('%s', (name) => both(ask(name)));
  test('an answer is of an ACK or a reply', () => both(ask('answer', 'MESSAGE', '<sip:x@y>;tag=tt')));
});

describe('what an RTPengine may answer', () => {
  const failing = async (side: Side, answer: ReadonlyMap<string, string> | 'silence', times = 1) => {
    for (let i = 0; i < times; i++) side.engines[0].answers.push(answer);
    return await ask('offer0')(side);
  };
  test('an error', () =>
    both((side) =>
      failing(
        side,
        new Map([
          ['result', 'error'],
          ['error-reason', 'Unknown call-id'],
        ]),
      ),
    ));
  test('no SDP', () => both((side) => failing(side, new Map([['result', 'ok']]))));
  test('a load limit', () => both((side) => failing(side, new Map([['result', 'load limit']]))));
  test('something else', () => both((side) => failing(side, new Map([['result', 'what']]))));
  test('nothing at first', () => both((side) => failing(side, 'silence')));
});

test('a call: offer, answer, end; the SDP is that of the RTPengine', () =>
  both(async ({ server }) => {
    const via = (n: number) => `Via: SIP/2.0/UDP 127.0.0.1:${alice.port};branch=z9hG4bK-call${n}`;
    const head = (n: number, method: string, tag = '') =>
      `${via(n)}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@x>;tag=a\r\nTo: <sip:bob@y>${tag}\r\nCall-ID: whole-call\r\nCSeq: ${n} ${method}\r\n`;
    const withSdp = `Content-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`;
    alice.send(
      `INVITE sip:bob@127.0.0.1:${server.port} SIP/2.0\r\n${head(1, 'INVITE')}X-To: ${bob.port}\r\nContact: <sip:alice@127.0.0.1:${alice.port}>\r\n${withSdp}`,
      server.port,
    );
    const invite = await bob.receive((t) => t.startsWith('INVITE'));
    const copied = invite
      .split('\r\n')
      .filter((l) => /^(Via|From|Call-ID|CSeq|Record-Route):/.test(l))
      .join('\r\n');
    bob.send(
      `SIP/2.0 200 OK\r\n${copied}\r\nTo: <sip:bob@y>;tag=b\r\nContact: <sip:bob@127.0.0.1:${bob.port}>\r\n${withSdp}`,
      server.port,
    );
    const ok = await alice.receive((t) => t.startsWith('SIP/2.0 200'));
    const route = `Route: <sip:127.0.0.1:${server.port};lr>\r\n`;
    alice.send(
      `ACK sip:bob@127.0.0.1:${bob.port} SIP/2.0\r\n${head(1, 'ACK', ';tag=b').replace('call1', 'ack')}${route}Content-Length: 0\r\n\r\n`,
      server.port,
    );
    await bob.receive((t) => t.startsWith('ACK'));
    alice.send(
      `BYE sip:bob@127.0.0.1:${bob.port} SIP/2.0\r\n${head(2, 'BYE', ';tag=b')}${route}Content-Length: 0\r\n\r\n`,
      server.port,
    );
    const bye = await bob.receive((t) => t.startsWith('BYE'));
    bob.send(
      `SIP/2.0 200 OK\r\n${bye
        .split('\r\n')
        .filter((l) => /^(Via|From|To|Call-ID|CSeq):/.test(l))
        .join('\r\n')}\r\nContent-Length: 0\r\n\r\n`,
      server.port,
    );
    await alice.receive((t) => /^SIP\/2\.0 200[\s\S]*CSeq: 2 BYE/.test(t));
    const body = (t: string) => t.slice(t.indexOf('\r\n\r\n') + 4);
    return {
      offered: body(invite),
      answered: body(ok),
      lengths: [invite, ok].map((t) => /Content-Length: (\d+)/.exec(t)?.[1]),
    };
  }));
