/** What lives as long as a message or its transaction: AVPs and XAVPs (variables.md, section 4). */
import { parseInt32, type Value } from './values.js';
import { XavpList } from './xavp.js';

export interface Avp {
  value: Value;
  /** setavpflag bits. */
  flags: number;
}

/** Each store is made when it is first asked for: most messages need none. */
export class MessageEnv {
  #avps: Map<string, Avp[]> | null = null;
  #xavps: XavpList | null = null;
  #xavus: XavpList | null = null;
  #xavis: XavpList | null = null;

  /** By key (`avpKey`): `s:name` (lower case) or `i:5`; newest first. A key without values is not in the map. */
  get avps(): Map<string, Avp[]> {
    this.#avps ??= new Map();
    return this.#avps;
  }

  get xavps(): XavpList {
    this.#xavps ??= new XavpList();
    return this.#xavps;
  }

  /** One value a name. */
  get xavus(): XavpList {
    this.#xavus ??= new XavpList();
    return this.#xavus;
  }

  /** Names ignore case. */
  get xavis(): XavpList {
    this.#xavis ??= new XavpList(true);
    return this.#xavis;
  }
}

/**
 * The key of an AVP's name as scripts write it: `name`, `s:name`, `i:5`, `f.name` (classes of the SER heritage keep
 * their prefix). Undefined where Kamailio refuses the name.
 */
export function avpKey(name: string): string | undefined {
  if (name.length >= 2 && name[1] === ':') {
    const rest = name.slice(2);
    if (rest === '') return undefined;
    if (name[0] === 's' || name[0] === 'S') return `s:${rest.toLowerCase()}`;
    if (name[0] !== 'i' && name[0] !== 'I') return undefined;
    return /^\d+$/.test(rest) ? `i:${Number(rest) | 0}` : undefined;
  }
  if (name.includes('.')) return classKey(name);
  return name === '' ? undefined : `s:${name.toLowerCase()}`;
}

/**
 * `from`, `to` and their URI, user and domain classes, `g` global (usr_avp.h). The list of the From URI is the one in
 * which names without a class live (case pv/corners).
 */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['f', ''],
  ['fr', ''],
  ['t', 't.'],
  ['tr', 't.'],
  ['fu', 'fu.'],
  ['tu', 'tu.'],
  ['fd', 'fd.'],
  ['td', 'td.'],
  ['g', 'g.'],
]);

function classKey(name: string): string | undefined {
  const dot = name.indexOf('.');
  const prefix = CLASSES.get(name.slice(0, dot));
  const rest = name.slice(dot + 1);
  return prefix === undefined || rest === '' || /[.[\]]/.test(rest) ? undefined : `s:${prefix}${rest.toLowerCase()}`;
}

/** The key of a name that a variable gave: an int is an int name; null and "" are none. */
export function avpKeyOfValue(name: Value): string | undefined {
  if (typeof name === 'number') return `i:${name}`;
  if (typeof name === 'string') return name === '' ? undefined : `s:${name.toLowerCase()}`;
  if (name === null || name === undefined) return undefined;
  return name.isInt ? `i:${name.int}` : `s:${name.text.toLowerCase()}`;
}

/** The newest value; undefined when there is none. */
export function firstAvp(env: MessageEnv, key: string): Avp | undefined {
  return env.avps.get(key)?.[0];
}

/** All values of a key, newest first. */
export function allAvps(env: MessageEnv, key: string): readonly Avp[] {
  return env.avps.get(key) ?? NONE;
}

const NONE: readonly Avp[] = [];

/** Puts a value on top. */
export function addAvp(env: MessageEnv, key: string, value: Value, flags = 0): void {
  const stack = env.avps.get(key);
  if (stack === undefined) env.avps.set(key, [{ value, flags }]);
  else stack.unshift({ value, flags });
}

/** Takes the newest value off; false when there was none. */
export function popAvp(env: MessageEnv, key: string): boolean {
  const stack = env.avps.get(key);
  if (stack === undefined) return false;
  stack.shift();
  if (stack.length === 0) env.avps.delete(key);
  return true;
}

/** Takes off the value at `index` (0 newest); false when there was none. */
export function removeAvp(env: MessageEnv, key: string, index: number): boolean {
  const stack = env.avps.get(key);
  if (stack === undefined || stack.splice(index, 1).length === 0) return false;
  if (stack.length === 0) env.avps.delete(key);
  return true;
}

/** Takes all values off; how many there were. */
export function removeAvps(env: MessageEnv, key: string): number {
  const count = env.avps.get(key)?.length ?? 0;
  env.avps.delete(key);
  return count;
}

/** SER-style assignment (`$name = v`): the one value of the key; null removes it. */
export function setAvp(env: MessageEnv, key: string, value: Value): void {
  removeAvps(env, key);
  if (value !== null && value !== undefined) addAvp(env, key, value);
}

/**
 * Which values setavpflag and its family mean: `$x` the only one (several: none), `$x[]` all, `$f.x[2]` the second
 * oldest, `[-1]` the newest.
 */
export type AvpPick = 'only' | 'all' | number;

function picked(stack: readonly Avp[], pick: AvpPick): readonly Avp[] {
  if (pick === 'all') return stack;
  if (pick === 'only') return stack.length === 1 ? stack : NONE;
  const one = stack.at(pick > 0 ? -pick : -pick - 1);
  return one === undefined ? NONE : [one];
}

/**
 * setavpflag, resetavpflag, isavpflagset: is the flag set on any of the values afterwards? (So a reset is false, as in
 * Kamailio.) `flag` is the number of the bit.
 */
export function avpFlag(
  env: MessageEnv,
  key: string,
  flag: number,
  operation: 'set' | 'reset' | 'test',
  pick: AvpPick = 'only',
): boolean {
  const mask = 1 << flag;
  let found = false;
  for (const avp of picked(allAvps(env, key), pick)) {
    if (operation === 'set') avp.flags |= mask;
    else if (operation === 'reset') avp.flags &= ~mask;
    found ||= (avp.flags & mask) !== 0;
  }
  return found;
}

/** `avp_aliases` as `a=s:x;b=i:5`: alias to key; undefined where the text is malformed. */
export function parseAvpAliases(text: string): Map<string, string> | undefined {
  const out = new Map<string, string>();
  if (text.trim() === '') return out;
  for (const part of text.split(';')) {
    const m = /^\s*([^\s=]+)\s*=\s*(\S+)\s*$/.exec(part);
    const key = m === null ? undefined : avpKey(m[2]!);
    if (m === null || key === undefined) return undefined;
    out.set(m[1]!.toLowerCase(), key);
  }
  return out;
}

/** An AVP's value out of what a script assigns: ints stay ints, all else is text. */
export function avpValue(value: Value): Value {
  if (typeof value === 'object' && value !== null) return value.isInt ? value.int : value.text;
  return value;
}

/** A number in a text as modparam and avpops write it (`i:5`, `s:x`); the rest is text. */
export function typedText(text: string): Value {
  if (text.startsWith('i:') || text.startsWith('I:')) return parseInt32(text.slice(2)) ?? undefined;
  return text.startsWith('s:') || text.startsWith('S:') ? text.slice(2) : text;
}
