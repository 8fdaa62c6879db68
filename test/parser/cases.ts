/** The recorded cases as the parser sees them: files filled in, prelude included, command line read. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ParseOptions } from '../../src/parser/index.js';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '../conformance/cases');

/** What the runner puts before a script (run.mjs). */
const PRELUDE = `debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{{PORT}}
`;

const VALUES: Readonly<Record<string, string>> = {
  PORT: '15060',
  PORT2: '15065',
  PORT3: '15066',
  A: '15061',
  B: '15062',
  C: '15063',
  D: '15064',
  DIR: '/scratch',
};

export interface Case {
  /** `group/name` */
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly options: ParseOptions;
  /** Whether Kamailio started with it, or passed the check. */
  readonly accepted: boolean;
  /** Line of the first error of a check. */
  readonly line: number | undefined;
  readonly isCheck: boolean;
}

interface Spec {
  readonly prelude?: boolean;
  readonly args?: readonly string[];
}

export function readCases(): Case[] {
  return fs
    .readdirSync(ROOT)
    .sort()
    .flatMap((group) =>
      fs
        .readdirSync(path.join(ROOT, group))
        .sort()
        .map((name) => readCase(`${group}/${name}`)),
    );
}

function fill(text: string): string {
  return text.replace(/\{\{([A-Z]+[23]?)\}\}/g, (whole, key: string) => VALUES[key] ?? whole);
}

function readCase(name: string): Case {
  const dir = path.join(ROOT, name);
  const json = (file: string): unknown =>
    fs.existsSync(path.join(dir, file)) ? JSON.parse(fs.readFileSync(path.join(dir, file), 'utf8')) : {};
  const spec = json('steps.json') as Spec;
  const expected = json('expected.json') as { started?: boolean; exit?: number; positions?: number[] };
  const files = new Map<string, string>();
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'steps.json' || entry.name === 'expected.json') continue;
    const text = fs.readFileSync(path.join(dir, entry.name), 'latin1');
    const prelude = entry.name === 'kamailio.cfg' && spec.prelude !== false ? PRELUDE : '';
    files.set(entry.name, fill(prelude + text));
  }
  return {
    name,
    files,
    options: { ...commandLine(spec.args ?? []), ...reading(files) },
    accepted: expected.started === true || expected.exit === 0,
    line: expected.positions?.[0],
    isCheck: expected.exit !== undefined,
  };
}

export function reading(files: ReadonlyMap<string, string>): Pick<ParseOptions, 'readFile' | 'env' | 'evaluate'> {
  return {
    readFile: (file) => files.get(file.replace('/scratch/', '')),
    env: { PATH: '/usr/bin' },
    // The one value that a case needs: `$(version(num){…})` gives a digit.
    evaluate: (text) => (text.includes('version(num)') ? '5' : undefined),
  };
}

function commandLine(args: readonly string[]): Pick<ParseOptions, 'defines' | 'substs'> {
  const defines = new Map<string, string | undefined>();
  const substs: ['subst' | 'substdef' | 'substdefs', string][] = [];
  args.forEach((arg, i) => {
    const subst = /^--(subst|substdef|substdefs)=(.*)$/s.exec(arg);
    if (subst) substs.push([subst[1] as 'subst', subst[2] ?? '']);
    if (args[i - 1] !== '-A') return;
    const equals = arg.indexOf('=');
    defines.set(equals < 0 ? arg : arg.slice(0, equals), equals < 0 ? undefined : arg.slice(equals + 1));
  });
  return { defines, substs };
}
