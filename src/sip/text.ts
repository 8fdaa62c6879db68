/** How V8 keeps strings, where it matters. */

/**
 * The same text in one piece: a string put together or cut out keeps the strings it was made of alive. For what is kept
 * long after its message.
 */
export function joined(text: string): string {
  // asking for a character makes V8 join the pieces; the answer has to be used, or the question is optimised away
  return text.charCodeAt(0) === 0 ? text.slice(0) : text;
}
