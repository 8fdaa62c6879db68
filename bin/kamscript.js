#!/usr/bin/env node
import { statSync } from 'node:fs';
import module from 'node:module';

const changed = (name) => statSync(new URL(name, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;

// Node 22 keeps compiled code from one start to the next.
module.enableCompileCache?.();
// scripts/bundle.mjs makes the few files that start faster; after a bare `tsc` they are older than the rest.
const bundled =
  changed('../dist/bundle/.bundled') >= changed('../dist/cli/main.js') && changed('../dist/bundle/.bundled') > 0;
const { main } = await import(bundled ? '../dist/bundle/cli/main.js' : '../dist/cli/main.js');

await main(process.argv.slice(2));
