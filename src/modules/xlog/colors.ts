/** The letters of `$C(xy)` and `log_colors`: terminal escape sequences (10 bytes each, case xlog/colors). */

const FOREGROUND: Readonly<Record<string, string>> = {
  x: '0;39',
  s: '0;30',
  r: '0;31',
  g: '0;32',
  y: '0;33',
  b: '0;34',
  p: '0;35',
  c: '0;36',
  w: '0;37',
  S: '1;30',
  R: '1;31',
  G: '1;32',
  Y: '1;33',
  B: '1;34',
  P: '1;35',
  C: '1;36',
  W: '1;37',
};
const BACKGROUND: Readonly<Record<string, string>> = {
  x: '49',
  s: '40',
  r: '41',
  g: '42',
  y: '43',
  b: '44',
  p: '45',
  c: '46',
  w: '47',
};

/** The sequence for two letters, foreground and background; undefined when they are none. */
export function colorSequence(letters: string): string | undefined {
  if (letters.length !== 2) return undefined;
  const front = FOREGROUND[letters[0]!];
  const back = BACKGROUND[letters[1]!];
  return front === undefined || back === undefined ? undefined : `\x1b[${front};${back}m`;
}
