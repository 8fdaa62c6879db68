/** Texts between the server, where a character is a byte, and databases, which know characters. */

const ASCII = /^[\0-\x7f]*$/;

export function toDatabase(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}

export function fromDatabase(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

const pad = (n: number): string => `${n}`.padStart(2, '0');

/** `2024-01-02 03:04:05` in local time, as MySQL and PostgreSQL keep it for Kamailio. */
export function localTime(seconds: number): string {
  const d = new Date(seconds * 1000);
  const day = `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  return `${day} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

/** Seconds of such a text; 0 for what is none (`0000-00-00 00:00:00`). */
export function fromLocalTime(text: string): number {
  const m = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?/.exec(text);
  if (m === null || m[1] === '0000') return 0;
  const [year, month, day, hour, minute, second] = m.slice(1).map((part) => Number(part ?? 0));
  return Math.floor(new Date(year!, month! - 1, day, hour, minute, second).getTime() / 1000);
}
