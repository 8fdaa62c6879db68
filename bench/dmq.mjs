// The DMQ bus beside Kamailio 5.6.3 in the same run: KDMQ handled per processor second, the time of a late joiner's first
// synchronisation, and writes to a table on a bus of one kamscript and one Kamailio node.
//   npm run bench dmq [-- --seconds 4 --cells 50000 --rounds 1 --only kdmq|flood|sync|writes]
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const given = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const SECONDS = Number(given('seconds', 4));
const CELLS = Number(given('cells', 50_000));
const ROUNDS = Number(given('rounds', 1));
const ONLY = given('only', '');
const WINDOW = 64;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const dir = mkdtempSync(path.join(tmpdir(), 'bench-dmq-'));
const running = [];

const SERVERS = {
  kamscript: (file) => [process.execPath, [path.join(ROOT, 'bin/kamscript.js'), '-f', file, '-DD', '-E']],
  // The fastest memory managers, one receiver and one worker: fewer processes cost less each message.
  kamailio: (file) => [
    'kamailio',
    ['-f', file, '-DD', '-E', '-x', 'fm', '-X', 'fm', '-Y', dir, '-w', dir, '-m', '256'],
  ],
};

function script({ port, notify, cells, children }) {
  return `#!KAMAILIO
debug=0
log_stderror=yes
children=${children}
max_while_loops=1000000
listen=udp:127.0.0.1:${port}
disable_tcp=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "dmq.so"
loadmodule "htable.so"
modparam("dmq", "server_address", "sip:127.0.0.1:${port}")
${notify ? `modparam("dmq", "notification_address", "sip:127.0.0.1:${notify}")` : ''}
modparam("dmq", "num_workers", ${children})
modparam("htable", "htable", "rep=>size=14;dmqreplicate=1;")
modparam("htable", "enable_dmq", 1)
modparam("htable", "dmq_init_sync", 1)
request_route {
  if ($rm == "KDMQ") { dmq_handle_message(); exit; }
  if ($rm == "MESSAGE") { $sht(rep=>$rU) = $rb; }
  if ($rm == "OPTIONS") { append_to_reply("X-N: $shtcn(rep=>**)\\r\\n"); }
  sl_send_reply("200", "OK");
}
event_route[htable:mod-init] {
  $var(i) = 0;
  while ($var(i) < ${cells}) {
    $sht(rep=>key-$var(i)) = "a value of the usual length for cell " + $var(i);
    $var(i) = $var(i) + 1;
  }
}
`;
}

let nextPort = 20_000 + (process.pid % 20_000);

/** A SIP client that counts answers. */
async function client() {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  await new Promise((done) => socket.bind(0, '127.0.0.1', done));
  const me = socket.address().port;
  let seq = 0;
  const text = (method, port, user, body, type) =>
    `${method} sip:${user}@127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${me};branch=z9hG4bK${me}.${++seq}\r\n` +
    `To: <sip:${user}@127.0.0.1:${port}>\r\nFrom: <sip:${user}@127.0.0.1:${me}>;tag=${seq}\r\nCSeq: 10 ${method}\r\n` +
    `Call-ID: ${me}-${seq}@127.0.0.1\r\nContent-Length: ${body.length}\r\nMax-Forwards: 1\r\nContent-Type: ${type}\r\n\r\n${body}`;
  return { socket, text };
}

async function start(kind, options = {}) {
  const port = nextPort++;
  const file = path.join(dir, `${port}.cfg`);
  writeFileSync(file, script({ cells: 0, children: 1, ...options, port }));
  const [command, args] = SERVERS[kind](file);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const node = { kind, port, child, began: performance.now() };
  running.push(node);
  for (let i = 0; i < 6000 && (await cellsOf(node)) === undefined; i++);
  return node;
}

async function cellsOf({ port }) {
  const { socket, text } = await client();
  try {
    return await new Promise((done) => {
      const timer = setTimeout(done, 10);
      socket.on('message', (data) => {
        clearTimeout(timer);
        done(Number(/X-N: (\d+)/.exec(data.toString())?.[1]));
      });
      socket.send(text('OPTIONS', port, 'n', '', 'text/plain'), port, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

async function stop(node) {
  const gone = new Promise((done) => node.child.once('exit', done));
  node.child.kill('SIGTERM');
  await Promise.race([gone, sleep(5000).then(() => node.child.kill('SIGKILL'))]);
  running.splice(running.indexOf(node), 1);
}

/** Processor seconds of a process and its children. */
function cpu(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  let ticks = Number(fields[11]) + Number(fields[12]);
  for (const task of readdirSync(`/proc/${pid}/task`))
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' '))
      if (child !== '') ticks += cpu(Number(child)) * 100;
  return ticks / 100;
}

/** KDMQ set messages, WINDOW unanswered. */
async function kdmq(kind) {
  const node = await start(kind);
  const { socket, text } = await client();
  let open = 0;
  let answered = 0;
  let n = 0;
  const fill = () => {
    while (open < WINDOW) {
      const body = `{"action":2,"htname":"rep","cname":"key-${n % 5000}","type":2,"strval":"a value of the usual length ${n++}","mode":1}`;
      socket.send(text('KDMQ', node.port, 'htable', body, 'application/json'), node.port, '127.0.0.1');
      open++;
    }
  };
  socket.on('message', (data) => {
    open--;
    if (data.toString('latin1', 0, 11) === 'SIP/2.0 200') answered++;
    fill();
  });
  fill();
  await sleep(1500);
  const [from, began, used] = [answered, performance.now(), cpu(node.child.pid)];
  await sleep(SECONDS * 1000);
  const [done, wall, busy] = [answered - from, (performance.now() - began) / 1000, cpu(node.child.pid) - used];
  socket.close();
  await stop(node);
  return {
    server: kind,
    per_s: Math.round(done / wall),
    cpu_s: Number(busy.toFixed(2)),
    per_cpu_s: Math.round(done / busy),
  };
}

/** Round trips of OPTIONS, 100 a second, alone and while KDMQ come as fast as they are answered. */
async function flood(kind) {
  const node = await start(kind);
  const calm = await roundTrips(node);
  const { socket, text } = await client();
  let open = 0;
  let answered = 0;
  let n = 0;
  const fill = () => {
    for (; open < WINDOW; open++, n++) {
      const body = `{"action":2,"htname":"rep","cname":"key-${n % 5000}","type":2,"strval":"value ${n}","mode":1}`;
      socket.send(text('KDMQ', node.port, 'htable', body, 'application/json'), node.port, '127.0.0.1');
    }
  };
  socket.on('message', () => {
    open--;
    answered++;
    fill();
  });
  fill();
  const busy = await roundTrips(node);
  socket.close();
  await stop(node);
  return { server: kind, kdmq: answered, calm_ms: calm, flooded_ms: busy };
}

async function roundTrips({ port }) {
  const { socket, text } = await client();
  const times = [];
  let began = 0;
  socket.on('message', () => times.push(performance.now() - began));
  for (let i = 0; i < SECONDS * 100; i++) {
    began = performance.now();
    socket.send(text('OPTIONS', port, 'n', '', 'text/plain'), port, '127.0.0.1');
    await sleep(10);
  }
  await sleep(200);
  socket.close();
  times.sort((a, b) => a - b);
  const at = (q) => Number(times[Math.floor(times.length * q)]?.toFixed(2));
  return { lost: SECONDS * 100 - times.length, p50: at(0.5), p99: at(0.99) };
}

/** Seconds from the joiner's start (it answers OPTIONS) until it has all cells. */
async function sync(donorKind, joinerKind) {
  const donor = await start(donorKind, { cells: CELLS });
  while ((await cellsOf(donor)) !== CELLS) await sleep(100);
  const joiner = await start(joinerKind, { notify: donor.port });
  const began = performance.now();
  let cells = await cellsOf(joiner);
  while (cells !== CELLS && performance.now() - began < 90_000) {
    await sleep(20);
    cells = await cellsOf(joiner);
  }
  const seconds = Number(((performance.now() - began) / 1000).toFixed(2));
  await stop(joiner);
  await stop(donor);
  return { donor: donorKind, joiner: joinerKind, cells, of: CELLS, seconds };
}

/** 500 writes a second for SECONDS on each of two nodes; how long after the last the tables are equal in size. */
async function writes(first, second) {
  const a = await start(first);
  const b = await start(second, { notify: a.port });
  await sleep(1000);
  const { socket, text } = await client();
  const total = SECONDS * 500;
  for (let i = 0; i < total; i++) {
    socket.send(text('MESSAGE', a.port, `a${i}`, `va${i}`, 'text/plain'), a.port, '127.0.0.1');
    socket.send(text('MESSAGE', b.port, `b${i}`, `vb${i}`, 'text/plain'), b.port, '127.0.0.1');
    if (i % 5 === 4) await sleep(10);
  }
  const began = performance.now();
  const counts = async () => [await cellsOf(a), await cellsOf(b)];
  let now = await counts();
  while (now.some((n) => n !== 2 * total) && performance.now() - began < 20_000) {
    await sleep(20);
    now = await counts();
  }
  socket.close();
  const ms = Math.round(performance.now() - began);
  await stop(b);
  await stop(a);
  return { nodes: `${first}+${second}`, writes: 2 * total, cells: now.join(' '), equal_after_ms: ms };
}

async function main() {
  for (let round = 0; round < ROUNDS; round++) {
    if (ONLY === '' || ONLY === 'kdmq')
      for (const kind of ['kamscript', 'kamailio']) console.log(JSON.stringify(await kdmq(kind)));
    if (ONLY === '' || ONLY === 'flood')
      for (const kind of ['kamscript', 'kamailio']) console.log(JSON.stringify(await flood(kind)));
    if (ONLY === '' || ONLY === 'sync')
      for (const [d, j] of [
        ['kamscript', 'kamscript'],
        ['kamailio', 'kamailio'],
        ['kamscript', 'kamailio'],
        ['kamailio', 'kamscript'],
      ])
        console.log(JSON.stringify(await sync(d, j)));
    if (ONLY === '' || ONLY === 'writes')
      for (const [x, y] of [
        ['kamscript', 'kamscript'],
        ['kamscript', 'kamailio'],
      ])
        console.log(JSON.stringify(await writes(x, y)));
  }
}

try {
  await main();
} finally {
  for (const { child } of running) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
}
