// Runs the files of the bundle (beside this one). The code that V8 made of them is kept, so that the next start need not make
// it again: beside the bundle where that can be written, else in the user's cache. V8 refuses what another version of it
// made, and then makes its own. Written by `npm run build`, or by the first start with another Node.js.
'use strict';
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const NAME = `${process.version}-${process.arch}`;

/** Where the code may be; the second for an installation that belongs to somebody else. */
function places() {
  const home = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  const own = path.join(__dirname, 'code', NAME);
  return home ? [own, path.join(home, 'kamscript', `@hash@-${NAME}`)] : [own];
}

function kept(name) {
  for (const place of places()) {
    try {
      return readFileSync(path.join(place, name));
    } catch {
      // not there, or not for us
    }
  }
  return undefined;
}

/** What ran, by its name. */
const scripts = new Map();
const modules = new Map();

/** `require` of the files: each other by name, and packages as from here. */
function load(name) {
  if (!name.startsWith('./')) return require(name);
  let module = modules.get(name);
  if (module === undefined) {
    module = { exports: {} };
    modules.set(name, module);
    run(name, module);
  }
  return module.exports;
}

function run(name, module) {
  const filename = path.join(__dirname, name);
  const cachedData = kept(name);
  const script = new vm.Script(readFileSync(filename, 'latin1'), cachedData ? { filename, cachedData } : { filename });
  scripts.set(name, script);
  script.runInThisContext()(module.exports, load, module, filename, __dirname);
}

/** What the entry exports. */
exports.load = (entry) => load('./kamscript.js').entries[entry]();

/** With flags of its own V8 may refuse what it takes without them: such a start keeps nothing. */
const wanting = () =>
  process.execArgv.length > 0 || process.env.NODE_OPTIONS
    ? []
    : [...scripts].filter(([, script]) => script.cachedDataRejected !== false);

/** Keeps the code of what ran up to now, where there was none that V8 would take: some 20 ms then. */
exports.keepCode = () => {
  for (const [name, script] of wanting()) keep(name, script.createCachedData());
};

function keep(name, data) {
  for (const place of places()) {
    const next = path.join(place, `${name}.${process.pid}`);
    try {
      mkdirSync(place, { recursive: true, mode: 0o700 });
      writeFileSync(next, data);
      renameSync(next, path.join(place, name));
      return;
    } catch {
      // a full disk, or a folder of somebody else's: each start makes its own code then
      discard(next);
    }
  }
}

function discard(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // its folder is none
  }
}
