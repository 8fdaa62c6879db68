/** What a stream of netstrings holds (`5:hello,`), as Kamailio's evapi reads it. */

/** Bytes that a client may have pending. */
export const MOST_PENDING = 32_767;

export interface Frames {
  readonly texts: readonly string[];
  /** The begin of a frame that is not whole yet. */
  readonly rest: string;
}

const isBlank = (c: string): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\n';

/** A length that goes on in what comes next, perhaps. */
const BEGUN = /^\d{1,10}$/;

/**
 * Cuts `data` (one character a byte) into its frames. What is no netstring is thrown away with all that follows it in
 * `data`. A frame may come in pieces cut anywhere; Kamailio loses one that is cut within its length or before its comma.
 */
export function cutFrames(data: string): Frames {
  const texts: string[] = [];
  let at = 0;
  while (at < data.length) {
    while (at < data.length && isBlank(data[at]!)) at++;
    const begin = data.slice(at, at + 12);
    if (BEGUN.test(begin)) return { texts, rest: begin };
    const head = /^(\d*):/.exec(begin);
    const length = Number(head?.[1] ?? 0);
    if (head === null || length <= 0) break;
    const from = at + head[0].length;
    const end = from + length;
    if (end >= data.length) return { texts, rest: data.length - at > MOST_PENDING ? '' : data.slice(at) };
    if (data[end] !== ',') break;
    texts.push(data.slice(from, end));
    at = end + 1;
  }
  return { texts, rest: '' };
}

export const asFrame = (text: string): string => `${text.length}:${text},`;
