/** evapi beside Kamailio's: the same clients, messages and SIP requests; what clients get, replies and log lines are compared. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, startServer, wait } from '../support/real-server.js';

const SCRIPT = (netstrings: number) => `debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "evapi.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("evapi", "bind_addr", "127.0.0.1:{{PORT2}}")
modparam("evapi", "max_clients", 3)
modparam("evapi", "netstring_format", ${netstrings})

request_route {
	xlog("L_ERR", "[$evapi(conidx)] [$evapi(msg)]\\n");
	if ($rU == "all") { evapi_relay("all: $rm $ru"); }
	if ($rU == "empty") { if (!evapi_relay("$avp(none)")) xlog("L_ERR", "empty: $rc\\n"); evapi_relay(""); xlog("L_ERR", "$rc\\n"); }
	if ($rU == "red") { evapi_multicast("many", "red"); evapi_unicast("one", "red"); $var(x) = evapi_unicast("none", "blue"); xlog("L_ERR", "nobody: $var(x)\\n"); }
	if ($rU == "close") { $var(x) = evapi_close(); $var(y) = evapi_set_tag("x"); xlog("L_ERR", "close $var(x) tag $var(y)\\n"); }
	if ($rU == "wait") {
		t_newtran();
		evapi_async_relay("resume $T(id_index) $T(id_label)");
		exit;
	}
	sl_send_reply("200", "OK");
}
route[GO] { t_reply("202", "Went on"); }
event_route[evapi:connection-new] {
	xlog("L_ERR", "new $evapi(conidx) $evapi(srcaddr) $evapi(msg)\\n");
	evapi_relay("hello $evapi(conidx)");
}
event_route[evapi:connection-closed] { xlog("L_ERR", "closed $evapi(conidx)\\n"); }
event_route[evapi:message-received] {
	xlog("L_ERR", "msg $evapi(conidx) <$evapi(msg)>\\n");
	if ($evapi(msg) =~ "^tag") { $var(x) = evapi_set_tag("$(evapi(msg){s.select,1, })"); xlog("L_ERR", "tagged $var(x)\\n"); }
	if ($evapi(msg) =~ "^long") { $var(x) = evapi_set_tag("0123456789012345678901234567890123456789012345678901234567890123"); xlog("L_ERR", "tagged $var(x)\\n"); }
	if ($evapi(msg) =~ "^bye") { evapi_close(); xlog("L_ERR", "bye $rc $evapi(conidx)\\n"); }
	if ($evapi(msg) =~ "^nobody") { evapi_multicast("x", "nobody"); xlog("L_ERR", "nobody $rc\\n"); }
	if ($evapi(msg) =~ "^go ") {
		$var(i) = $(evapi(msg){s.select,1, }{s.int});
		$var(l) = $(evapi(msg){s.select,2, }{s.int});
		t_continue("$var(i)", "$var(l)", "GO");
	}
}
`;

interface Client {
  readonly socket: Socket;
  got(): string;
}

const clients: Client[] = [];

async function client(port: number): Promise<Client> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('data', (d) => {
    got += d.toString('latin1');
  });
  socket.on('close', () => {
    got += '[closed]';
  });
  socket.on('error', (e) => {
    got += `[${e.message}]`;
  });
  const one = { socket, got: () => got };
  clients.push(one);
  await wait(250);
  return one;
}

const request = (user: string, id: string) =>
  `MESSAGE sip:${user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK${id}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: ${id}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`;

/** The first line of what comes back within that time; '' nothing. */
async function statusOf(port: number, text: string, ms: number): Promise<string> {
  const socket = createSocket('udp4');
  let got = '';
  socket.on('message', (d) => {
    got ||= d.toString('latin1').split('\r\n')[0] ?? '';
  });
  socket.send(text, port, '127.0.0.1');
  for (const end = Date.now() + ms; got === '' && Date.now() < end; ) await wait(20);
  socket.close();
  return got;
}

const logOf = (server: RealServer) =>
  server
    .log()
    .split('\n')
    .flatMap(
      (line) => /(?:ERROR|WARNING): (?:<script>|evapi)[^:]*(?:\[[^\]]*\])?(?:: \w+\(\))?: (.*)$/.exec(line)?.[1] ?? [],
    )
    .join('\n');

/** All that one server does with it. */
async function play(server: RealServer): Promise<object> {
  const port = server.port + 1;
  const frame = (text: string) => `${text.length}:${text},`;
  const a = await client(port);
  const b = await client(port);
  const c = await client(port);
  const d = await client(port); // one too many
  const say = async (who: Client, text: string) => {
    who.socket.write(text);
    await wait(120);
  };
  const statuses: string[] = [];
  const sip = async (user: string) => {
    statuses.push(await statusOf(server.port, request(user, user), 2000));
    await wait(100);
  };
  await say(a, frame('tag red'));
  await say(b, ` \r\n${frame('tag red')}\n${frame('two in one')}`);
  await say(c, '9:in pie');
  await say(c, 'ces,');
  await say(c, frame('long'));
  await say(c, '4:nope;4:lost,');
  await say(c, 'garbage');
  await say(c, '0:,');
  await say(c, frame('nobody'));
  for (const user of ['all', 'red', 'empty', 'close']) await sip(user);
  const waiting = statusOf(server.port, request('wait', 'wait'), 3000);
  await wait(300);
  const [, index, label] = /resume (\d+) (\d+)/.exec(a.got()) ?? [];
  await say(a, frame(`go ${index} ${label}`));
  statuses.push(await waiting);
  await say(b, frame('bye'));
  c.socket.end();
  await wait(200);
  const again = await client(port);
  const hide = (text: string) =>
    text.replace(/(\d+:)?resume \d+ \d+/g, 'resume').replace(/<(\d+:)?go \d+ \d+,?>/, '<go>');
  return { got: [a, b, c, d, again].map((one) => hide(one.got())), statuses, log: hide(logOf(server)) };
}

describe.each([1, 0])('netstring_format %i', (format) => {
  let ours: RealServer;
  let theirs: RealServer;

  beforeAll(async () => {
    [ours, theirs] = await Promise.all([
      startServer('kamscript', SCRIPT(format)),
      startServer('kamailio', SCRIPT(format)),
    ]);
  }, 60_000);

  afterAll(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await Promise.all([ours?.stop(), theirs?.stop()]);
  });

  test('clients, messages and requests', { timeout: 60_000 }, async () => {
    const [a, b] = await Promise.all([play(ours), play(theirs)]);
    expect(a).toEqual(b);
  });
});
