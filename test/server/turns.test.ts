/** Runs that may wait do not share `$var`, even when they begin in one turn of the event loop. */
import { expect, test } from 'vitest';
import { runScript } from '../support/script.js';

const SCRIPT = `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "exec.so"
debug=2
request_route {
	$var(id) = $ci;
	route(INNER);
	xlog("L_INFO", "end $ci $var(id) $var(n)\\n");
}
route[INNER] {
	$var(n) = $cs;
	if ($hdr(X-Wait) != $null) exec_msg("true");
	xlog("L_INFO", "inner $ci $var(id)\\n");
	return 1;
}
`;

const request = (n: number, wait: boolean): string => `OPTIONS sip:a@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK${n}
From: <sip:a@127.0.0.1>;tag=${n}
To: <sip:b@127.0.0.1>
Call-ID: call${n}
CSeq: ${n} OPTIONS
${wait ? 'X-Wait: yes\n' : ''}Content-Length: 0

`;

async function ended(lines: readonly string[], count: number): Promise<void> {
  const until = Date.now() + 5000;
  while (lines.filter((l) => l.startsWith('end ')).length < count && Date.now() < until)
    await new Promise((done) => setTimeout(done, 5));
}

test('messages of one chunk keep their own values', async () => {
  const server = await runScript(SCRIPT);
  for (let n = 1; n <= 6; n++) server.receive(request(n, n % 2 === 0));
  await ended(server.lines, 6);
  await server.stop();
  const ends = server.lines.filter((l) => l.startsWith('end ')).sort();
  expect(ends).toEqual([1, 2, 3, 4, 5, 6].map((n) => `end call${n} call${n} ${n}`));
});
