// Consume rate of kamscript beside that of bare nsqjs, both against the same nsqd: 200-byte JSON, an event route that takes
// one field. SIP OPTIONS run meanwhile.   node bench/nsq.mjs [--messages 50000] [--in-flight 100] [--workers 1] [--rounds 3]
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const N = option('messages', 50_000);
const IN_FLIGHT = option('in-flight', 100);
const WORKERS = option('workers', 1);
const ROUNDS = option('rounds', 3);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** nsqjs by itself, in a process of its own; the field is taken by JSON.parse. */
async function bareConsumer(topic, port, inFlight) {
  const { default: nsq } = await import('nsqjs');
  const reader = new nsq.Reader(topic, 'bench', {
    nsqdTCPAddresses: `127.0.0.1:${port}`,
    maxInFlight: inFlight,
    outputBufferSize: -1,
  });
  let _seen = 0;
  reader.on('message', (message) => {
    if (JSON.parse(message.body).From) _seen++;
    message.finish();
  });
  reader.on('error', () => {});
  reader.connect();
}

function freePort() {
  return new Promise((done) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function main() {
  const bin = [
    path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'kamscript/bin/nsqd'),
    ...(process.env.PATH ?? '').split(':').map((d) => path.join(d, 'nsqd')),
  ].find(existsSync);
  if (!bin) throw new Error('no nsqd: run scripts/install-nsq.sh');
  const dir = mkdtempSync(path.join(tmpdir(), 'bench-nsq-'));
  const [tcp, http, sip] = [await freePort(), await freePort(), await freePort()];
  const nsqd = spawn(
    bin,
    [
      '-tcp-address',
      `127.0.0.1:${tcp}`,
      '-http-address',
      `127.0.0.1:${http}`,
      '-https-address',
      '127.0.0.1:0',
      '-data-path',
      dir,
      '-mem-queue-size',
      `${N * 2}`,
      '-broadcast-address',
      '127.0.0.1',
    ],
    { stdio: 'ignore' },
  );
  const call = async (method, p, body) => (await fetch(`http://127.0.0.1:${http}${p}`, { method, body })).text();
  for (;;) {
    try {
      await call('GET', '/ping');
      break;
    } catch {
      await sleep(50);
    }
  }
  const channel = async (topic) =>
    JSON.parse(await call('GET', `/stats?format=json&topic=${topic}`)).topics?.[0]?.channels?.[0];

  /** Fills a paused channel, waits for the consumer, lets go and measures until all is finished. */
  async function measure(topic, start, probe) {
    await call('POST', `/topic/create?topic=${topic}`);
    await call('POST', `/channel/create?topic=${topic}&channel=bench`);
    await call('POST', `/channel/pause?topic=${topic}&channel=bench`);
    for (let i = 0; i < N; i += 1000) {
      const batch = Array.from({ length: Math.min(1000, N - i) }, (_, k) => payload(i + k));
      await call('POST', `/mpub?topic=${topic}`, batch.join('\n'));
    }
    const child = start(topic);
    while (((await channel(topic))?.clients?.length ?? 0) < (probe ? WORKERS : 1)) await sleep(20);
    await sleep(300);
    const times = probe?.();
    const cpu = cpuTime(child.pid);
    const from = performance.now();
    await call('POST', `/channel/unpause?topic=${topic}&channel=bench`);
    for (;;) {
      const c = await channel(topic);
      if (c.depth + c.in_flight_count + c.deferred_count === 0) break;
      await sleep(25);
    }
    const rate = N / ((performance.now() - from) / 1000);
    const micros = ((cpuTime(child.pid) - cpu) * 1e6) / N;
    const sipTimes = await times?.();
    const exited = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await exited;
    await call('POST', `/topic/delete?topic=${topic}`);
    return { rate, micros, sipTimes };
  }

  const bare = (topic) =>
    spawn(process.execPath, [fileURLToPath(import.meta.url), '--consumer', topic, `${tcp}`, `${IN_FLIGHT * WORKERS}`], {
      cwd: ROOT,
      stdio: 'inherit',
    });
  const ours = (topic) => {
    const cfg = path.join(dir, 'bench.cfg');
    writeFileSync(cfg, script(topic, tcp, sip));
    return spawn(
      process.execPath,
      [
        ...(process.env.BENCH_NODE ?? '').split(' ').filter(Boolean),
        path.join(ROOT, 'bin/kamscript.js'),
        '-f',
        cfg,
        '-DD',
        '-E',
      ],
      { cwd: ROOT, stdio: ['ignore', 'ignore', process.env.BENCH_LOG ? 'inherit' : 'ignore'] },
    );
  };

  const rates = { bare: [], ours: [] };
  const sipTimes = [];
  for (let round = 0; round < ROUNDS; round++) {
    const alone = await measure(`bare${round}`, bare);
    rates.bare.push(alone.rate);
    const result = await measure(`ours${round}`, ours, () => probe(sip));
    rates.ours.push(result.rate);
    sipTimes.push(...result.sipTimes);
    console.log(
      `round ${round + 1}: nsqjs ${Math.round(alone.rate)}/s (${alone.micros.toFixed(1)} µs CPU), kamscript ${Math.round(result.rate)}/s (${result.micros.toFixed(1)} µs)`,
    );
  }
  const gone = new Promise((done) => nsqd.once('exit', done));
  nsqd.kill();
  await gone;
  rmSync(dir, { recursive: true, force: true });
  const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
  sipTimes.sort((a, b) => a - b);
  const p99 = sipTimes[Math.floor(sipTimes.length * 0.99)] ?? Number.NaN;
  const ratio = median(rates.ours) / median(rates.bare);
  console.log(
    `consume ratio ${ratio.toFixed(2)} (at least 0.8), SIP OPTIONS p99 ${p99.toFixed(1)} ms of ${sipTimes.length} (under 5)`,
  );
}

/** Seconds of processor time of a process (Linux; 0 elsewhere). */
function cpuTime(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

const payload = (n) =>
  JSON.stringify({
    'Event-Category': 'presence',
    'Event-Name': 'update',
    From: `sip:user${n}@example.com`,
    n,
    pad: 'x'.repeat(85),
  }).padEnd(200);

const script = (topic, nsqdPort, sipPort) => `debug=2
log_stderror=yes
disable_tcp=yes
listen=udp:127.0.0.1:${sipPort}
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "nsq.so"
modparam("nsq", "nsqd_address", "127.0.0.1:${nsqdPort}")
modparam("nsq", "consumer_use_nsqd", 1)
modparam("nsq", "topic_channel", "${topic}:bench")
modparam("nsq", "consumer_workers", ${WORKERS})
modparam("nsq", "max_in_flight", ${IN_FLIGHT})
request_route { sl_send_reply("200", "OK"); }
event_route[nsq:consumer-event-presence-update] { $var(from) = $(nsqE{nsq.json,From}); }
`;

/** The probe in a process of its own, so that what this one does meanwhile is not in its times. */
function probe(port) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--probe', `${port}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (d) => {
    out += d;
  });
  const closed = new Promise((done) => child.once('close', done));
  return async () => {
    child.stdin.end();
    await closed;
    return JSON.parse(out);
  };
}

/** An OPTIONS every 5 ms until the input ends; prints the times of the replies in milliseconds, lost ones as 1000. */
async function probing(port) {
  const stop = options(port);
  await new Promise((done) => process.stdin.resume().once('end', done));
  console.log(JSON.stringify(await stop()));
}

function options(port) {
  const socket = dgram.createSocket('udp4');
  const sent = new Map();
  const times = [];
  let n = 0;
  socket.on('message', (m) => {
    const id = /call-id: (\S+)/i.exec(m.toString('latin1'))?.[1];
    if (!sent.has(id)) return;
    times.push(performance.now() - sent.get(id));
    sent.delete(id);
  });
  const bound = new Promise((done) => socket.bind(0, '127.0.0.1', done));
  const timer = setInterval(async () => {
    await bound;
    const id = `bench-${++n}`;
    sent.set(id, performance.now());
    socket.send(
      `OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${id}\r\nFrom: <sip:b@127.0.0.1>;tag=1\r\nTo: <sip:a@127.0.0.1>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`,
      port,
      '127.0.0.1',
    );
  }, 5);
  return async () => {
    clearInterval(timer);
    await sleep(200);
    socket.close();
    return [...times, ...[...sent.keys()].map(() => 1000)];
  };
}

if (process.argv[2] === '--consumer')
  await bareConsumer(process.argv[3], Number(process.argv[4]), Number(process.argv[5]));
else if (process.argv[2] === '--probe') await probing(Number(process.argv[3]));
else await main();
