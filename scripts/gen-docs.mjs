// Writes docs/modules.md from the module definitions and docs/rules.md from the lint rules. `--check` only says whether it is up to date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const { MODULES } = await import('../dist/modules/index.js');
const { RULES } = await import('../dist/runtime/lint/index.js');
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

const rules = `# Rules of kamscript check
Generated from the rules by \`node scripts/gen-docs.mjs\`. \`kamscript check\` applies them to every script that has no error; they never
change its exit status, and \`kamscript -c\` knows nothing of them. \`--no-lint\` leaves them out. A comment keeps a rule quiet:

\`\`\`
t_relay(); # kamscript-disable-line relay-result-ignored
# kamscript-disable-next-line return-zero
# kamscript-disable-file no-maxfwd-check, route-loop
\`\`\`

| rule | severity |
|---|---|
${RULES.map((r) => `| [${r.code}](#${r.code}) | ${r.severity} |`).join('\n')}

${RULES.map((r) => `## ${r.code}\n${r.doc}\n\n\`\`\`\n${r.example}\n\`\`\`\n`).join('\n')}`;

const pages = { 'modules.md': text, 'rules.md': rules };
for (const [name, wanted] of Object.entries(pages)) {
  const file = path.join(ROOT, 'docs', name);
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== wanted) {
    console.error(`docs/${name} is out of date: run node scripts/gen-docs.mjs`);
    process.exit(1);
  }
}
