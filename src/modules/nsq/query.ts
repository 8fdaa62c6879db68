/** The request of nsq_query: the script's JSON object with what the answer needs (nsq.md, section 5). */
import { type JsonObject, parseLenient, printSpaced, stringOf } from '../../runtime/json-c.js';

export interface QueryIdentity {
  readonly appName: string;
  readonly appVersion: string;
  /** `program@host`. */
  readonly node: string;
}

/** The payload as an object; undefined when it is none. */
export function parseQuery(payload: string): JsonObject | undefined {
  const root = parseLenient(payload);
  return root instanceof Map ? root : undefined;
}

/**
 * The text to publish: the object's own fields in their order, then those that were missing. A Msg-ID that the script set
 * is the one that is waited for; the Server-ID is always ours, or the answer would go elsewhere.
 */
export function addServerFields(
  request: JsonObject,
  identity: QueryIdentity,
  replyTopic: string,
  uuid: () => string,
): { readonly id: string; readonly text: string } {
  const out: JsonObject = new Map(request);
  const given = stringOf(out.get('Msg-ID') ?? null);
  const id = given === undefined || given === '' ? uuid() : given;
  const fields = { 'App-Name': identity.appName, 'App-Version': identity.appVersion, Node: identity.node };
  for (const [name, value] of Object.entries(fields)) if (!out.has(name)) out.set(name, value);
  if (id !== given) out.set('Msg-ID', id);
  out.set('Server-ID', replyTopic);
  return { id, text: printSpaced(out) };
}
