/** Log lines as Kamailio writes them: ` N(PID) LEVEL: origin: text`. */
import type { Log } from '../runtime/host.js';

const WORDS: Readonly<Record<number, string>> = {
  [-5]: 'ALERT',
  [-4]: 'BUG',
  [-3]: 'CRITICAL',
  [-2]: 'CRITICAL',
  [-1]: 'ERROR',
  0: 'WARNING',
  1: 'NOTICE',
  2: 'INFO',
  3: 'DEBUG',
};

export function levelWord(level: number): string {
  return WORDS[Math.max(-5, Math.min(3, level))]!;
}

const PLAIN = '\x1b[0;39;49m';

/** Colours of the levels under `log_color`, as the reference server has them. */
const COLORS: readonly (readonly [level: number, sequence: string])[] = [
  [-5, '\x1b[1;31;49m'],
  [-4, '\x1b[1;35;49m'],
  [-3, '\x1b[0;33;49m'],
  [-2, '\x1b[0;33;49m'],
  [-1, '\x1b[0;31;49m'],
  [0, '\x1b[0;35;49m'],
  [1, '\x1b[0;32;49m'],
  [2, '\x1b[0;36;49m'],
  [3, PLAIN],
];

/** Who writes under what name, where that is not the name of a module. */
const MODULE_OF: Readonly<Record<string, string>> = { '<core>': 'core', '<script>': 'xlog' };

function levelOf(log: Log, origin: string): number {
  return log.levels?.get(MODULE_OF[origin] ?? origin) ?? log.level;
}

export interface LogOptions {
  readonly pid: number;
  /** Takes whole lines, latin1 text with line ends. */
  readonly write: (text: string) => void;
  readonly level: number;
  /** `log_color`: each line in the colour of its level. */
  readonly color?: boolean;
}

export function createLog(options: LogOptions): Log {
  const head = ` 1(${options.pid}) `;
  const colors = new Map(COLORS);
  const print = (level: number, prefix: string | undefined, text: string, word = levelWord(level)) => {
    const line = `${head}${word}: ${prefix ?? ''}${text}`;
    if (options.color) options.write(`${colors.get(Math.max(-5, Math.min(3, level))) ?? ''}${line}${PLAIN}`);
    else options.write(line);
  };
  return {
    level: options.level,
    colors,
    write(level, origin, text) {
      if (level <= levelOf(this, origin))
        print(level, this.prefix, `${origin}: ${text}${text.endsWith('\n') ? '' : '\n'}`);
    },
    raw(level, text, word) {
      if (level <= this.level) print(level, this.prefix, text, word);
    },
  };
}
