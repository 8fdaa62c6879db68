// dist/ as a few files under dist/bundle: loading some 600 modules one by one is most of a start of the command. What a script
// does not load is not run, and the code that V8 makes of the file is kept beside it (bundle-loader.cjs).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(HERE);
const DIST = path.join(ROOT, 'dist');
const CHEVROTAIN = path.join(ROOT, 'node_modules', 'chevrotain');
/** What is begun from outside: the command, and the threads with the names of what they export. */
const ENTRIES = {
  'cli/main': ['main'],
  'cli/shadow/worker': [],
  'modules/nsq/worker': ['consume', 'publish', 'broker'],
  'modules/dmq/worker': ['work'],
  'server/parse-worker': [],
};
const START = 'kamscript:entries';
/** Modules in the file that every start reads, and those that these import; the rest is read when a script loads one of it. */
const COMMON =
  'auth db_sqlite htable kex limits maxfwd outbound pv registrar rr siputils sl sql textops tm tmx usrloc xlog'.split(
    ' ',
  );
const FILES = [
  { name: 'bus', test: (id) => /\/dist\/modules\/(nsq|dmq)\//.test(id) },
  {
    name: 'more',
    test: (id) =>
      /\/dist\/((testing|runtime\/lint|cli\/(verbs|record|test))\/|cli\/shadow\/(play|worker)\.)/.test(id) ||
      (/\/dist\/modules\/.*\//.test(id) && !COMMON.some((name) => id.includes(`/dist/modules/${name}/`))),
  },
  { name: 'kamscript', test: () => true },
];

const at = (name) => path.join(DIST, name);
const quoted = (text) => JSON.stringify(text);
/** `key: () => require(file)…`: within a bundle such a module runs when it is asked for. */
const makers = (list) =>
  list.map(([key, file, rest = '']) => `${quoted(key)}: () => require(${quoted(file)})${rest},`).join('\n');

/** Files that have another form in the bundle, by their paths. */
const REPLACED = new Map([
  [
    START,
    () => `export const entries = {\n${makers(Object.keys(ENTRIES).map((name) => [name, at(`${name}.js`)]))}\n};`,
  ],
  // Its own loading is for the package as it lies in node_modules.
  [
    at('parser/chevrotain.js'),
    (text) => {
      const names = /export const (\{[^}]+\}) = await load/.exec(text)[1];
      return `export ${names} from ${quoted(path.join(CHEVROTAIN, 'lib', 'chevrotain.mjs'))};`;
    },
  ],
  [
    at('modules/built-in.js'),
    () => {
      const index = readFileSync(at('modules/index.js'), 'utf8');
      const listed = [...index.matchAll(/^import \{ (\w+) \} from '\.\/([^']+)';$/gm)].map(([, exported, file]) => [
        file.replace(/(\/index)?\.js$/, ''),
        at(`modules/${file}`),
        `.${exported}`,
      ]);
      return `import { lazyModules } from ${quoted(at('runtime/module-set.js'))};
export const BUILT_IN = lazyModules({\n${makers(listed)}\n});`;
    },
  ],
]);

const replacing = {
  name: 'replacing',
  resolveId: (id) => (id === START ? id : undefined),
  load: (id) => REPLACED.get(id)?.(id === START ? '' : readFileSync(id, 'utf8')),
};

/**
 * Makes the packages and parts of Node.js that the file requires at its head be required when they are used: `http` or
 * commander are milliseconds of a start that needs none of them.
 */
function lateRequires(code) {
  const names = [];
  const head = /^(?:let|const) (\w+) = require\(("[^"]+")\);\n(?:\1 = ([\w.]+)\(\1, 1\);\n)?/gm;
  const late = code.replace(head, (line, name, id, toEsm) => {
    if (id === '"./rolldown-runtime.js"' || id === '"./kamscript.js"') return line;
    names.push(name);
    const load = toEsm === undefined ? `require(${id})` : `${toEsm}(require(${id}), 1)`;
    return `let ${name}$;\nfunction ${name}() {\n\treturn ${name}$ ??= ${load};\n}\n`;
  });
  // The code that V8 keeps of a script loses how to import.
  const required = late.replace(/(?<![\w$.])import\(("[^"]+")\)/g, 'Promise.resolve().then(() => require($1))');
  const used = new RegExp(`(?<![\\w$."'])(new )?\\b(${names.join('|')})((?:\\.\\w+)+)`, 'g');
  return required.replace(used, (_, made, name, members) =>
    made ? `new (${name}()${members})` : `${name}()${members}`,
  );
}

/** V8 compiles a function in parentheses at once, where these should wait until their module is asked for. */
const lateModules = (code) => code.replace(/(__esmMin\()\((\(\) => \{\n[\s\S]*?\n\})\)\);/g, '$1$2);');

/** What a file gives to others: a module that has not run yet has it only later. */
const lateExports = (code) =>
  code.replace(
    /^exports\.([\w$]+) = ([\w$]+);$/gm,
    'Object.defineProperty(exports, "$1", { enumerable: true, get: () => $2 });',
  );

/** Bundles what `tsc` wrote into dist/; packages stay outside, but for chevrotain. */
export async function bundle() {
  const { rolldown } = await import('rolldown');
  const out = path.join(DIST, 'bundle');
  // Made beside the old one, which a server may be loading just now.
  const next = `${out}.${process.pid}`;
  const build = await rolldown({
    input: { kamscript: START },
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    plugins: [replacing, { name: 'late', renderChunk: (code) => lateExports(lateModules(lateRequires(code))) }],
    external: (id) => id !== START && !/^[./]|^[A-Za-z]:[\\/]/.test(id),
  });
  await build.write({
    dir: next,
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { includeDependenciesRecursively: false, groups: FILES },
    comments: false,
  });
  await build.close();
  writeFileSync(path.join(next, 'package.json'), '{ "type": "commonjs" }\n');
  writeLoader(next);
  for (const [name, exported] of Object.entries(ENTRIES)) writeEntry(next, name, exported);
  copyFileSync(path.join(CHEVROTAIN, 'LICENSE.txt'), path.join(next, 'chevrotain-LICENSE.txt'));
  // The command takes the bundle only where this stamp is no older than what tsc wrote.
  writeFileSync(path.join(next, '.bundled'), '');
  rmSync(out, { recursive: true, force: true });
  renameSync(next, out);
  const { status } = spawnSync(process.execPath, [path.join(HERE, 'keep-code.cjs')], { stdio: 'ignore' });
  if (status !== 0) console.error('No code of the bundle is kept: the first start of the command will do that.');
}

/** A text of bytes is read faster, and takes half of the memory; what is not one stands in strings. */
const ascii = (code) => code.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Makes of each file what bundle-loader.cjs runs, and writes that with a hash of them all. */
function writeLoader(dir) {
  const hash = createHash('sha256');
  for (const name of readdirSync(dir).filter((file) => file.endsWith('.js'))) {
    const file = path.join(dir, name);
    const text = `(function (exports, require, module, __filename, __dirname) {${ascii(readFileSync(file, 'utf8'))}\n})`;
    writeFileSync(file, text);
    hash.update(text);
  }
  const loader = readFileSync(path.join(HERE, 'bundle-loader.cjs'), 'utf8');
  writeFileSync(path.join(dir, 'load.js'), loader.replace('@hash@', hash.digest('hex').slice(0, 16)));
}

/** A file that a thread starts with. */
function writeEntry(dir, name, exported) {
  const file = path.join(dir, `${name}.js`);
  mkdirSync(path.dirname(file), { recursive: true });
  const load = `require(${quoted(`${'../'.repeat(name.split('/').length - 1)}load.js`)}).load(${quoted(name)})`;
  const text = exported.length === 0 ? `${load};\n` : exported.map((x) => `exports.${x} = ${load}.${x};\n`).join('');
  writeFileSync(file, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
