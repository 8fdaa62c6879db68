/** How V8 keeps strings, where it matters. */

/**
 * The same text in one piece: a string put together or cut out keeps the strings it was made of alive. For what is kept
 * long after its message.
 */
export function joined(text: string): string {
  // asking for a character makes V8 join the pieces; the answer has to be used, or the question is optimised away
  return text.charCodeAt(0) === 0 ? text.slice(0) : text;
}

/** Shorter pieces are copied by V8 itself when they are cut out. */
const CUT_OUT = 13;
const scratch = Buffer.alloc(4096);

/** The same text on its own: what is cut out of a message keeps the whole message alive. For latin1 text. */
export function kept(text: string): string {
  if (text.length < CUT_OUT || text.length > scratch.length) return text;
  return scratch.toString('latin1', 0, scratch.write(text, 0, 'latin1'));
}

const WORDS = 1024;
const words = new Map<string, string>();

/** As `kept`, for texts that many messages share (User-Agent): one for all of them. */
export function shared(text: string): string {
  let known = words.get(text);
  if (known === undefined) {
    known = kept(text);
    if (words.size >= WORDS) words.clear();
    words.set(known, known);
  }
  return known;
}
