/** {nsq.encode} and nsq_encode(): percent-encoding for names of topics and queues (nsq.md, section 6). */

const PLAIN = /^[A-Za-z0-9\-~_]*$/;
const OTHER = /[^A-Za-z0-9\-~_]/g;

/** Letters, digits, `-`, `~`, `_` stay; a space is `+`; every other byte `%XX`. A lone `#` or `*` stays as it is. */
export function nsqEncode(text: string): string {
  if (text === '#' || text === '*' || PLAIN.test(text)) return text;
  return text.replace(OTHER, (c) =>
    c === ' ' ? '+' : `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
