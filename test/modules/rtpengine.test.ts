/** rtpengine without Kamailio: bencode, and an offer to a stand-in (rtpengine.peers.ts compares with Kamailio's). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bencode, decode, encode, plain } from '../../src/modules/rtpengine/bencode.js';
import { NgEngine } from '../support/ng-engine.js';
import { runScript } from '../support/script.js';

const { value } = fc.letrec<{ value: Bencode }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string({ unit: 'binary-ascii' }),
    fc.array(tie('value')),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries) as Bencode),
  ),
}));

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(value, (v) => {
      expect(plain(decode(encode(v))!)).toEqual(plain(v));
    }),
  );
});

test('nothing throws, and what is cut short is nothing', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decode(text)));
  fc.assert(
    fc.property(value, fc.nat(), (v, n) => {
      const text = encode(v);
      expect(decode(text.slice(0, n % text.length))).toBeUndefined();
    }),
  );
  expect(decode('l'.repeat(100_000))).toBeUndefined();
});

test('an offer puts the SDP of the RTPengine into the message; where none answers it stays', async () => {
  const engine = await NgEngine.open();
  const script = (port: number) => `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textopsx.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${port}")
modparam("rtpengine", "rtpengine_tout_ms", 50)
modparam("rtpengine", "rtpengine_retr", 2)
request_route {
	$var(code) = rtpengine_manage("replace-origin");
	msg_apply_changes();
	xlog("$var(code) $(rb{line.at,1})\\n");
}`;
  const sdp = 'v=0\no=alice 1 1 IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n';
  const invite = `INVITE sip:b@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK1
From: <sip:a@x>;tag=1
To: <sip:b@y>
Call-ID: c
CSeq: 1 INVITE
Content-Type: application/sdp
Content-Length: ${sdp.replaceAll('\n', '\r\n').length}

${sdp}`;
  const said = async (port: number) => {
    const server = await runScript(script(port));
    server.receive(invite);
    await expect.poll(() => server.lines.length).toBe(1);
    await server.stop();
    return server.lines[0];
  };
  expect(await said(engine.port)).toBe('1 o=engine 1 1 IP4 127.0.0.1');
  expect(engine.commands).toMatchObject([{ command: 'offer', 'call-id': 'c', 'from-tag': '1', replace: ['origin'] }]);
  const { port } = engine;
  engine.close();
  expect(await said(port)).toBe('-1 o=alice 1 1 IP4 127.0.0.1');
});
