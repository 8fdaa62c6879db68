// Writes test/spine/kamailio-tables.json: the names in the export tables of Kamailio 5.6.3, for the modules that are built
// here, read from a clone of its repository, and which uses of them its own check takes. Run, with `kamailio` 5.6.3 installed:
// node scripts/kamailio-tables.mjs CLONE [MODULE…]
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const [, , CLONE, ...ONLY] = process.argv;
const FILE = path.join(ROOT, 'test/spine/kamailio-tables.json');
const TAG = '5.6.3';
const SCRIPT = path.join(os.tmpdir(), `kamailio-tables-${process.pid}.cfg`);
const { MODULES } = await import('../dist/modules/index.js');

const git = (...args) =>
  execFileSync('git', ['-C', CLONE, ...args], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** C without comments and without what `#if 0` and the like leave out. */
function plain(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\/|("(?:\\.|[^"\\\n])*")|\/\/[^\n]*/g, (_, string) => string ?? ' ');
  const depth = [];
  const kept = [];
  for (const line of code.split('\n')) {
    const directive = /^\s*#\s*(if|ifdef|ifndef|else|elif|endif)\b\s*(\w*)/.exec(line);
    if (directive === null) {
      if (!depth.includes('off')) kept.push(line);
    } else if (directive[1] === 'endif') depth.pop();
    else if (directive[1] === 'else' || directive[1] === 'elif') depth.push(flip(depth.pop()));
    else depth.push(left(directive[1], directive[2]) ? 'off' : 'on');
  }
  return kept.join('\n');
}

const flip = (state) => (state === 'off' ? 'on' : 'on');
const left = (word, name) => word === 'if' && name === '0';

function sources(folder) {
  const names = git('ls-tree', '-r', '--name-only', TAG, folder).split('\n');
  return names
    .filter((n) => /\.[ch]$/.test(n) && !/\/(doc|test)\//.test(n))
    .map((n) => plain(git('show', `${TAG}:${n}`)));
}

/** The rows `{…}` of all tables of a C type, each as the list of its fields. */
function rows(texts, type) {
  return texts.flatMap((text) =>
    [...text.matchAll(new RegExp(`\\b${type}\\s+\\w+\\s*\\[[^\\]]*\\]\\s*=\\s*\\{`, 'g'))].flatMap((m) =>
      rowsIn(text, m.index + m[0].length),
    ),
  );
}

function rowsIn(text, from) {
  const found = [];
  let at = from;
  while (text[at] !== '}' && at < text.length) {
    if (text[at] !== '{') at++;
    else {
      const end = closing(text, at);
      found.push(fields(text.slice(at + 1, end)));
      at = end + 1;
    }
  }
  return found;
}

function closing(text, open) {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '"') i = stringEnd(text, i);
    else if ('{('.includes(text[i])) depth++;
    else if ('})'.includes(text[i]) && --depth === 0) return i;
  }
  return text.length;
}

function stringEnd(text, open) {
  let i = open + 1;
  while (text[i] !== '"' && i < text.length) i += text[i] === '\\' ? 2 : 1;
  return i;
}

function fields(row) {
  const all = [];
  let start = 0;
  for (let i = 0; i <= row.length; i++) {
    if (i === row.length || row[i] === ',') {
      all.push(row.slice(start, i).trim());
      start = i + 1;
    } else if (row[i] === '"') i = stringEnd(row, i);
    else if ('{('.includes(row[i])) i = closing(row, i);
  }
  return all;
}

/** The text of a field: a string, a macro that stands for one, STR_STATIC_INIT("x"), {"x", 1}. */
function textOf(field, texts) {
  const [, before, literal] = /^(\w*)[^"]*"((?:\\.|[^"\\])*)"/.exec(field ?? '') ?? [];
  if (literal !== undefined) return `${/^MODULE_NAME/.test(before) ? textOf(before, texts) : ''}${literal}`;
  const word = /^(?:STR_STATIC_INIT\()?(\w+)\)?$/.exec(field ?? '')?.[1];
  if (word === undefined || word === '0' || word === 'NULL') return undefined;
  for (const text of texts) {
    const macro = new RegExp(`#\\s*define\\s+${word}\\s+"([^"]*)"`).exec(text);
    if (macro) return macro[1];
  }
  return undefined;
}

const unique = (list) => [...new Set(list)].sort();
const named = (texts, type) =>
  rows(texts, type)
    .map((row) => [textOf(row[0], texts), row])
    .filter(([name]) => name !== undefined);

/** Functions that a script can call, with how many arguments. */
function functions(texts) {
  const callable = named(texts, 'cmd_export_t').filter(([name, row]) => {
    const routes = row[5] ?? '';
    return !/^(0|NO_SCRIPT)?$/.test(routes) && !/^bind_/.test(name);
  });
  const counts = {};
  for (const [name, row] of callable) {
    counts[name] ??= [];
    counts[name].push(/^-?\d+$/.test(row[2]) ? Number(row[2]) : row[2]);
  }
  return Object.fromEntries(
    Object.entries(counts)
      .sort(byName)
      .map(([n, c]) => [n, unique(c)]),
  );
}

const byName = ([a], [b]) => (a < b ? -1 : 1);

/** Names that a C function compares its argument with. */
function compared(texts, fn) {
  for (const text of texts) {
    const head = new RegExp(`\\b${fn}\\s*\\([^;{)]*\\)\\s*\\{`).exec(text);
    if (!head) continue;
    const body = text.slice(head.index, closing(text, head.index + head[0].length - 1));
    return unique([...body.matchAll(/str(?:n?case)?n?cmp\s*\(\s*[\w>.-]+\s*,\s*"([^"]+)"/g)].map((m) => m[1]));
  }
  return [];
}

const variables = (texts) =>
  Object.fromEntries(
    named(texts, 'pv_export_t')
      .map(([name, row]) => [name, compared(texts, row[4])])
      .sort(byName),
  );

const transformations = (texts) =>
  Object.fromEntries(named(texts, 'tr_export_t').map(([name, row]) => [name, compared(texts, row[1])]));

/** Paths of selects, as a script may write them. */
function selectPaths(texts, own) {
  const all = rows(texts, 'select_row_t').map((row) => ({
    parent: row[0],
    kind: row[1],
    name: textOf(row[2], texts),
    fn: row[3],
    flags: row[4] ?? '',
  }));
  const paths = new Set();
  const walk = (parent, at, seen) => {
    if (at !== '') paths.add(at);
    for (const row of all) {
      if (row.parent !== parent || row.fn === 'NULL') continue;
      const nested = row.flags.includes('NESTED');
      if (nested && seen.includes(row.fn)) continue;
      const added = row.name ?? (nested ? undefined : row.kind === 'SEL_PARAM_INT' ? '[1]' : own);
      const base = added === undefined ? at : added === '[1]' || at === '' ? `${at}${added}` : `${at}.${added}`;
      for (const next of withArgument(base, row.flags)) walk(row.fn, next, [...seen, row.fn]);
    }
  };
  walk('NULL', '', []);
  // of a setting the parts are those of any header
  return [...paths].filter((p) => !/^cfg_get(\.x|\["x"\])\.x_one./.test(p));
}

function withArgument(base, flags) {
  if (!flags.includes('CONSUME_NEXT')) return [base];
  const taken = flags.includes('CONSUME_NEXT_INT') ? [`${base}[1]`] : [`${base}.x`, `${base}["x"]`];
  return /OPTIONAL|NESTED/.test(flags) ? [base, ...taken] : taken;
}

/** Uses of what the tables name: with and without key, with so many arguments. */
function uses(module, texts, found) {
  const pvs = Object.entries(found.variables ?? {}).flatMap(([name, keys]) => [
    `$(${name})`,
    `$(${name}[0])`,
    `$(${name}[*])`,
    ...['x', 'x=>y', ...keys].map((key) => `$${name}(${key})`),
  ]);
  const paths = selectPaths(texts, 'x_one');
  const selects = paths.map((path) => `$sel(${path})`);
  const trs = Object.entries(found.transformations ?? {}).flatMap(([cls, names]) =>
    [...names, 'nosuch'].flatMap((name) => ARGUMENTS.map((args) => `$(var(x){${cls}.${name}${args}})`)),
  );
  return {
    checked: unique([...pvs, ...trs, ...(module === 'core' ? selects : [])]),
    started: module === 'core' ? [] : paths.map((path) => `@${path}`),
  };
}

const ARGUMENTS = ['', ',x', ',1', ',1,2', ',$var(y)', ',/a/b/g', ','];

/** Which of the uses Kamailio takes. It is asked to check a script with each. */
function verdicts(module, { checked, started }) {
  const taken = [];
  const refused = [];
  // a module that is not installed says nothing
  if (kamailio(['-c'], module, ['1']).status !== 0) return { taken, refused };
  for (const use of checked) {
    const { status } = kamailio(['-c'], module, [use]);
    (status === 0 ? taken : refused).push(use);
  }
  // selects of modules are known from the start on alone, which tells of those it does not know and goes on
  if (started.length > 0) {
    const { stderr } = kamailio(['-DD', '-E'], module, started);
    if (!stderr.includes('processes (at least)')) throw new Error(`${module}: ${stderr.slice(-2000)}`);
    const lines = [...stderr.matchAll(/Unable to resolve select in cfg at line: (\d+)/g)].map((m) => Number(m[1]));
    const wrong = new Set(lines.map((line) => started[line - LINES_BEFORE - 1]));
    for (const use of started) (wrong.has(use) ? refused : taken).push(use);
  }
  return { taken: unique(taken), refused: unique(refused) };
}

const CERTIFICATES = path.join(ROOT, 'test/modules/tls/certs');
const LINES_BEFORE = 14;

function kamailio(flags, module, list) {
  const load = [...new Set(['pv', 'sl', 'tm', 'rr', ...(module === 'core' ? [] : [module])])].map(
    (m) => `loadmodule "${m}.so"`,
  );
  const head = ['debug=2', 'log_stderror=yes', 'listen=udp:127.0.0.1:15966', ...load];
  if (module === 'tls') {
    head.unshift('enable_tls=yes');
    head.push(`modparam("tls", "certificate", "${CERTIFICATES}/server.pem")`);
    head.push(`modparam("tls", "private_key", "${CERTIFICATES}/server.key")`);
  }
  while (head.length < LINES_BEFORE - 1) head.push('');
  const script = [...head, 'request_route {', ...list.map((use) => `$var(r) = ${use};`), '}', ''];
  writeFileSync(SCRIPT, script.join('\n'), 'latin1');
  return spawnSync('timeout', ['--signal=TERM', '2', 'kamailio', ...flags, '-f', SCRIPT], { encoding: 'latin1' });
}

function tables(texts) {
  const all = {
    functions: functions(texts),
    params: unique(named(texts, 'param_export_t').map(([name]) => name)),
    rpc: unique(named(texts, 'rpc_export_t').map(([name]) => name)),
    statistics: unique(named(texts, 'stat_export_t').map(([name]) => name)),
    variables: variables(texts),
    transformations: transformations(texts),
  };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => (Array.isArray(v) ? v : Object.keys(v)).length > 0));
}

const inKamailio = new Set(git('ls-tree', '--name-only', `${TAG}:src/modules`).split('\n'));
const found = ONLY.length > 0 ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
for (const name of ['core', ...MODULES.map((m) => m.name)]) {
  const folder = name === 'core' ? 'src/core' : `src/modules/${name}`;
  if (name !== 'core' && !inKamailio.has(name)) continue;
  if (ONLY.length > 0 && !ONLY.includes(name)) continue;
  const texts = sources(folder);
  const all = tables(texts);
  const { taken, refused } = verdicts(name, uses(name, texts, all));
  found[name] = { ...all, ...(taken.length > 0 ? { taken } : {}), ...(refused.length > 0 ? { refused } : {}) };
}
rmSync(SCRIPT, { force: true });
writeFileSync(FILE, `${JSON.stringify(found, null, 1)}\n`);
