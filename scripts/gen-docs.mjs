// Writes docs/modules.md from the module definitions. `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const { MODULES } = await import('../dist/modules/index.js');
const names = (record) => Object.keys(record ?? {});
const code = (list) => list.map((n) => `\`${n}\``).join(' ');

function section(m) {
  const rows = [
    ['parameters', names(m.params)],
    ['functions', names(m.functions)],
    ['variables', names(m.pvs).map((n) => `$${n}`)],
    ['transformations', names(m.transformations).map((c) => `{${c}.…}`)],
    ['RPC', names(m.rpc)],
    ['event routes', names(m.events)],
    ['not there', m.missing ?? []],
  ].filter(([, list]) => list.length > 0);
  return `## ${m.name}\n${m.doc}\n\n${rows.map(([what, list]) => `- ${what}: ${code(list)}`).join('\n')}\n`;
}

const sorted = [...MODULES].sort((a, b) => (a.name < b.name ? -1 : 1));
const table = sorted
  .map(
    (m) =>
      `| [${m.name}](#${m.name}) | ${names(m.params).length} | ${names(m.functions).length} | ${names(m.pvs).length} | ${names(m.rpc).length} | ${(m.missing ?? []).length || ''} |`,
  )
  .join('\n');
const text = `# Modules
Generated from the definitions by \`node scripts/gen-docs.mjs\`. What a module of Kamailio 5.6.3 has and this one has not is refused by name
at load, and listed as *not there*.

| module | parameters | functions | variables | RPC | not there |
|---|--:|--:|--:|--:|--:|
${table}

${sorted.map(section).join('\n')}`;

const file = path.join(ROOT, 'docs', 'modules.md');
if (process.argv.includes('--check')) {
  let old = '';
  try {
    old = readFileSync(file, 'utf8');
  } catch (e) {
    if (e.code !== 'ENOENT') throw e;
  }
  if (old !== text) {
    console.error('docs/modules.md is out of date: run node scripts/gen-docs.mjs');
    process.exit(1);
  }
} else writeFileSync(file, text);
