/** Remembering what is asked again and again. */
import { kept } from '../../sip/text.js';

/** Answers that depend on a text alone, kept for so many texts. */
const KEPT = 1024;

/** `of`, which must be pure, with its answers remembered. */
export function remembered<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let found = known.get(text);
    if (found === undefined && !known.has(text)) {
      found = of(text);
      if (known.size >= KEPT) known.clear();
      known.set(kept(text), found);
    }
    return found as T;
  };
}
