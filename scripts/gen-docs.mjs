// Writes docs/modules.md and docs/reference/ from the definitions and docs/rules.md from the lint rules. `--check` only says whether they are up to date.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const { MODULES } = await import('../dist/modules/index.js');
const { RULES } = await import('../dist/runtime/lint/index.js');
const { CORE_CATALOG } = await import('../dist/runtime/core/catalog.js');
const { routeNames } = await import('../dist/runtime/module.js');

const sorted = [...MODULES].sort((a, b) => (a.name < b.name ? -1 : 1));
const NOTE = 'Generated from the definitions by `node scripts/gen-docs.mjs`.';
const EXAMPLES =
  'Of the examples, lines with `#>` are what they log and lines with `#<` what they send, for the request shown in the [index](index.md).';

const names = (record) => Object.keys(record ?? {});
const entries = (record) => Object.entries(record ?? {});
const code = (list) => list.map((n) => `\`${n}\``).join(' ');
/** Text as code in a table's cell. */
const cell = (text) => (text === '' ? '' : `\`\` ${text.replaceAll('|', '\\|')} \`\``);
const prose = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const table = (head, rows) =>
  `| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}\n${rows.map((r) => `| ${r.join(' | ')} |\n`).join('')}`;
const example = (text) => (text === undefined ? '' : `\n\`\`\`\n${text}\n\`\`\`\n`);
const part = (title, body) => (body === '' ? '' : `\n## ${title}\n\n${body}`);

// ------------------------------------------------------------------- modules

function defaultOf(p) {
  if (p.type === 'alias') return `as \`${p.of}\``;
  if (p.type === 'list') return 'repeatable';
  if (p.default === null) return '';
  return cell(p.type === 'int' ? `${p.default}` : `"${p.default}"`);
}

const params = (m) =>
  entries(m.params).length === 0
    ? ''
    : table(
        ['parameter', 'type', 'default', ''],
        entries(m.params).map(([n, p]) => [`\`${n}\``, p.type === 'list' ? 'str' : p.type, defaultOf(p), prose(p.doc)]),
      );

function signature(name, def) {
  const args = def.args.map((a, i) => `${a.optional ? '[' : ''}${i > 0 ? ', ' : ''}${a.name}`).join('');
  return `${name}(${args}${']'.repeat(def.args.filter((a) => a.optional).length)})`;
}

function form(name, def) {
  const args = def.args.map(
    (a) => `- \`${a.name}\`: ${a.type}${a.optional ? ', optional' : ''}${a.dynamic ? '' : ', a constant'}\n`,
  );
  const waits = def.waits === true ? ' Waits without holding up other messages.' : '';
  return `\`${signature(name, def)}\`: ${prose(def.doc)}${waits}\n\n${args.join('')}${example(def.example)}`;
}

function functionEntry([name, def]) {
  const routes = routeNames(def.routes).join(', ');
  const all = [def, ...(def.forms ?? [])];
  return `### ${name}\n${all.map((f) => form(name, f)).join('\n')}\nRoutes: ${routes}.\n`;
}

const list = (record, name = (n) => n) =>
  entries(record)
    .map(([n, d]) => `- \`${name(n)}\`: ${prose(typeof d === 'string' ? d : d.doc)}\n`)
    .join('');

function modulePage(m) {
  return [
    `# ${m.name}\n${m.doc}\n\n${NOTE}\n`,
    m.needs?.length ? `\nNeeds: ${code(m.needs)}.\n` : '',
    part('Parameters', params(m)),
    part('Functions', entries(m.functions).map(functionEntry).join('\n')),
    part(
      'Variables',
      list(m.pvs, (n) => `$${n}`) && `[Explained here](../variables.md#${m.name}).\n\n${list(m.pvs, (n) => `$${n}`)}`,
    ),
    part(
      'Transformations',
      list(m.transformations, (n) => `{${n}.…}`) &&
        `[Explained here](../transformations.md).\n\n${list(m.transformations, (n) => `{${n}.…}`)}`,
    ),
    part(
      'Selects',
      list(m.selects, (n) => `@${n}`),
    ),
    part('RPC commands', list(m.rpc)),
    part(
      'Event routes',
      list(m.events, (n) => `event_route[${n}]`),
    ),
    part('Not there', m.missing?.length ? `Refused by name at load: ${code(m.missing)}.\n` : ''),
  ].join('');
}

// ---------------------------------------------------------------- variables

function spelling(name, d) {
  const key = d.key === 'none' ? '' : d.key === 'required' ? '(key)' : '[(key)]';
  return `$${name}${key}`;
}

/** Entries that differ by their name alone are one, by the first of its names. */
function variables(pvs) {
  const groups = new Map();
  for (const [name, d] of entries(pvs)) {
    const like = [...groups.values()].find((g) => g.d.bind === d.bind && g.d.doc === d.doc);
    if (like) like.names.push(name);
    else groups.set(name, { names: [name], d });
  }
  return [...groups.values()]
    .map(({ names: all, d }) => {
      const traits = [d.writable ? 'writable' : 'read-only', ...(d.index ? ['takes an index'] : [])].join(', ');
      return `- ${all.map((n) => `\`${spelling(n, d)}\``).join(', ')}: ${prose(d.doc)} *(${traits})*\n${example(d.example).replaceAll(/^(?=.)/gm, '  ')}`;
    })
    .join('');
}

const withPvs = sorted.filter((m) => names(m.pvs).length > 0);
const variablesPage = () =>
  `# Variables\n${NOTE} ${EXAMPLES}\n${part('Without any module', variables(CORE_CATALOG.pvs))}${withPvs
    .map((m) => part(m.name, variables(m.pvs)))
    .join('')}`;

function transformationClass([cls, d]) {
  const rows = entries(d.names).map(([n, doc]) => {
    const [of, what, gives] = d.examples?.[n] ?? ['', '', ''];
    return [`\`{${cls}.${n}}\``, prose(doc), cell(of), cell(what), cell(gives)];
  });
  const shown = d.examples !== undefined && names(d.examples).length > 0;
  const head = ['', 'result', ...(shown ? ['of', 'with', 'gives'] : [])];
  return `### ${cls}\n${d.doc}\n\n${table(
    head,
    rows.map((r) => r.slice(0, head.length)),
  )}`;
}

const transformationsPage = () =>
  `# Transformations\n${NOTE} \`$(var(x){s.len})\` reads a variable through a transformation; several may follow each other.\n${sorted
    .filter((m) => names(m.transformations).length > 0)
    .map((m) => part(`Module ${m.name}`, entries(m.transformations).map(transformationClass).join('\n')))
    .join('')}`;

const selectsPage = () =>
  `# Selects\n${NOTE} \`@cseq.num\` and \`$sel(cseq.num)\` read a select.\n${part(
    'Without any module',
    list(CORE_CATALOG.selects, (n) => `@${n}`),
  )}${sorted
    .map((m) =>
      part(
        m.name,
        list(m.selects, (n) => `@${n}`),
      ),
    )
    .join('')}`;

const { EXAMPLE_REQUEST } = await import('../dist/runtime/example.js');
const indexPage = () =>
  `# Reference\n${NOTE}\n\n- [Variables](variables.md)\n- [Transformations](transformations.md)\n- [Selects](selects.md)\n- Modules: ${sorted
    .map((m) => `[${m.name}](modules/${m.name}.md)`)
    .join(' ')}\n\nThe examples run, in a test, with this request:\n\n\`\`\`\n${EXAMPLE_REQUEST}\`\`\`\n`;

// ------------------------------------------------------------------- overview

function section(m) {
  const rows = [
    ['parameters', names(m.params)],
    ['functions', names(m.functions)],
    ['variables', names(m.pvs).map((n) => `$${n}`)],
    ['transformations', names(m.transformations).map((c) => `{${c}.…}`)],
    ['RPC', names(m.rpc)],
    ['event routes', names(m.events)],
    ['not there', m.missing ?? []],
  ].filter(([, all]) => all.length > 0);
  return `## ${m.name}\n${m.doc} [Reference](reference/modules/${m.name}.md)\n\n${rows.map(([what, all]) => `- ${what}: ${code(all)}`).join('\n')}\n`;
}

const counts = sorted
  .map(
    (m) =>
      `| [${m.name}](#${m.name}) | ${names(m.params).length} | ${names(m.functions).length} | ${names(m.pvs).length} | ${names(m.rpc).length} | ${(m.missing ?? []).length || ''} |`,
  )
  .join('\n');
const overview = () => `# Modules
Generated from the definitions by \`node scripts/gen-docs.mjs\`. What a module of Kamailio 5.6.3 has and this one has not is refused by name
at load, and listed as *not there*. What each entry does is in the [reference](reference/index.md).

| module | parameters | functions | variables | RPC | not there |
|---|--:|--:|--:|--:|--:|
${counts}

${sorted.map(section).join('\n')}`;

// ---------------------------------------------------------------------- rules

const rules = `# Rules of kamscript check
Generated from the rules by \`node scripts/gen-docs.mjs\`. \`kamscript check\` applies them to every script that has no error; they do not
change its exit status unless a rule is set to \`error\`, and \`kamscript -c\` knows nothing of them. \`--no-lint\` leaves them out.
A comment keeps a rule quiet:

\`\`\`
t_relay(); # kamscript-disable-line relay-result-ignored
# kamscript-disable-next-line return-zero
# kamscript-disable-file no-maxfwd-check, route-loop
\`\`\`

A file \`kamscript.json\` in the folder of the script, or in one above it, sets what a rule counts as: \`off\`, \`info\`, \`warning\` or
\`error\`; \`*\` stands for all that are not named. \`--config FILE\` takes another file.

\`\`\`json
{ "rules": { "relay-result-ignored": "error", "log-without-newline": "off" } }
\`\`\`

| rule | severity |
|---|---|
${RULES.map((r) => `| [${r.code}](#${r.code}) | ${r.severity} |`).join('\n')}

${RULES.map((r) => `## ${r.code}\n${r.doc}\n\n\`\`\`\n${r.example}\n\`\`\`\n`).join('\n')}`;

// ---------------------------------------------------------------------- files

const pages = new Map([
  ['docs/modules.md', overview()],
  ['docs/rules.md', rules],
  ['docs/reference/index.md', indexPage()],
  ['docs/reference/variables.md', variablesPage()],
  ['docs/reference/transformations.md', transformationsPage()],
  ['docs/reference/selects.md', selectsPage()],
  ...sorted.map((m) => [`docs/reference/modules/${m.name}.md`, modulePage(m)]),
]);

function existing() {
  const dir = path.join(ROOT, 'docs', 'reference');
  try {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.md'))
      .map((f) => `docs/reference/${f}`);
  } catch (e) {
    if (e.code !== 'ENOENT') throw e;
    return [];
  }
}

function old(file) {
  try {
    return readFileSync(path.join(ROOT, file), 'utf8');
  } catch (e) {
    if (e.code !== 'ENOENT') throw e;
    return undefined;
  }
}

const stale = existing().filter((f) => !pages.has(f));
const changed = [...pages].filter(([file, text]) => old(file) !== text).map(([file]) => file);
if (process.argv.includes('--check')) {
  for (const file of [...changed, ...stale]) console.error(`${file} is out of date: run node scripts/gen-docs.mjs`);
  if (changed.length + stale.length > 0) process.exit(1);
} else {
  mkdirSync(path.join(ROOT, 'docs', 'reference', 'modules'), { recursive: true });
  for (const file of changed) writeFileSync(path.join(ROOT, file), pages.get(file));
  for (const file of stale) rmSync(path.join(ROOT, file));
}
