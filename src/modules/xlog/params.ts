/** Parameters of xlog, and what their texts mean. */
import { intParam, LEVEL, listParam, strParam } from '../../runtime/module.js';
import { colorSequence } from './colors.js';

export interface XlogParams {
  readonly buf_size: number;
  readonly force_color: number;
  readonly long_format: number;
  readonly prefix: string;
  readonly prefix_mode: number;
  readonly log_facility: string | null;
  readonly log_colors: readonly string[];
  readonly methods_filter: number;
}

/** Syslog facilities as Kamailio names them. */
const FACILITIES: ReadonlySet<string> = new Set([
  'LOG_AUTH',
  'LOG_CRON',
  'LOG_DAEMON',
  'LOG_KERN',
  'LOG_LOCAL0',
  'LOG_LOCAL1',
  'LOG_LOCAL2',
  'LOG_LOCAL3',
  'LOG_LOCAL4',
  'LOG_LOCAL5',
  'LOG_LOCAL6',
  'LOG_LOCAL7',
  'LOG_LPR',
  'LOG_MAIL',
  'LOG_NEWS',
  'LOG_USER',
  'LOG_UUCP',
  'LOG_AUTHPRIV',
  'LOG_FTP',
  'LOG_SYSLOG',
]);

export function isFacility(name: string): boolean {
  return FACILITIES.has(name);
}

const COLOR_LEVELS: Readonly<Record<string, number>> = {
  l_alert: LEVEL.ALERT,
  l_bug: LEVEL.BUG,
  l_crit2: LEVEL.CRIT2,
  l_crit: LEVEL.CRIT,
  l_err: LEVEL.ERR,
  l_warn: LEVEL.WARN,
  l_notice: LEVEL.NOTICE,
  l_info: LEVEL.INFO,
  l_dbg: LEVEL.DBG,
};

/** Levels and sequences of one `log_colors` value, `L_ERR=rx;L_DBG=gx`; a text when it is wrong. */
export function logColors(value: string): readonly (readonly [level: number, sequence: string])[] | string {
  const out: [number, string][] = [];
  if (value === '') return 'no colors';
  for (const item of value.split(';')) {
    if (item.trim() === '') continue;
    const [name = '', letters = ''] = item.split('=').map((part) => part.trim());
    const level = COLOR_LEVELS[name.toLowerCase()];
    if (level === undefined) return `invalid level name ${name}`;
    const sequence = colorSequence(letters);
    if (sequence === undefined) return `invalid color spec for level ${name} (${letters})`;
    out.push([level, sequence]);
  }
  return out;
}

function checkColors(value: string): string | undefined {
  const result = logColors(value);
  return typeof result === 'string' ? result : undefined;
}

export const params = {
  buf_size: intParam(4096, 'Longest text in bytes; a longer one is not printed and the call fails.'),
  force_color: intParam(0, '1: `$C(xy)` gives its sequence even when the log does not go to stderr.'),
  long_format: intParam(0, '1: xlogl() and xdbgl() print the file before the line.'),
  prefix: strParam('<script>: ', 'What is printed before each text.'),
  prefix_mode: intParam(0, '1: variables in `prefix` are evaluated at each call.'),
  log_facility: strParam(null, 'Syslog facility of these lines; those on stderr do not show it.', (name) =>
    isFacility(name) ? undefined : `invalid syslog facility ${name}`,
  ),
  log_colors: listParam(
    'Colours of the levels, `L_ERR=rx;L_DBG=gx`; used with the core parameter log_color.',
    checkColors,
  ),
  methods_filter: intParam(-1, 'xlogm() is silent for these methods, a sum of their numbers (`$rmid`); -1: for all.'),
};
