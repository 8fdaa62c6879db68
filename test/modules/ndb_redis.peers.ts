/** ndb_redis beside Kamailio's, both on one redis server, each in a database of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts, type RealServer, startServer, wait } from '../support/real-server.js';

let port = 0;
const dir = mkdtempSync(join(tmpdir(), 'redis-'));
let redis: ChildProcess | undefined;

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('PING\r\n'));
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

async function startRedis(): Promise<void> {
  redis = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', dir], {
    stdio: 'ignore',
  });
  for (let i = 0; i < 100 && !(await answers()); i++) await wait(50);
}

function stopRedis(): Promise<void> {
  return new Promise((resolve) => {
    if (redis === undefined || redis.exitCode !== null) return resolve();
    redis.once('close', () => resolve());
    redis.kill();
  });
}

const SCRIPT = (db: number) => `debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "ctl.so"
loadmodule "ndb_redis.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("ndb_redis", "server", "name=r;addr=127.0.0.1;port=${port};db=${db}")
modparam("ndb_redis", "cmd_timeout", 2000)
modparam("ndb_redis", "allowed_timeouts", 1)
modparam("ndb_redis", "disable_time", 300)

request_route {
	if ($rU == "all") route(ALL);
	if ($rU == "lost") { redis_cmd("r", "PING", "p"); xlog("L_ERR", "lost $rc <$redis(p=>info)>\\n"); }
	if ($rU == "pipe") { redis_pipe_cmd("r", "PING", "q"); redis_execute("r"); xlog("L_ERR", "pipe $rc <$redis(q=>info)>\\n"); }
	sl_send_reply("200", "OK");
}
route[ALL] {
	redis_cmd("r", "SET k value", "s");
	xlog("L_ERR", "set $rc type $redis(s=>type) value <$redis(s=>value)> info <$redis(s=>info)> size <$redis(s=>size)>\\n");
	redis_cmd("r", "GET k", "g");
	xlog("L_ERR", "get $rc type $redis(g=>type) value <$redis(g=>value)> info <$redis(g=>info)> at <$redis(g=>value[0])>\\n");
	redis_cmd("r", "GET none", "n");
	xlog("L_ERR", "nil $rc type $redis(n=>type) value <$redis(n=>value)> info <$redis(n=>info)>\\n");
	redis_cmd("r", "INCRBY big 5000000000", "i");
	redis_cmd("r", "INCRBY small -7", "j");
	xlog("L_ERR", "int $rc type $redis(j=>type) value $redis(j=>value) and $redis(i=>value) info <$redis(i=>info)>\\n");
	redis_cmd("r", "NOSUCH command", "e");
	xlog("L_ERR", "err $rc type $redis(e=>type) value <$redis(e=>value)>\\n");
	$var(v) = "two words";
	redis_cmd("r", "SET %s %s", "a key", "$var(v)", "x");
	redis_cmd("r", "GET %s", "a key", "x");
	xlog("L_ERR", "spaces $rc <$redis(x=>value)>\\n");
	redis_cmd("r", "SET   many    blanks ", "x");
	redis_cmd("r", "GET many", "x");
	xlog("L_ERR", "blanks $rc <$redis(x=>value)>\\n");
	redis_cmd("r", "SET pct 100%%", "x");
	redis_cmd("r", "GET pct", "x");
	xlog("L_ERR", "percent $rc <$redis(x=>value)>\\n");
	redis_cmd("r", "SET q 'a", "x");
	redis_cmd("r", "GET q", "x");
	xlog("L_ERR", "quote $rc <$redis(x=>value)>\\n");
	redis_cmd("r", "HSET h %s %s", "f", "$var(v)", "x");
	redis_cmd("r", "HGETALL h", "h");
	xlog("L_ERR", "hash $rc type $redis(h=>type) size $redis(h=>size) <$redis(h=>value[0])> <$redis(h=>value[1])> <$redis(h=>value[2])> <$redis(h=>value)> t $redis(h=>type[1])\\n");
	$var(n) = 1;
	xlog("L_ERR", "by variable <$redis(h=>value[$var(n)])> <$redis( h => value[ 1 ] )>\\n");
	redis_cmd("r", "EVAL return{1,{2,{'x'}},false,redis.status_reply('fine')} 0", "t");
	xlog("L_ERR", "nested $rc $redis(t=>value[0]) $redis(t=>value[1]=>value[0]) $redis(t=>value[1]=>value[1]=>value[0]) $redis(t=>value[1]=>size) <$redis(t=>value[2])> $redis(t=>type[2]) $redis(t=>type[3]) <$redis(t=>value[7]=>value[0])>\\n");
	xlog("L_ERR", "types $redisd(rpl_str) $redisd(rpl_arr) $redisd(rpl_int) $redisd(rpl_nil) $redisd(rpl_sts) $redisd(rpl_err)\\n");
	if (!redis_cmd("r", "GET %s", "x")) xlog("L_ERR", "no values: $rc\\n");
	if (!redis_cmd("other", "PING", "x")) xlog("L_ERR", "no server: $rc\\n");
	redis_execute("r");
	xlog("L_ERR", "nothing piped $rc\\n");
	redis_pipe_cmd("r", "SET p %s", "1", "p1");
	redis_pipe_cmd("r", "INCR p", "p2");
	redis_pipe_cmd("r", "NOSUCH", "p3");
	redis_pipe_cmd("r", "GET p", "p4");
	xlog("L_ERR", "piped $rc <$redis(p4=>value)>\\n");
	redis_execute("r");
	xlog("L_ERR", "done $rc <$redis(p1=>info)> <$redis(p2=>value)> <$redis(p3=>type)> <$redis(p4=>value)>\\n");
	redis_pipe_cmd("r", "SET p 9", "p1");
	redis_cmd("r", "GET p", "p4");
	xlog("L_ERR", "by itself $rc <$redis(p1=>info)> <$redis(p4=>value)>\\n");
	redis_free("p4");
	xlog("L_ERR", "free $rc <$redis(p4=>value)>\\n");
	redis_free("p4");
	xlog("L_ERR", "free again $rc\\n");
	redis_free("never");
	xlog("L_ERR", "free of none $rc\\n");
}
`;

async function ask(server: RealServer, user: string): Promise<void> {
  const socket = createSocket('udp4');
  const done = new Promise<void>((resolve) => socket.once('message', () => resolve()));
  const text = `OPTIONS sip:${user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK${user}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;
  socket.send(text, server.port, '127.0.0.1');
  await Promise.race([done, wait(6000)]);
  socket.close();
}

const scriptLines = (server: RealServer) =>
  server
    .log()
    .split('\n')
    .flatMap((line) => /ERROR: <script>: (.*)$/.exec(line)?.[1] ?? []);

let ours: RealServer;
let theirs: RealServer;

beforeAll(async () => {
  port = freePorts();
  await startRedis();
  [ours, theirs] = await Promise.all([startServer('kamscript', SCRIPT(1)), startServer('kamailio', SCRIPT(2))]);
}, 60_000);

afterAll(async () => {
  await Promise.all([ours?.stop(), theirs?.stop()]);
  await stopRedis();
  rmSync(dir, { recursive: true, force: true });
});

const both = (user: string) => Promise.all([ask(ours, user), ask(theirs, user)]);

test('commands, replies and pipes', { timeout: 60_000 }, async () => {
  await both('all');
  expect(scriptLines(theirs).length).toBeGreaterThan(20);
  expect(scriptLines(ours)).toEqual(scriptLines(theirs));
});

test('a server that goes, is not asked for a time, or comes again', { timeout: 60_000 }, async () => {
  await stopRedis();
  await startRedis();
  await both('lost');
  await stopRedis();
  for (let i = 0; i < 3; i++) await both('lost');
  await both('pipe');
  expect(scriptLines(ours).slice(-5)).toEqual(scriptLines(theirs).slice(-5));
  expect(scriptLines(theirs)).toContain('pipe -2 <<null>>');
});
