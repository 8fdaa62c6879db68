/** The edge between a test's texts (Unicode) and the server's (latin1, one character a byte). */

/** UTF-8 bytes of a test's text, as the server has them. */
export function toServer(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** What the server has, as text. */
export function fromServer(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
}
