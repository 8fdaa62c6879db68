#!/usr/bin/env node
'use strict';
const { statSync } = require('node:fs');
const path = require('node:path');

const DIST = path.join(__dirname, '..', 'dist');
const changed = (name) => statSync(path.join(DIST, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const argv = process.argv.slice(2);

/** From the bundle; the first start with a Node.js keeps the code that V8 made of it. */
function bundled() {
  const bundle = require('../dist/bundle/load.js');
  const { main } = bundle.load('cli/main');
  process.once('exit', bundle.keepCode);
  return main(argv, bundle.keepCode);
}

// scripts/bundle.mjs makes the few files that start fast; after a bare `tsc` it is older than the rest.
const bundle = changed('bundle/.bundled');
if (bundle > 0 && bundle >= changed('cli/main.js')) void bundled();
else {
  // Node 22 keeps compiled code from one start to the next.
  require('node:module').enableCompileCache?.();
  void import('../dist/cli/main.js').then(({ main }) => main(argv));
}
