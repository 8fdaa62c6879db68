/**
 * The short way into JSON: the engine's own parser, five times as fast as the lenient one, for texts on which both agree.
 * What json-c reads or prints differently is left to runtime/json-c.ts.
 */

const LBRACE = 123;
/** Containers that a text may open before its depth is doubtful: json-c takes 32 levels. */
const SAFE_CONTAINERS = 31;

export type StrictObject = Readonly<Record<string, unknown>>;

/**
 * The object that `text` (latin1) is in strict JSON; undefined when it is none, or when a string in it could differ from
 * json-c's. Strings in it are then json-c's to the byte; numbers are not, as they have lost their spelling.
 */
export function strictObject(text: string): StrictObject | undefined {
  // An \u escape stands for UTF-8 bytes in json-c, for one character in JavaScript.
  if (text.charCodeAt(0) !== LBRACE || text.includes('\\u') || mayBeDeep(text)) return undefined;
  try {
    return JSON.parse(text) as StrictObject;
  } catch {
    return undefined;
  }
}

function mayBeDeep(text: string): boolean {
  let open = 0;
  for (let at = text.indexOf('{'); at >= 0 && open <= SAFE_CONTAINERS; at = text.indexOf('{', at + 1)) open++;
  for (let at = text.indexOf('['); at >= 0 && open <= SAFE_CONTAINERS; at = text.indexOf('[', at + 1)) open++;
  return open > SAFE_CONTAINERS;
}

/** A field of its own; undefined when it is missing. */
export const ownField = (root: StrictObject, name: string): unknown =>
  Object.hasOwn(root, name) ? root[name] : undefined;
