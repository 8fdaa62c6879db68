// kamscript beside Kamailio (-x fm -X fm, children=1), alternating in one run: a ratio above 1 means that kamscript is the
// better one.
//   npm run bench [-- ROW …] [--rounds 5] [--seconds 4] [--warm 3] [--write]     rows by name or group; --write: into RESULTS.md
//   npm run bench -- --quick       rows that hold on any machine, short; fails below 0.8 of the ratios of bench/recorded.json
//   npm run bench -- --quick --record    writes those
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { cleanUp, HERE, missing, SIDES } from './both.mjs';
import { check, cold, reload } from './rows/files.mjs';
import { calls, flat, options, register, relay } from './rows/loads.mjs';
import { registrations, transactions } from './rows/memory.mjs';
import { scripts } from './rows/scripts.mjs';

const GROUPS = { scripts, options, relay, calls, register, check, cold, reload, registrations, transactions, flat };
const FALLS = 0.8;
const BUSY = 2.5;
const RECORDED = path.join(HERE, 'recorded.json');

const args = process.argv.slice(2);
const flag = (name) => args.includes(name) && args.splice(args.indexOf(name), 1).length > 0;
const option = (name, otherwise) => (args.includes(name) ? Number(args.splice(args.indexOf(name), 2)[1]) : otherwise);
const quick = flag('--quick');
const record = flag('--record');
const write = flag('--write') || (args.length === 0 && !quick);
const rounds = option('--rounds', quick ? 3 : 5);
const settings = { seconds: option('--seconds', quick ? 2 : 4), warm: option('--warm', quick ? 2 : 3) };

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function chosen(group) {
  return GROUPS[group].rows.filter((r) =>
    args.length > 0 ? args.includes(r.name) || args.includes(group) || args.includes('all') : !quick || r.quick,
  );
}

/** Figures of each row by side. */
async function measureAll() {
  const figures = new Map();
  for (const group of Object.keys(GROUPS)) {
    const rows = chosen(group);
    if (rows.length === 0) continue;
    const why = GROUPS[group].needs?.();
    if (why !== undefined) {
      console.error(`${group}: skipped, ${why}`);
      continue;
    }
    for (const row of rows) figures.set(row, { kamscript: [], kamailio: [] });
    const times = rows.every((r) => r.once) ? 1 : rounds;
    for (let round = 0; round < times; round++) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const found = await GROUPS[group].measure(side, settings);
        for (const row of rows) if (found[row.name] !== undefined) figures.get(row)[side].push(found[row.name]);
      }
    }
    for (const row of rows) console.error(line(row, figures.get(row)));
  }
  return figures;
}

function ratioOf(row, { kamscript, kamailio }) {
  if (row.alone || kamscript.length === 0 || kamailio.length === 0) return undefined;
  return row.less ? median(kamailio) / median(kamscript) : median(kamscript) / median(kamailio);
}

function show(row, list) {
  if (list.length === 0) return '–';
  const f = (n) => n.toFixed(row.digits);
  const spread = list.length > 1 ? ` (${f(Math.min(...list))}–${f(Math.max(...list))})` : '';
  return `${f(median(list))}${spread}`;
}

function line(row, both) {
  const ratio = ratioOf(row, both);
  const wanted = row.wanted === undefined ? '' : ` | ${row.wanted}`;
  return `| ${row.title} (${row.unit}) | ${show(row, both.kamscript)} | ${show(row, both.kamailio)} | ${ratio?.toFixed(2) ?? '–'}${wanted === '' ? ' | ' : wanted} |`;
}

function tableOf(figures) {
  const lines = [...figures].map(([row, both]) => line(row, both));
  const ratios = [...figures].filter(([row]) => 'ABCD'.includes(row.name)).map(([row, both]) => ratioOf(row, both));
  if (ratios.length === 4) {
    const mean = ratios.reduce((product, r) => product * r, 1) ** (1 / 4);
    lines.push(`| geometric mean of A–D | | | ${mean.toFixed(2)} | 10 |`);
  }
  return `| work | kamscript, median (min–max) | Kamailio -x fm -X fm | ratio | wanted |\n|---|---|---|--:|--:|\n${lines.join('\n')}\n`;
}

function writeResults(table) {
  const version = spawnSync('kamailio', ['-v'], { encoding: 'utf8' }).stdout.split('\n')[0];
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: HERE }).stdout.trim();
  const file = path.join(HERE, 'RESULTS.md');
  const old = existsSync(file) ? readFileSync(file, 'utf8').replace(/^# Results\n/, '') : '';
  const head = `## ${new Date().toISOString().slice(0, 16)}Z, ${commit}\nnode ${process.version}, ${version}; ${cpus().length} × ${cpus()[0].model}; median of ${rounds} (min–max), ${settings.seconds} s each, \`npm run bench\`. docs/performance.md explains the rows.\n\n`;
  writeFileSync(file, `# Results\n${head}${table}\n${old}`);
}

/** Rows whose ratio fell below 0.8 of the recorded one are measured once more before they count. */
async function quickCheck(figures) {
  const ratios = Object.fromEntries([...figures].map(([row, both]) => [row.name, ratioOf(row, both)]));
  if (record) {
    writeFileSync(
      RECORDED,
      `${JSON.stringify(Object.fromEntries(Object.entries(ratios).map(([k, r]) => [k, Number(r.toFixed(2))])), null, 2)}\n`,
    );
    return [];
  }
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8'));
  const fallen = (all) =>
    Object.keys(recorded).filter((name) => all[name] !== undefined && all[name] < FALLS * recorded[name]);
  let low = fallen(ratios);
  let last = ratios;
  // the host of a virtual machine has other guests: a row counts as slower when it is so three times
  for (let more = 2; more > 0 && low.length > 0; more--) {
    console.error(`below ${FALLS} of the recorded ratio, measured again: ${low.join(', ')}`);
    args.splice(0, args.length, ...low);
    last = Object.fromEntries([...(await measureAll())].map(([row, both]) => [row.name, ratioOf(row, both)]));
    low = fallen(last);
  }
  return low.map((name) => `${name}: ${last[name].toFixed(2)}, recorded ${recorded[name]}`);
}

/** Beside much other work the compiler's threads and cold caches cost kamscript more than Kamailio: ratios say nothing then. */
function tooBusy() {
  const load = loadavg()[0] ?? 0;
  return load > BUSY * cpus().length
    ? `the machine is busy, load ${load.toFixed(1)} on ${cpus().length} cores`
    : undefined;
}

let failed = [];
try {
  const why = missing() ?? (quick ? tooBusy() : undefined);
  if (why !== undefined && quick) {
    console.log(`skipped: ${why}`);
    process.exit(0);
  }
  if (why !== undefined) throw new Error(why);
  const figures = await measureAll();
  const table = tableOf(figures);
  console.log(table);
  if (write) writeResults(table);
  if (quick) failed = await quickCheck(figures);
  for (const one of failed) console.error(`slower than recorded: ${one}`);
} finally {
  cleanUp();
}
process.exit(failed.length > 0 ? 1 : 0);
