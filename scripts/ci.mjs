// Runs every check in turn and sums up what passed. A test that fails is tried once more (TEST_RETRY), and a file with a test that failed still is played
// once more by itself at the end of its step: real servers and their timing, ports that another process takes. Each step's own closing line is counted where it has one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const nsqBin = path.join(process.env.HOME ?? '/root', '.cache', 'kamscript', 'bin');
const node = process.execPath;
const VITEST = 'node_modules/vitest/vitest.mjs';

/** Steps: what it is called, its command, and a file without which it is skipped (with the reason). */
const steps = [
  { name: 'npm test', command: ['npm', 'test'], again: [node, VITEST, 'run'] },
  { name: 'lint', command: [node, 'node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  { name: 'types', command: [node, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit'] },
  { name: 'speed beside Kamailio', command: [node, 'bench/kamailio.mjs', '--quick'] },
  {
    name: 'real peers',
    command: [node, VITEST, 'run', '--config', 'vitest.peers.config.ts'],
    again: [node, VITEST, 'run', '--config', 'vitest.peers.config.ts'],
    env: { NSQ_BIN: nsqBin },
  },
];

let passed = 0;
let failed = 0;
for (const step of steps) {
  if (step.needs && !existsSync(step.needs)) {
    console.log(`== ${step.name}: skipped, ${step.needs} is not here`);
    continue;
  }
  console.log(`== ${step.name}`);
  let result = resultOf(await run(step));
  const files = result.failed > 0 && step.again ? failedFiles(result.output) : [];
  if (files.length > 0) {
    console.log(`== ${step.name}: ${result.failed} failed; once more by themselves: ${files.join(' ')}`);
    const again = resultOf(await run({ ...step, command: [...step.again, ...files] }));
    result = { ...again, passed: result.passed + Math.max(result.failed - again.failed, 0) };
  }
  passed += result.passed;
  failed += result.failed;
  console.log(`== ${step.name}: ${result.failed === 0 ? 'ok' : `failed (status ${result.status})`}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

function run({ command: [bin, ...args], env }) {
  return new Promise((resolve) => {
    const child = spawn(bin, args, {
      cwd: ROOT,
      env: { ...process.env, ...env, FORCE_COLOR: '0', NO_COLOR: '1', TEST_RETRY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (d) => {
        output += d;
        process.stdout.write(d);
      });
    }
    child.on('error', (e) => resolve({ status: 127, output: `${output}${e.message}` }));
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** What a step's end comes to: a step that fails without a count of its own counts as one failure. */
function resultOf({ status, output }) {
  const counts = countsOf(output);
  const failed = counts?.failed || (status === 0 ? 0 : 1);
  return { status, output, passed: counts?.passed ?? (status === 0 ? 1 : 0), failed };
}

/** Files that Vitest names in its list of what failed, and those in whose time an error was thrown that nobody caught. */
function failedFiles(output) {
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const failed = plain.matchAll(/^\s*FAIL\s+(test\/\S+\.ts)/gm);
  const thrown = plain.matchAll(/^This error originated in "(test\/\S+\.ts)" test file/gm);
  return [...new Set([...failed, ...thrown].map((m) => m[1]))];
}

/** Sum of all of Vitest's `Tests  3 failed | 120 passed (123)`. */
function countsOf(output) {
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const lines = [...plain.matchAll(/^\s*Tests\s+(.*)$/gm)].map((m) => m[1]);
  if (lines.length === 0) return undefined;
  const sum = (word) => lines.reduce((n, line) => n + Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0), 0);
  return { passed: sum('passed'), failed: sum('failed') };
}
