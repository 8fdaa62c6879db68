/** Runs test files in one process: `node entry.js FILE…`. A file that cannot be loaded is a test that fails. */
import { writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { relative } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { collectCoverage } from '../../testing/coverage.js';
import { playBeside } from '../../testing/index.js';
import { against, type Comparison } from './against.js';
import { Coverage } from './coverage.js';

register('./resolve.js', import.meta.url);
const report = process.env.KAMSCRIPT_COVERAGE;
if (report !== undefined && report !== '') {
  const coverage = new Coverage();
  collectCoverage(coverage);
  process.on('exit', () => writeFileSync(report, JSON.stringify(coverage.result())));
}
const { KAMSCRIPT_AGAINST: binary, KAMSCRIPT_AGAINST_REPORT: differences } = process.env;
if (binary !== undefined && differences !== undefined) {
  const comparison: Comparison = { alike: 0, differences: [], leftOut: [] };
  playBeside(against(binary, comparison));
  process.on('exit', () => writeFileSync(differences, JSON.stringify(comparison)));
}
for (const file of process.argv.slice(2)) {
  // Hooks of a file belong to its suite: they must not run around the tests of other files.
  await describe(relative('.', file), async () => {
    try {
      await import(pathToFileURL(file).href);
    } catch (e) {
      test('loads', () => {
        throw e;
      });
    }
  });
}
