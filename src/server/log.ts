/** Log lines as Kamailio writes them: ` N(PID) LEVEL: origin: text`. */
import type { Log } from '../runtime/host.js';

const WORDS: Readonly<Record<number, string>> = {
  [-5]: 'ALERT', [-4]: 'BUG', [-3]: 'CRITICAL', [-2]: 'CRITICAL', [-1]: 'ERROR', 0: 'WARNING', 1: 'NOTICE', 2: 'INFO', 3: 'DEBUG',
};

export function levelWord(level: number): string {
  return WORDS[Math.max(-5, Math.min(3, level))]!;
}

export interface LogOptions {
  readonly pid: number;
  /** Takes whole lines, latin1 text with line ends. */
  readonly write: (text: string) => void;
  readonly level: number;
  /** `log_prefix` with variables is the script's matter; this is the plain text before every message. */
  readonly prefix?: string;
}

export function createLog(options: LogOptions): Log {
  const head = ` 1(${options.pid}) `;
  return {
    level: options.level,
    write(level, origin, text) {
      if (level > this.level) return;
      const end = text.endsWith('\n') ? '' : '\n';
      options.write(`${head}${levelWord(level)}: ${options.prefix ?? ''}${origin}: ${text}${end}`);
    },
    raw(level, text) {
      if (level > this.level) return;
      options.write(`${head}${levelWord(level)}: ${options.prefix ?? ''}${text}`);
    },
  };
}
