// npm start: installs and builds what is missing, runs examples/cfg/start.cfg and tries it once.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, install, ROOT } from './prepare.mjs';

install();
await build();

const bin = path.join(ROOT, 'bin', 'kamscript.js');
const script = path.join('examples', 'cfg', 'start.cfg');
const target = 'sip:bob@127.0.0.1:5066';
const server = spawn(process.execPath, [bin, 'run', script], { cwd: ROOT, stdio: ['ignore', 'inherit', 'pipe'] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.kill(signal));
server.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

let shown = false;
server.stderr.on('data', (data) => {
  process.stderr.write(data);
  if (shown || !data.includes(' is running, listening on ')) return;
  shown = true;
  tryIt().catch((e) => {
    console.error(e);
    server.kill('SIGTERM');
  });
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function send(...args) {
  console.log(`\n$ npx kamscript send ${args.map((a) => (/[^\w:@.-]/.test(a) ? `'${a}'` : a)).join(' ')}`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, 'send', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    child.on('close', () => {
      console.log(out.split('\r\n')[0]);
      resolve();
    });
  });
}

async function tryIt() {
  await send('-m', 'OPTIONS', target);
  await send('-m', 'MESSAGE', '-b', 'hello bob', target);
  await pause(300);
  await send('-m', 'MESSAGE', '-b', 'lunch at one?', target);
  await pause(300);
  console.log(`
It runs. The lines above with <script> are what ${script} logged: each MESSAGE became an event, and the event
ran the first event_route that exists for it. Next:
  - send some yourself, from another terminal: the two commands above, or
      sipsak -s ${target}
  - see the order of the routes an event tries: comments in ${script}, and docs/nsq.md
  - change the script and check it:  npx kamscript check ${script}
  - run your own:                    npx kamscript run your-kamailio.cfg
  - Ctrl-C ends the server.`);
}
