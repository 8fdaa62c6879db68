/** `kamscript test [PATH…]`: the tests of scripts. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { distFile } from '../../runtime/worker-file.js';
import { type Comparison, obstacle } from '../test/against.js';
import { coverageText, type FileCoverage, lcov } from '../test/coverage.js';
import { coverageHtml } from '../test/coverage-html.js';

interface Options {
  readonly reporter: keyof typeof REPORTERS;
  readonly grep?: string;
  /** `html`: a page in the folder `--coverage-dir`. */
  readonly coverage?: boolean | string;
  readonly coverageDir: string;
  readonly lcov?: string;
  readonly watch?: boolean;
  readonly against?: string | true;
}

/** Names of node:test's reporters. */
const REPORTERS = { text: 'spec', tap: 'tap', junit: 'junit', dot: 'dot' } as const;
const FORMS: ReadonlySet<string> = new Set(['text', 'html', 'lcov']);
const TEST_FILE = /\.test\.(?:js|mjs|ts|mts)$/;
const SKIPPED = new Set(['node_modules', 'dist']);
const ENTRY = distFile('cli/test/entry.js');
/** Milliseconds in which changes are gathered. */
const GATHER = 100;

export function addTest(program: Command, setStatus: (status: number) => void): void {
  program
    .command('test')
    .description('run the tests of scripts: files *.test.js and *.test.ts that use kamscript/testing')
    .argument('[path...]', 'test files, or folders to look for them', ['.'])
    .addOption(new Option('-r, --reporter <name>', 'how to print').choices(Object.keys(REPORTERS)).default('text'))
    .option('-g, --grep <pattern>', 'only tests whose name matches the regular expression')
    .option('-c, --coverage [form]', 'show which routes and lines of the scripts ran: text, html or lcov')
    .option('--coverage-dir <folder>', 'where html and lcov are written', 'coverage')
    .option('--lcov <file>', 'write the coverage as an lcov tracefile')
    .option('--against [binary]', 'play the same steps at a real Kamailio, and show where it does something else')
    .option('-w, --watch', 'run again when a test or a script changes')
    .action(async (paths: string[], options: Options) => setStatus(await runTests(...arranged(paths, options))));
}

/** `--coverage FOLDER`: what stands behind the option is a path where it is no form. */
function arranged(paths: readonly string[], options: Options): [readonly string[], Options] {
  const { coverage } = options;
  if (typeof coverage !== 'string' || FORMS.has(coverage)) return [paths, options];
  return [[coverage, ...paths.filter((p) => p !== '.')], { ...options, coverage: true }];
}

/** Exit status: 0 all passed, 1 a test failed, 2 there is no test to run. */
async function runTests(paths: readonly string[], options: Options): Promise<number> {
  const found = findTests(paths);
  if (typeof found === 'string') {
    process.stderr.write(`${found}\n`);
    return 2;
  }
  const status = await runOnce(found, options);
  return options.watch ? watch(paths, options) : status;
}

/** Test files in order of their names; a text says why there are none. */
function findTests(paths: readonly string[]): readonly string[] | string {
  const found: string[] = [];
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return `${path}: no such file or folder`;
    if (stat.isDirectory()) found.push(...testsIn(path));
    else found.push(path);
  }
  if (found.length === 0) {
    return `no tests in ${paths.join(', ')}: a test is a file *.test.js that imports 'kamscript/testing' (docs/testing.md)`;
  }
  const typescript = found.find((f) => /ts$/.test(f));
  if (typescript !== undefined && !(process.features as { typescript?: unknown }).typescript) {
    return `${typescript}: Node.js ${process.version} does not run TypeScript; use 22.18 or later, or write a .test.js`;
  }
  return found.map((f) => resolve(f)).sort();
}

function testsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : testsIn(path);
    return TEST_FILE.test(entry.name) && readFileSync(path, 'utf8').includes('kamscript/testing') ? [path] : [];
  });
}

async function runOnce(files: readonly string[], options: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kamscript-test-'));
  const report = join(folder, 'coverage.json');
  const compared = join(folder, 'against.json');
  const measure = options.coverage !== undefined || options.lcov !== undefined;
  try {
    const binary = options.against === true ? 'kamailio' : options.against;
    const why = binary === undefined ? undefined : obstacle(binary);
    if (why !== undefined) {
      process.stderr.write(`test: --against: ${why}\n`);
      return 2;
    }
    const status = await spawnTests(files, options, {
      KAMSCRIPT_COVERAGE: measure ? report : '',
      ...(binary === undefined ? {} : { KAMSCRIPT_AGAINST: binary, KAMSCRIPT_AGAINST_REPORT: compared }),
    });
    if (measure) writeCoverage(report, options);
    return binary === undefined ? status : Math.max(status, tellDifferences(compared));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Status: 1 where Kamailio does something else. */
function tellDifferences(file: string): number {
  const { alike, differences, leftOut } = JSON.parse(readFileSync(file, 'utf8')) as Comparison;
  const out = [
    ...differences,
    ...leftOut.map((l) => `not played: ${l}`),
    `Against Kamailio: ${alike} steps alike, ${differences.length} different, ${leftOut.length} not played`,
  ];
  process.stdout.write(`${out.join('\n')}\n`);
  return differences.length > 0 ? 1 : 0;
}

function spawnTests(
  files: readonly string[],
  options: Options,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const flags = [`--test-reporter=${REPORTERS[options.reporter]}`, '--test-reporter-destination=stdout'];
  if (options.grep !== undefined) flags.push(`--test-name-pattern=${options.grep}`);
  const child = spawn(process.execPath, [...flags, ENTRY, ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done(code === 0 ? 0 : 1));
  });
}

function writeCoverage(report: string, options: Options): void {
  const files = JSON.parse(readFileSync(report, 'utf8')) as FileCoverage[];
  if (options.coverage === true || options.coverage === 'text') process.stdout.write(coverageText(files));
  if (options.coverage === 'html') inFolder(options, 'index.html', coverageHtml(files, textIfThere));
  if (options.coverage === 'lcov') inFolder(options, 'lcov.info', lcov(files));
  if (options.lcov !== undefined) writeFileSync(options.lcov, lcov(files));
}

function inFolder({ coverageDir }: Options, name: string, text: string): void {
  mkdirSync(coverageDir, { recursive: true });
  const file = join(coverageDir, name);
  writeFileSync(file, text);
  process.stdout.write(`Coverage: ${file}\n`);
}

function textIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Ends only with the process. */
async function watch(paths: readonly string[], options: Options): Promise<number> {
  const { watch: watchFiles } = await import('chokidar');
  const ignored = (path: string) => [...SKIPPED].some((name) => path.split(/[\\/]/).includes(name));
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  const run = async () => {
    again = running;
    if (running) return;
    running = true;
    const found = findTests(paths);
    if (typeof found === 'string') process.stderr.write(`${found}\n`);
    else await runOnce(found, options);
    running = false;
    if (again) await run();
  };
  watchFiles([...paths], { ignored, ignoreInitial: true }).on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), GATHER);
  });
  return new Promise(() => undefined);
}
