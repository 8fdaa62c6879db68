/**
 * From one NSQ message to the event routes that may run for it (reference nsq.md, section 3). Pure: the worker calls it for
 * every message, `explain` for one.
 */
import { type JsonC, parseLenient, stringOf } from '../../runtime/json-c.js';
import { ownField, strictObject } from './strict-json.js';

/** The parameters consumer_event_key and consumer_event_subkey. */
export interface EventKeys {
  readonly key: string;
  readonly subkey: string;
}

/** The route that takes every message that no other one takes. */
export const CATCH_ALL = 'nsq:consumer-event';

/** The C module's buffer: longer names are cut before they are looked up. */
const MAX_NAME = 511;

/** Name of the event route of these parts, as it is looked up: cut, ASCII in lower case, `_` as `-`. */
export function routeName(...parts: readonly string[]): string {
  const name = [CATCH_ALL, ...parts].join('-').slice(0, MAX_NAME);
  return NEEDS_WORK.test(name) ? name.replace(NEEDS_WORK_ALL, (c) => (c === '_' ? '-' : c.toLowerCase())) : name;
}
const NEEDS_WORK = /[A-Z_]/;
const NEEDS_WORK_ALL = /[A-Z_]/g;

/** The two parts of an event's name, as the message has them. Missing, null, or no object at all: empty. */
export interface EventParts {
  readonly category: string;
  readonly name: string;
}

/** Parts of a payload (latin1 text up to its first NUL); undefined when it is no JSON, even leniently read. */
export function eventParts(text: string, { key, subkey }: EventKeys): EventParts | undefined {
  return strictParts(text, key, subkey) ?? lenientParts(text, key, subkey);
}

/** The short way of nearly all messages: an object whose two fields are plain text, or missing. */
function strictParts(text: string, key: string, subkey: string): EventParts | undefined {
  const root = strictObject(text);
  if (root === undefined) return undefined;
  const category = ownField(root, key) ?? '';
  const name = ownField(root, subkey) ?? '';
  return typeof category === 'string' && typeof name === 'string' ? { category, name } : undefined;
}

function lenientParts(text: string, key: string, subkey: string): EventParts | undefined {
  const root = parseLenient(text);
  return root === undefined ? undefined : { category: field(root, key), name: field(root, subkey) };
}

function field(root: JsonC, name: string): string {
  return root instanceof Map ? (stringOf(root.get(name) ?? null) ?? '') : '';
}

/**
 * The event routes that Kamailio's nsq module tries for a message, first one that exists wins. The third and fourth are
 * built from the parameters' own values, not from the message.
 */
export function eventRouteCandidates({ category, name }: EventParts, keys: EventKeys): readonly string[] {
  return [routeName(category, name), routeName(category), ...parameterRoutes(keys)];
}

/** Candidates 3, 4 and 5: the same for every message. */
export function parameterRoutes({ key, subkey }: EventKeys): readonly string[] {
  return [routeName(key, subkey), routeName(key), CATCH_ALL];
}

/** Why a message runs the route it runs, for people. */
export interface EventExplanation {
  readonly json: boolean;
  readonly parts: EventParts;
  readonly candidates: readonly { readonly name: string; readonly exists: boolean; readonly from: string }[];
  /** The route that runs; undefined: none, the message is finished. */
  readonly runs: string | undefined;
}

const SOURCES = [
  'category and name',
  'category',
  'the names of both parameters',
  'the name of the key parameter',
  'every event',
];

/** Takes one payload through the steps. `exists` says which event routes the script has. */
export function explainEvent(payload: string, keys: EventKeys, exists: (name: string) => boolean): EventExplanation {
  const parts = eventParts(upToNul(payload), keys);
  if (parts === undefined) return { json: false, parts: { category: '', name: '' }, candidates: [], runs: undefined };
  const candidates = eventRouteCandidates(parts, keys).map((name, i) => ({
    name,
    exists: exists(name),
    from: SOURCES[i]!,
  }));
  return { json: true, parts, candidates, runs: candidates.find((c) => c.exists)?.name };
}

/** Text up to its first NUL: what the C module sees of a payload. */
export function upToNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}
