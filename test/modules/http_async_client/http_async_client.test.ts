/** http_async_client on a running server. Debian has no such module: what is expected is what its manual and source say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEVEL } from '../../../src/runtime/module.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';
import { Server } from '../../../src/server/server.js';
import { freePorts } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';
import { type WebServer, webServer } from '../http_client/web-server.js';

const lines: string[] = [];
const log = {
  level: LEVEL.WARN,
  write: (_level: number, _origin: string, text: string) => void lines.push(text.trim()),
};

function script(port: number, web: WebServer): string {
  const url = (path: string) => `http://127.0.0.1:${web.port}${path}`;
  return `listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "http_async_client.so"
modparam("http_async_client", "connection_timeout", 1500)
modparam("pv", "shvset", "free=s:none")
modparam("pv", "shvset", "rc=i:0")
request_route {
	if (is_method("ACK")) exit;
	$avp(kept) = "kept";
	if ($rU == "free") {
		$http_req(suspend) = 0;
		t_newtran();
		$shv(rc) = http_async_query("${url('/ok')}", "FREE");
		t_reply("200", "OK");
		exit;
	}
	if ($rU == "none") {
		$shv(rc) = http_async_query("${url('/ok')}", "FREE");
		sl_send_reply("200", "OK");
		exit;
	}
	if (!t_newtran()) exit;
	switch ($rU) {
		case "ok": http_async_query("${url('/ok')}", "ANSWER"); break;
		case "missing": http_async_query("${url('/missing')}", "ANSWER"); break;
		case "silent": http_async_query("${url('/silent')}", "ANSWER"); break;
		case "nobody": http_async_query("http://127.0.0.1:9/", "ANSWER"); break;
		case "noroute": http_async_query("${url('/ok')}", "NOWHERE"); break;
		case "empty": $shv(rc) = http_async_query("$(avp(none){s.tolower})", "ANSWER"); break;
		case "all":
			$http_req(all) = $null;
			$http_req(method) = "PUT";
			$http_req(hdr) = "X-One: 1";
			$http_req(hdr) = "Content-Type: application/json";
			$http_req(body) = "{\\"user\\": \\"" + $rU + "\\"}";
			$http_req(timeout) = 2000;
			http_async_query("${url('/echo')}", "ANSWER");
			break;
		case "badtype":
			$http_req(timeout) = "soon";
			$http_req(body) = 5;
			$http_req(method) = "BREW";
			http_async_query("${url('/echo')}", "ANSWER");
			break;
		case "moved":
			$http_req(follow_redirect) = 1;
			http_async_query("${url('/moved')}", "ANSWER");
			break;
		case "digest":
			$http_req(username) = "joe";
			$http_req(password) = "secret";
			http_async_query("${url('/digest')}", "ANSWER");
			break;
		case "outside":
			$var(x) = $http_ok;
			break;
	}
	t_reply("500", "not suspended");
}
route[ANSWER] {
	if ($http_ok) {
		$var(body) = $(http_rb{s.select,0,\\n});
		set_reply_body("$http_rs|$http_rr|$http_hdr(X-Test)|$http_bs|$var(body)|$avp(kept)|$rU", "text/plain");
		t_reply("200", "Answered");
	} else {
		$var(none) = $http_rs;
		t_reply("480", "$http_err");
	}
}
route[FREE] {
	$shv(free) = $rm + " " + $http_rs;
}
`;
}

let web: WebServer;
let server: Server;
let client: SipClient;
let port: number;
beforeAll(async () => {
  web = await webServer();
  port = freePorts();
  const vars = new VarStore();
  const { program, problems } = loadScript('async.cfg', { env: {}, vars, text: script(port, web) });
  if (program === undefined) throw new Error(problems.map((p) => p.message).join('\n'));
  server = await Server.start({ program, vars, log, pid: 7 });
  client = await SipClient.open();
});
afterAll(async () => {
  client.close();
  await server.stop();
  await web.close();
});

async function ask(user: string) {
  lines.length = 0;
  web.requests.length = 0;
  const reply = await client.ask({ method: 'MESSAGE', uri: `sip:${user}@127.0.0.1` }, port);
  return { ...reply, body: reply.text.slice(reply.text.indexOf('\r\n\r\n') + 4) };
}

describe('http_async_query()', () => {
  test('goes on with the request when the answer is there', async () => {
    const { status, body } = await ask('ok');
    expect({ status, body }).toEqual({ status: 200, body: '200|OK|yes|24|first line|kept|ok' });
    expect(web.requests).toEqual([`GET /ok HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nAccept: */*\r\n\r\n`]);
  });

  test('an answer that is no 200 is one', async () => {
    expect((await ask('missing')).body).toBe('404|Not Found|<null>|9|not here|kept|missing');
  });

  test('the next query is what $http_req says, and that after it begins anew', async () => {
    expect((await ask('all')).body).toBe('200|OK|<null>|15|{"user": "all"}|kept|all');
    expect(web.requests[0]).toBe(
      `PUT /echo HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nAccept: */*\r\nX-One: 1\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"user": "all"}`,
    );
    await ask('ok');
    expect(web.requests[0]).toMatch(/^GET .*\r\nAccept: \*\/\*\r\n\r\n$/s);
  });

  test('a value of another type, or an unknown method, is refused and told', async () => {
    expect((await ask('badtype')).status).toBe(200);
    expect(web.requests[0]).toMatch(/^GET /);
    expect(lines).toEqual([
      'invalid value type for $http_req(timeout)',
      'invalid value type for $http_req(body)',
      'Unsupported method: BREW',
    ]);
  });

  test('redirections and challenges', async () => {
    expect((await ask('moved')).body).toMatch(/^200\|OK\|yes/);
    expect((await ask('digest')).body).toMatch(/^200\|OK\|yes/);
    expect(web.requests[1]).toMatch(/\r\nAuthorization: Digest username="joe"/);
  });

  test.each([
    ['silent', 'TIMEOUT'],
    ['nobody', "Failed to connect to 127.0.0.1 port 9: Couldn't connect to server"],
  ])('no answer: %s', async (user, error) => {
    const { status, reason } = await ask(user);
    expect({ status, reason }).toEqual({ status: 480, reason: error });
    expect(lines).toEqual(["an async variable was read after http error, use $http_ok to check the request's status"]);
  });

  test('without a transaction, or with suspend 0, the run goes on and the route gets a made-up request', async () => {
    for (const user of ['none', 'free']) {
      server.host.shared.set('free', 'none');
      expect((await ask(user)).status).toBe(200);
      expect(server.host.shared.get('rc')).toBe(1);
      await expect.poll(() => server.host.shared.get('free')).toBe('OPTIONS 200');
    }
  });

  test('without a URL nothing is asked', async () => {
    expect((await ask('empty')).reason).toBe('not suspended');
    expect({ rc: server.host.shared.get('rc'), asked: web.requests.length }).toEqual({ rc: -1, asked: 0 });
  });

  test('outside of such a route there is no answer', async () => {
    await ask('outside');
    expect(lines).toEqual(['the async variables can only be read from an async http worker']);
  });

  test('is counted', () => {
    const count = (name: string) => server.host.statistics.get(`http_async_client.${name}`);
    expect(['replies', 'errors', 'timeouts'].map(count)).toEqual([9, 1, 1]);
    expect(count('requests')).toBe(11);
  });
});
