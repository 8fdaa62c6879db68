// Runs the library in a process of its own and prints the median:  in-process.mjs check|reload FILE TIMES
import { readFileSync } from 'node:fs';
import { VarStore } from '../../dist/runtime/var-store.js';
import { loadScript } from '../../dist/server/load.js';
import { createLog } from '../../dist/server/log.js';
import { Server } from '../../dist/server/server.js';

const [what, file, times] = process.argv.slice(2);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function check() {
  const ms = [];
  for (let i = 0; i < Number(times) * 2; i++) {
    const before = process.cpuUsage();
    const { program, problems } = loadScript(file, { env: {} });
    if (program === undefined) throw new Error(JSON.stringify(problems.slice(0, 3)));
    const { user, system } = process.cpuUsage(before);
    // the first half is for warming up
    if (i >= Number(times)) ms.push((user + system) / 1000);
  }
  return { ms: median(ms) };
}

/** Each time one route differs from the version before. */
async function reload() {
  const text = readFileSync(file, 'latin1').replace('#!KAMAILIO', '#!KAMAILIO\nlisten=udp:127.0.0.1:5060');
  const vars = new VarStore();
  const version = (i) => loadScript(file, { env: {}, vars, text: `${text}\nroute[BENCH${i}] {\n\texit;\n}\n` });
  const server = await Server.start({
    program: version(0).program,
    vars,
    pid: process.pid,
    environment: {},
    log: createLog({ pid: process.pid, level: -5, write: () => {} }),
    transport: (socket) => ({ socket, start: async () => {}, send: () => true, stop: async () => {} }),
    sandbox: { publish: () => undefined },
  });
  const all = [];
  const pauses = [];
  for (let i = 1; i <= Number(times) * 2; i++) {
    const began = performance.now();
    const report = await server.reload(() => version(i));
    if (!report.ok) throw new Error(JSON.stringify([report.refused, report.problems.slice(0, 2)]));
    if (i <= Number(times)) continue;
    all.push(performance.now() - began);
    pauses.push(report.pauseMs);
  }
  return { ms: median(all), pauseMs: median(pauses) };
}

console.log(JSON.stringify(what === 'check' ? check() : await reload()));
process.exit(0);
