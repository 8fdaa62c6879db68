// Runs the bundle (kamscript.js beside this file). The code that V8 made of it is kept, so that the next start need not make
// it again: beside the bundle where that can be written, else in the user's cache. V8 refuses what another version of it
// made, and then makes its own. Written by `npm run build`, or by the first start with another Node.js.
'use strict';
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const FILE = path.join(__dirname, 'kamscript.js');
const NAME = `${process.version}-${process.arch}`;

/** Where the code may be; the second for an installation that belongs to somebody else. */
function places() {
  const home = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'));
  const own = path.join(__dirname, 'code', NAME);
  return home ? [own, path.join(home, 'kamscript', `@hash@-${NAME}`)] : [own];
}

function kept() {
  for (const place of places()) {
    try {
      return readFileSync(place);
    } catch {
      // not there, or not for us
    }
  }
  return undefined;
}

let script;
let entries;

function run() {
  const cachedData = kept();
  script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(FILE, 'latin1')}\n})`,
    {
      filename: FILE,
      ...(cachedData === undefined ? {} : { cachedData }),
    },
  );
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, FILE, __dirname);
  return module.exports.entries;
}

/** What the entry exports. */
exports.load = (name) => {
  entries ??= run();
  return entries[name]();
};

/** Is there no code that V8 would take? With flags of its own it may refuse what it takes without them. */
exports.wantsCode = () =>
  script !== undefined &&
  script.cachedDataRejected !== false &&
  process.execArgv.length === 0 &&
  !process.env.NODE_OPTIONS;

function discard(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // its folder is none
  }
}

/** Keeps the code of what ran up to now: some 20 ms. */
exports.saveCode = () => {
  const data = script.createCachedData();
  for (const place of places()) {
    const next = `${place}.${process.pid}`;
    try {
      mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
      writeFileSync(next, data);
      renameSync(next, place);
      return;
    } catch {
      // a full disk, or a folder of somebody else's: each start makes its own code then
      discard(next);
    }
  }
};
