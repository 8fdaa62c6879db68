/**
 * The control plane beside the reference server: both run one script, and the real kamcmd, `kamctl rpc`, curl and raw
 * connections get the same answers from either.
 */
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer, tcp } from '../../support/real-server.js';

const SCRIPT = `
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
listen=tcp:127.0.0.1:{{PORT}}
alias=some.example:5070
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "htable.so"
loadmodule "xhttp.so"
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
loadmodule "cfg_rpc.so"
loadmodule "counters.so"
loadmodule "xhttp_prom.so"
modparam("ctl", "binrpc", "unixs:{{DIR}}/ctl")
modparam("ctl", "binrpc", "tcp:127.0.0.1:{{PORT2}}")
modparam("ctl", "binrpc", "udp:127.0.0.1:{{PORT3}}")
modparam("ctl", "binrpc", "unixd:{{DIR}}/ctl-dgram")
modparam("jsonrpcs", "transport", 7)
modparam("jsonrpcs", "fifo_name", "{{DIR}}/rpc.fifo")
modparam("jsonrpcs", "dgram_socket", "{{DIR}}/rpc.sock")
modparam("htable", "htable", "t=>size=4;")
modparam("counters", "script_counter", "calls")
modparam("xhttp_prom", "xhttp_prom_stats", "sl:")
modparam("xhttp_prom", "prom_counter", "name=first;")
modparam("xhttp_prom", "prom_counter", "name=second; label=method:IP;")
modparam("xhttp_prom", "prom_gauge", "name=gg; label=method:IP;")
modparam("xhttp_prom", "prom_histogram", "name=hh; label=method; buckets=1:2.5:10")
modparam("xhttp_prom", "prom_histogram", "name=plain")
modparam("xhttp", "url_skip", "^/skip")
mygroup.limit = 5 desc "a limit"
mygroup.label = "text" desc "a label"
mygroup[1].limit = 7
event_route[xhttp:request] {
	if ($hu =~ "^/RPC") { jsonrpc_dispatch(); exit; }
	if (prom_check_uri()) { prom_dispatch(); exit; }
	if ($hu == "/count") {
		prom_counter_inc("first", "3");
		prom_counter_inc("second", "2", "$rm", "$si");
		prom_gauge_set("gg", "-2.5", "push", "1.2.3.4");
		prom_histogram_observe("hh", "2.5", "x");
		prom_histogram_observe("hh", "100", "x");
		prom_histogram_observe("hh", "0.3", "y");
		prom_histogram_observe("plain", "0.3");
	}
	if ($hu == "/silent") exit;
	if ($hu == "/bad") { xhttp_reply("99", "x", "text/plain", "y"); exit; }
	xhttp_reply("404", "Not Found", "text/plain", "$rm $hu [$rb] $si $proto $hdr(Host) $cl $rv $(hu{url.path}) $ua $ml");
}
request_route {
	cfg_select("mygroup", 1);
	send_reply("200", "limit $sel(cfg_get.mygroup.limit)");
}
`;

let ours: RealServer;
let theirs: RealServer;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([startServer('kamscript', SCRIPT), startServer('kamailio', SCRIPT)]);
}, 60_000);

afterAll(async () => {
  await Promise.all([ours?.stop(), theirs?.stop()]);
});

/** Without what is of one server alone: its folder, its ports, those of its clients, times. */
function plain(text: string, of: RealServer): string {
  let out = text.replaceAll(of.dir, 'DIR');
  for (let i = 0; i < 10; i++) out = out.replace(new RegExp(`(?<!\\d)${of.port + i}(?!\\d)`, 'g'), `PORT${i}`);
  return (
    out
      .replace(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:CLIENT')
      .replace(/\b1[78]\d{11}\b/g, 'TIME')
      // Kamailio adds up the replies of its processes with a delay
      .replace(/(kamailio_sl_\w+) \d+/g, '$1 COUNT')
      // the counts above make the page of metrics longer or shorter
      .replace(/Content-Length: \d+(?=[\s\S]*# User defined metrics)/, 'Content-Length: N')
      .replace(/"id":\s*\d{3,}/g, '"id": ID')
      .replace(/;tag=[0-9a-f]+\.[0-9a-f]+/g, ';tag=TAG')
  );
}

async function both(ask: (of: RealServer) => Promise<string>): Promise<void> {
  const [a, b] = await Promise.all([ask(ours), ask(theirs)]);
  expect(plain(a, ours)).toBe(plain(b, theirs));
}

describe('kamcmd', () => {
  const commands = `
core.echo a 1 two
core.echo 1
core.prints a b
core.printi 1 2
core.version
core.aliases_list
core.sockets_list
core.tcp_list
core.modules
core.udp4_raw_info
core.shmmem x
no.such
system.methodSignature core.echo
system.methodHelp core.echo
system.methodHelp cfg.set_delayed
system.methodHelp no.such
system.methodHelp
who
listen
ctl.connections
htable.sets t x hello
htable.get t x
htable.get t none
htable.get none x
htable.dump t
htable.listTables
cnt.get script calls
cnt.get nothing there
cfg.get mygroup
cfg.get mygroup limit
cfg.get mygroup[1] limit
cfg.get mygroup[1]
cfg.get mygroup[2] limit
cfg.get mygroup[x] limit
cfg.get mygroup[
cfg.get mygroup none
cfg.get nothing
cfg.get nothing x
cfg.get
cfg.help mygroup label
cfg.help mygroup limit
cfg.help mygroup none
cfg.help core debug
cfg.list mygroup
cfg.list maxfwd
cfg.list nothing
cfg.get maxfwd max_limit
cfg.seti mygroup limit abc
cfg.seti mygroup limit
cfg.seti mygroup
cfg.set
cfg.sets mygroup limit abc
cfg.sets mygroup limit 77
cfg.seti mygroup limit 6
cfg.get mygroup limit
cfg.set mygroup label 5
cfg.get mygroup label
cfg.sets mygroup label new
cfg.set mygroup[1] limit 8
cfg.get mygroup[1] limit
cfg.set mygroup[9] limit 8
cfg.set_delayed mygroup limit 9
cfg.set_delayed mygroup[1] limit 19
cfg.set_delayed mygroup limit 10
cfg.diff
cfg.get mygroup limit
cfg.commit
cfg.diff
cfg.get mygroup limit
cfg.get mygroup[1] limit
cfg.set_delayed mygroup limit 1
cfg.rollback
cfg.commit
cfg.get mygroup limit
cfg.add_group_inst mygroup[3]
cfg.get mygroup[3] limit
cfg.set mygroup[3] label own
cfg.get mygroup[3]
cfg.del mygroup[3] label
cfg.get mygroup[3] label
cfg.del mygroup[3]
cfg.del mygroup limit
cfg.del_group_inst mygroup[3]
cfg.get mygroup[3] limit
cfg.add_group_inst mygroup
cfg.set core no_such 1
cfg.set nothing x 1
cfg.seti maxfwd max_limit 20
cfg.get maxfwd max_limit
cfg.seti core debug 3
cfg.get core debug
cfg.seti core debug 2
jsonrpc.echo a 1
xhttp_prom.counter_inc first 4
xhttp_prom.counter_inc first 1 label
xhttp_prom.counter_inc none 1
xhttp_prom.counter_inc
xhttp_prom.gauge_set gg 1.5 a b
xhttp_prom.gauge_set gg 1.5 a
xhttp_prom.gauge_reset gg a b
xhttp_prom.histogram_observe plain 3.5
xhttp_prom.counter_reset second a b
xhttp_prom.metric_list_print
`
    .trim()
    .split('\n');

  for (const command of commands) {
    test(command, () => both((of) => run('kamcmd', ['-s', `unix:${join(of.dir, 'ctl')}`, ...command.split(' ')])));
  }

  test('over TCP, UDP and unix datagrams', async () => {
    for (const where of ['tcp', 'udp', 'unixd']) {
      await both((of) => {
        const socket = { tcp: `tcp:127.0.0.1:${of.port + 1}`, udp: `udp:127.0.0.1:${of.port + 2}` }[where];
        return run('kamcmd', ['-s', socket ?? `unixd:${join(of.dir, 'ctl-dgram')}`, 'core.echo', 'over', where]);
      });
    }
  });

  test('a setting of the script counts for the next message', async () => {
    await Promise.all([ours, theirs].map((of) => kamcmd(of, 'cfg.set', 'mygroup[1]', 'limit', '77')));
    await both((of) => sip(of));
  });

  test('nonsense on the socket ends in an error, not in silence', async () => {
    await both((of) => tcp(of.port + 1, ['hello\r\n']));
  });
});

const kamcmd = (of: RealServer, ...args: string[]) => run('kamcmd', ['-s', `unix:${join(of.dir, 'ctl')}`, ...args]);

/** First line of the reply to an OPTIONS request. */
function sip(of: RealServer): Promise<string> {
  const request =
    `OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n` +
    'To: <sip:x@y>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n';
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (text: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => done('no reply'), 2000);
    socket.once('message', (d) => done(d.toString('latin1').split('\r\n', 1)[0] ?? ''));
    socket.send(request, of.port, '127.0.0.1');
  });
}

describe('HTTP', () => {
  const request = (line: string, body = '', headers = `Content-Length: ${body.length}\r\n`) =>
    `${line}\r\nHost: localhost\r\n${headers}\r\n${body}`;
  const rpc = (text: string) => request('POST /RPC HTTP/1.1', text);
  const cases: readonly (readonly [name: string, ...texts: string[]])[] = [
    ['a reply of the script', request('GET /x?a=b HTTP/1.1')],
    ['HTTP 1.0', request('GET /x HTTP/1.0')],
    ['a body', request('PUT /x HTTP/1.1', 'some body')],
    ['two requests at once', request('GET /x HTTP/1.1') + request('GET /y HTTP/1.1')],
    ['a request in pieces', 'GET /x HT', 'TP/1.1\r\nHost: localhost\r\nContent-Le', 'ngth: 3\r\n\r\na', 'bc'],
    ['a request that the script does not answer', request('GET /silent HTTP/1.1')],
    ['a URL that url_skip names', request('GET /skip/this HTTP/1.1')],
    ['a code that is none', request('GET /bad HTTP/1.1')],
    ['no Content-Length', request('GET /x HTTP/1.1', '', '')],
    ['chunks', request('POST /x HTTP/1.1', '3\r\nabc\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n')],
    ['a Via of SIP', request('GET /x HTTP/1.1', '', 'Via: SIP/2.0/TCP 1.2.3.4:99\r\nContent-Length: 0\r\n')],
    [
      'headers of SIP',
      request(
        'GET /x HTTP/1.1',
        '',
        'From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 GET\r\nContent-Length: 0\r\n',
      ),
    ],
    ['metrics before any', request('GET /metrics HTTP/1.1')],
    ['counting', request('GET /count HTTP/1.1')],
    ['metrics', request('GET /metrics HTTP/1.1')],
    ['JSON-RPC', rpc('{"jsonrpc":"2.0","method":"core.echo","params":["a",1],"id":1}')],
    ['JSON-RPC: no such method', rpc('{"jsonrpc":"2.0","method":"no.such","id":"x"}')],
    ['JSON-RPC: a fault', rpc('{"jsonrpc":"2.0","method":"htable.get","params":["none","x"],"id":1.5}')],
    ['JSON-RPC: another command than RPC knows', rpc('{"jsonrpc":"2.0","method":"ctl.who","id":1}')],
    ['JSON-RPC: no JSON', rpc('{"jsonrpc":')],
    ['JSON-RPC: nothing', rpc('')],
    ['JSON-RPC: several answers', rpc('{"jsonrpc":"2.0","method":"cfg.help","params":["mygroup","label"],"id":1}')],
  ];
  for (const [name, ...texts] of cases) test(name, () => both((of) => tcp(of.port, texts)));

  test('curl', async () => {
    const body = '{"jsonrpc": "2.0", "method": "htable.dump", "params": ["t"], "id": 7}';
    await both((of) => run('curl', ['-s', '-i', '-m', '5', '-d', body, `http://127.0.0.1:${of.port}/RPC`]));
  });
});

describe('JSON-RPC as a document', () => {
  const documents: readonly string[] = [
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":null}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":true}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":[1]}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":{"a":1}}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":12345678901}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":-1}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":0.0000001}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["a", 1.5, true, null, "b"],"id":1}',
    '{"jsonrpc":"2.0","method":"core.echo","params":{"x":"a","y":2},"id":1}',
    '{"jsonrpc":"2.0","method":"core.echo","params":"a","id":1}',
    '{"jsonrpc":"1.0","method":"core.echo","params":["a"],"id":1}',
    '{"method":"core.echo","params":["a"],"id":1}',
    '[{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":1}]',
    '{"JSONRPC":"2.0","Method":"core.echo","PARAMS":["a"],"ID":1}',
    '{"jsonrpc":"2.0","method":"core.echo","params":["\\u00e9\\n\\"\\\\/\\ud83d\\ude00 é"],"id":"\\u00e9"}',
    '{"jsonrpc":"2.0","method":"core.prints","params":[5],"id":1}',
    '{"jsonrpc":"2.0","method":"core.printi","params":["x", 3],"id":1}',
    '{"jsonrpc":"2.0","method":"core.sockets_list","id":1}',
    '{"jsonrpc":"2.0","method":"htable.stats","id":1}',
    '{"jsonrpc":"2.0","method":"jsonrpc.echo","params":["a",1],"id":1}',
    '{"jsonrpc":"2.0","method":"ctl.listen","id":1}',
    '{"jsonrpc":"2.0","method":"cfg.diff","id":1}',
    '{"jsonrpc":"2.0","method":"stats.fetch","params":["no:"],"id":1}',
  ];
  // socat is not part of the base system, perl is
  const ask = `
use Socket; my ($to, $own, $text) = @ARGV;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, pack_sockaddr_un($own)); 
send($s, $text, 0, pack_sockaddr_un($to)) or print "send: $!";
my $r = ""; vec($r, fileno($s), 1) = 1;
if (select($r, undef, undef, 2)) { recv($s, my $data, 65536, 0); print $data } else { print "no answer" } unlink $own;
`;
  for (const [i, text] of documents.entries()) {
    test(text, () => both((of) => run('perl', ['-e', ask, join(of.dir, 'rpc.sock'), join(of.dir, `own${i}`), text])));
  }
});

// it keeps its answer in /tmp, where fifo_reply_dir is unless the script says otherwise
describe('kamctl rpc', () => {
  const commands = ['core.version', 'core.echo a b', 'htable.get t x', 'no.such', 'cfg.get mygroup limit'];
  for (const command of commands) {
    test(command, async () => {
      const ask = (of: RealServer) =>
        run('kamctl', ['rpc', ...command.split(' ')], { ...process.env, RPCFIFOPATH: join(of.dir, 'rpc.fifo') });
      await both(ask);
      expect(await ask(ours)).toContain('"jsonrpc"');
    });
  }
});
