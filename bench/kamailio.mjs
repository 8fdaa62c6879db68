// kamscript beside Kamailio (-x fm -X fm, children=1), alternating in one run: ratios above 1 mean that kamscript needs less
// processor time.   node bench/kamailio.mjs [--rounds 5] [--seconds 4] [--write] [A B C D options relay]
// Needs kamailio and gcc. Figures of a noisy machine: look at the min–max beside each median.
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(HERE);
const DIR = mkdtempSync(path.join(tmpdir(), 'bench-'));
const args = process.argv.slice(2);
const option = (name, otherwise) => (args.includes(name) ? Number(args.splice(args.indexOf(name), 2)[1]) : otherwise);
const rounds = option('--rounds', 5);
const seconds = option('--seconds', 4);
const write = args.includes('--write') && args.splice(args.indexOf('--write'), 1).length > 0;
const ROWS = ['A', 'B', 'C', 'D', 'options', 'relay'];
const rows = args.length > 0 ? ROWS.filter((r) => args.includes(r)) : ROWS;

const SIDES = {
  kamscript: (cfg) => [process.execPath, [path.join(ROOT, 'bin', 'kamscript.js'), '-f', cfg, '-DD', '-E']],
  kamailio: (cfg) => ['kamailio', ['-f', cfg, '-DD', '-E', '-x', 'fm', '-X', 'fm', '-m', '2048', '-w', DIR, '-Y', DIR]],
};
if (spawnSync('kamailio', ['-v']).error)
  throw new Error('kamailio is not here: apt-get install kamailio kamailio-extra-modules');

function compileC(name) {
  const out = path.join(DIR, name);
  const done = spawnSync('gcc', ['-O2', '-o', out, path.join(HERE, `${name}.c`)], { stdio: 'inherit' });
  if (done.status !== 0) throw new Error(`gcc could not compile ${name}.c`);
  return out;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(side, cfg, work) {
  const [command, argv] = SIDES[side](path.join(HERE, cfg));
  const child = spawn(command, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d) => {
      log += d;
    });
  }
  await pause(2000);
  try {
    return await work(child.pid, () => log);
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
  }
}

/** One MESSAGE that makes the script do its work; resolves with the reply. */
function message(port) {
  const s = dgram.createSocket('udp4');
  return new Promise((resolve, reject) => {
    s.once('message', (d) => {
      s.close();
      resolve(d.toString());
    });
    s.bind(0, '127.0.0.1', () => {
      const own = s.address().port;
      s.send(
        `MESSAGE sip:bob@127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK${own}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: ${own}\r\nCSeq: 1 MESSAGE\r\nX-Tag: abc12345\r\nUser-Agent: bench\r\nContent-Length: 0\r\n\r\n`,
        port,
        '127.0.0.1',
      );
    });
    setTimeout(() => reject(new Error('no reply within 60 s')), 60_000).unref();
  });
}

/** Seconds of each workload of script.cfg, the best of three messages (the first pays for warming up on both sides). */
async function workloads(side) {
  return serve(side, 'script.cfg', async (_pid, log) => {
    for (let i = 0; i < 3; i++) await message(13000);
    await pause(300);
    const best = {};
    for (const [, row, from, to] of log().matchAll(/<script>: ([A-D]) [^\n]*?: t\d=([\d.]+) t\d=([\d.]+)/g)) {
      best[row] = Math.min(best[row] ?? Number.POSITIVE_INFINITY, Number(to) - Number(from));
    }
    return best;
  });
}

/** Requests for each processor second. */
async function load(side, cfg, port, method, blast, uas) {
  const callee = uas === undefined ? undefined : spawn(uas, ['13005'], { stdio: 'ignore' });
  try {
    return await serve(side, cfg, async (pid) => {
      spawnSync(blast, [`${port}`, method, '32', '1']);
      const done = spawnSync(blast, [`${port}`, method, '32', `${seconds}`, `${pid}`], { encoding: 'utf8' });
      return JSON.parse(done.stdout).per_cpu_s;
    });
  } finally {
    callee?.kill('SIGKILL');
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const figures = Object.fromEntries(rows.map((r) => [r, { kamscript: [], kamailio: [] }]));
const blast = rows.some((r) => r.length > 1) ? compileC('blast') : undefined;
const uas = rows.includes('relay') ? compileC('uas') : undefined;

for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? ['kamscript', 'kamailio'] : ['kamailio', 'kamscript'];
  for (const side of order) {
    if (rows.some((r) => r.length === 1)) {
      const best = await workloads(side);
      for (const r of rows) if (r.length === 1) figures[r][side].push(best[r]);
    }
    if (rows.includes('options')) figures.options[side].push(await load(side, 'script.cfg', 13000, 'OPTIONS', blast));
    if (rows.includes('relay')) figures.relay[side].push(await load(side, 'relay.cfg', 13004, 'MESSAGE', blast, uas));
  }
}

const NAMES = {
  A: 'A: integer loop, 1 M turns (s)',
  B: 'B: strings, 200 k (s)',
  C: 'C: $sht, 200 k (s)',
  D: 'D: route, regex, $hdr, 200 k (s)',
  options: 'stateless OPTIONS (requests a processor second)',
  relay: 'relay of MESSAGE through tm (requests a processor second)',
};
const show = (r, list) => {
  const digits = r.length === 1 ? 4 : 0;
  const f = (n) => n.toFixed(digits);
  return `${f(median(list))} (${f(Math.min(...list))}–${f(Math.max(...list))})`;
};
const table = rows.map((r) => {
  const [a, b] = [figures[r].kamscript, figures[r].kamailio];
  const ratio = r.length === 1 ? median(b) / median(a) : median(a) / median(b);
  return `| ${NAMES[r]} | ${show(r, a)} | ${show(r, b)} | ${ratio.toFixed(2)} |`;
});
const text = `| work | kamscript | kamailio -x fm -X fm | ratio |\n|---|---|---|--:|\n${table.join('\n')}\n`;
console.log(text);
if (write) {
  const version = spawnSync('kamailio', ['-v'], { encoding: 'utf8' }).stdout.split('\n')[0];
  const file = path.join(HERE, 'RESULTS.md');
  const old = existsSync(file) ? readFileSync(file, 'utf8').replace(/^# Results\n/, '') : '';
  const head = `## ${new Date().toISOString().slice(0, 16)}Z\nnode ${process.version}, ${version}; ${cpus().length} × ${cpus()[0].model}; median of ${rounds} (min–max), \`npm run bench kamailio\`\n\n`;
  writeFileSync(file, `# Results\n${head}${text}${old}`);
}
process.exit(0);
