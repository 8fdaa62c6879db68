/** sip_warning: the line as 5.6.3 sent it for the same requests (the recorded cases leave Warning out of what they compare). */
import { expect, test } from 'vitest';
import { runScript } from '../../support/script.js';

const SCRIPT = `sip_warning=1
server_signature=no
loadmodule "sl.so"
loadmodule "tm.so"
request_route {
	if ($rU == "moved") $ru = "sip:elsewhere@example.org";
	if ($rm == "INVITE") { t_newtran(); t_reply("404", "Not Found"); exit; }
	sl_send_reply("200", "OK");
}
`.replace('request_route', 'loadmodule "pv.so"\nrequest_route');

const request = (method: string, user: string, via = ''): string => `${method} sip:${user}@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-${method}${user}
${via}Max-Forwards: 70
From: <sip:alice@example.org>;tag=a1
To: <sip:x@example.org>
Call-ID: call@a
CSeq: 1 ${method}
Content-Length: 0

`;

/** What 5.6.3 says, with our pid and ports. */
const said = (user: string, out: string, vias: number): string =>
  `Warning: 392 127.0.0.1:5060 "Noisy feedback tells:  pid=1 req_src_ip=127.0.0.1 req_src_port=5061 in_uri=sip:${user}@127.0.0.1 out_uri=${out} via_cnt==${vias}"`;

test('own replies carry a Warning', async () => {
  const server = await runScript(SCRIPT);
  server.receive(request('OPTIONS', 'plain'));
  server.receive(request('OPTIONS', 'moved'));
  server.receive(request('OPTIONS', 'plain', 'Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-x\n'));
  server.receive(request('OPTIONS', 'plain', 'Via: SIP/2.0/UDP 127.0.0.9, SIP/2.0/UDP 127.0.0.8\n'));
  server.receive(request('INVITE', 'plain'));
  await server.stop();
  const lines = server.sent.map((text) => /^Warning: .*$/m.exec(text)?.[0].trimEnd());
  const plain = 'sip:plain@127.0.0.1';
  expect(lines).toEqual([
    said('plain', plain, 1),
    said('moved', 'sip:elsewhere@example.org', 1),
    said('plain', plain, 2),
    said('plain', plain, 2),
    said('plain', plain, 1),
  ]);
});
