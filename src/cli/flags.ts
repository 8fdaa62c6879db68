/** The command line of kamailio(8): every flag is taken; those without a meaning here are accepted and said so. */

import { type AdminAddress, adminAddress } from '../server/admin.js';

export interface KamailioFlags {
  file: string;
  check: boolean;
  cfgPrint: boolean;
  help: boolean;
  version: boolean;
  internals: boolean;
  /** Times -D was given: 0 or 1 run in the foreground here too. */
  foreground: number;
  logToStderr: boolean;
  colors: boolean;
  /** Times -d was given. */
  debugLevels: number;
  debug: number | undefined;
  listen: string[];
  aliases: string[];
  defines: Map<string, string | undefined>;
  substs: ['subst' | 'substdef' | 'substdefs', string][];
  loadModules: string[];
  modParams: string[];
  pidFile: string | undefined;
  groupPidFile: string | undefined;
  runtimeDir: string | undefined;
  workDir: string | undefined;
  /** Who the server runs as once its ports are open. */
  user: string | undefined;
  group: string | undefined;
  autoAliases: boolean | undefined;
  disableTcp: boolean;
  serverId: number | undefined;
  /** Where the page for probes and Prometheus is. */
  admin: AdminAddress | undefined;
  /** Flags that were accepted and do nothing here. */
  ignored: string[];
}

export interface FlagError {
  readonly error: string;
}

const DEFAULT_FILE = '/etc/kamailio/kamailio.cfg';

function initial(): KamailioFlags {
  return {
    file: DEFAULT_FILE,
    check: false,
    cfgPrint: false,
    help: false,
    version: false,
    internals: false,
    foreground: 0,
    logToStderr: false,
    colors: false,
    debugLevels: 0,
    debug: undefined,
    listen: [],
    aliases: [],
    defines: new Map(),
    substs: [],
    loadModules: [],
    modParams: [],
    pidFile: undefined,
    groupPidFile: undefined,
    runtimeDir: undefined,
    workDir: undefined,
    user: undefined,
    group: undefined,
    autoAliases: undefined,
    disableTcp: false,
    serverId: undefined,
    admin: undefined,
    ignored: [],
  };
}

/** A text is what is wrong with the value. */
// biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to say
type Action = (f: KamailioFlags, value: string) => string | void;

/** Letters without an argument. */
const SWITCHES: Readonly<Record<string, Action>> = {
  c: (f) => {
    f.check = true;
  },
  d: (f) => {
    f.debugLevels++;
  },
  D: (f) => {
    f.foreground++;
  },
  e: (f) => {
    f.colors = true;
  },
  E: (f) => {
    f.logToStderr = true;
  },
  h: (f) => {
    f.help = true;
  },
  I: (f) => {
    f.internals = true;
  },
  T: (f) => {
    f.disableTcp = true;
  },
  v: (f) => {
    f.version = true;
  },
  V: (f) => {
    f.version = true;
  },
  K: (f) => void f.ignored.push('-K'),
  r: (f) => void f.ignored.push('-r'),
  R: (f) => void f.ignored.push('-R'),
  S: (f) => void f.ignored.push('-S'),
};

const ignore =
  (letter: string): Action =>
  (f) =>
    void f.ignored.push(`-${letter}`);

/** Letters with an argument. */
const OPTIONS: Readonly<Record<string, Action>> = {
  a: (f, v) => {
    f.autoAliases = /^(yes|on|1)$/i.test(v);
  },
  A: (f, v) => {
    const [, name = v, value] = /^([^=]*)=(.*)$/s.exec(v) ?? [];
    f.defines.set(name, value);
  },
  f: (f, v) => {
    f.file = v;
  },
  G: (f, v) => {
    f.groupPidFile = v;
  },
  g: (f, v) => {
    f.group = v;
  },
  u: (f, v) => {
    f.user = v;
  },
  l: (f, v) => void f.listen.push(v),
  P: (f, v) => {
    f.pidFile = v;
  },
  w: (f, v) => {
    f.workDir = v;
  },
  Y: (f, v) => {
    f.runtimeDir = v;
  },
  b: ignore('b'),
  L: ignore('L'),
  m: ignore('m'),
  M: ignore('M'),
  n: ignore('n'),
  N: ignore('N'),
  O: ignore('O'),
  Q: ignore('Q'),
  t: ignore('t'),
  W: ignore('W'),
  x: ignore('x'),
  X: ignore('X'),
};

/** `--name=value`. */
const LONG: Readonly<Record<string, Action>> = {
  admin: (f, v) => {
    const address = adminAddress(v);
    if (typeof address === 'string') return address;
    f.admin = address;
  },
  alias: (f, v) => void f.aliases.push(v),
  atexit: (f) => void f.ignored.push('--atexit'),
  'cfg-print': (f) => {
    f.cfgPrint = true;
  },
  debug: (f, v) => {
    f.debug = Number.parseInt(v, 10);
  },
  help: (f) => {
    f.help = true;
  },
  loadmodule: (f, v) => void f.loadModules.push(v),
  'log-engine': (f) => void f.ignored.push('--log-engine'),
  modparam: (f, v) => void f.modParams.push(v),
  'server-id': (f, v) => {
    f.serverId = Number.parseInt(v, 10);
  },
  subst: (f, v) => void f.substs.push(['subst', v]),
  substdef: (f, v) => void f.substs.push(['substdef', v]),
  substdefs: (f, v) => void f.substs.push(['substdefs', v]),
  version: (f) => {
    f.version = true;
  },
};

const WITHOUT_VALUE = new Set(['cfg-print', 'help', 'version']);

/** Reads the flags as getopt does: `-DDE`, `-f x`, `-fx`. */
export function parseFlags(argv: readonly string[]): KamailioFlags | FlagError {
  const flags = initial();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word.startsWith('--')) {
      const [, name = '', inline] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      const action = LONG[name];
      if (action === undefined) return { error: `Unknown option '${word}'. Use -h for help.` };
      const value = inline ?? (WITHOUT_VALUE.has(name) ? '' : argv[++i]);
      if (value === undefined) return { error: `Option '--${name}' requires an argument.` };
      const wrong = action(flags, value);
      if (wrong !== undefined) return { error: `Option '--${name}': ${wrong}.` };
      continue;
    }
    if (word[0] !== '-' || word.length < 2) return { error: `Non-option argument '${word}'. Use -h for help.` };
    const used = letters(word, argv[i + 1], flags);
    if (typeof used === 'object') return used;
    i += used;
  }
  return flags;
}

/** One word of letters; gives how many further words it took. */
function letters(word: string, next: string | undefined, flags: KamailioFlags): number | FlagError {
  for (let j = 1; j < word.length; j++) {
    const letter = word[j]!;
    const simple = SWITCHES[letter];
    if (simple) {
      simple(flags, '');
      continue;
    }
    const option = OPTIONS[letter];
    if (option === undefined) return { error: `Unknown option '-${letter}'. Use -h for help.` };
    const rest = word.slice(j + 1);
    if (rest === '' && next === undefined) return { error: `Option '-${letter}' requires an argument.` };
    option(flags, rest === '' ? next! : rest);
    return rest === '' ? 1 : 0;
  }
  return 0;
}
