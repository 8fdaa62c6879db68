/** PIDF documents (RFC 3863): many made one, and one as it looks when its author is gone. Pure. */
import { readXml } from '../xml/read.js';
import {
  append,
  attributeOf,
  childNamed,
  childrenNamed,
  contentOf,
  copyOf,
  findElement,
  isElement,
  newDocument,
  type XmlDocument,
  type XmlElement,
} from '../xml/tree.js';
import { writeXml } from '../xml/write.js';

export interface PidfOptions {
  /** One of the documents alone is shown: the one that ranks first. */
  readonly single: boolean;
  /** Texts in order of their rank, as one string; '' the newest document ranks first. */
  readonly priorities: string;
  /** Element whose text ranks a document. */
  readonly lookupElement: string;
  /** Someone of whom nothing is known is shown as available. */
  readonly dummy: boolean;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/**
 * One document out of many. The last is the one that the others are added to; one whose first tuple is there already is
 * left out. Undefined where one of them cannot be read, or there are none.
 */
export function aggregatePidf(
  user: string,
  bodies: readonly string[],
  gone: number,
  options: PidfOptions,
): string | undefined {
  if (bodies.length === 0) return options.dummy ? dummy(user) : undefined;
  const texts = bodies.map((body, i) => (i === gone ? offline(body) : body));
  const docs: XmlDocument[] = [];
  for (const body of texts) {
    const doc = body === undefined ? undefined : readXml(body);
    if (doc === undefined) return undefined;
    docs.push(doc);
  }
  return options.single ? first(docs, options) : together(docs);
}

function presenceIn(doc: XmlDocument): XmlElement | undefined {
  return findElement(doc.nodes, 'presence');
}

function together(docs: readonly XmlDocument[]): string | undefined {
  const last = docs.at(-1);
  const root = last && presenceIn(last);
  if (last === undefined || root === undefined) return undefined;
  for (const doc of docs.slice(0, -1).reverse()) {
    const other = presenceIn(doc);
    if (other === undefined) return undefined;
    const tuple = childNamed(other, 'tuple');
    const id = tuple && attributeOf(tuple, 'id');
    if (tuple !== undefined && id === undefined) return undefined;
    if (id !== undefined && childrenNamed(root, 'tuple').some((t) => same(attributeOf(t, 'id') ?? '', id))) continue;
    for (const node of other.children) append(root, copyOf(node, [other]));
  }
  return writeXml(last);
}

/** The one whose text stands last in the list of priorities; of equals the last. */
function first(docs: readonly XmlDocument[], { priorities, lookupElement }: PidfOptions): string | undefined {
  let best = docs.at(-1);
  if (best === undefined) return undefined;
  if (priorities === '' || lookupElement === '') return writeXml(best);
  const textOf = (doc: XmlDocument): string | undefined => {
    const root = presenceIn(doc);
    const found = root && findElement([root], lookupElement);
    return found && contentOf(found);
  };
  let text = textOf(best);
  if (text === undefined) return writeXml(best);
  let rank = priorities.indexOf(text);
  for (const doc of docs.slice(0, -1).reverse()) {
    const other = textOf(doc);
    if (other === undefined || same(other, text)) continue;
    const at = priorities.indexOf(other);
    if (at > rank) [best, text, rank] = [doc, other, at];
  }
  return writeXml(best);
}

/** The first tuple alone, closed; undefined where there is none. */
function offline(body: string): string | undefined {
  const doc = readXml(body);
  const root = doc && presenceIn(doc);
  if (doc === undefined || root === undefined) return undefined;
  const tuple = findElement(doc.nodes, 'tuple');
  const status = findElement(doc.nodes, 'status');
  const basic = findElement(doc.nodes, 'basic');
  if (tuple === undefined || status === undefined || basic === undefined) return undefined;
  basic.children = [{ kind: 'text', text: 'closed' }];
  const shell = (e: XmlElement): XmlElement => ({ ...e, children: [] });
  const [top, inner] = [shell(root), copyOf(shell(tuple), [root])];
  if (isElement(inner)) append(inner, copyOf(status, [root, tuple]));
  append(top, inner);
  return writeXml(newDocument(top));
}

const NS = 'urn:ietf:params:xml:ns:pidf';

function dummy(user: string): string | undefined {
  const text = `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="${NS}" xmlns:dm="${NS}:data-model" xmlns:rpid="${NS}:rpid" xmlns:c="${NS}:cipid" entity="USER"><tuple xmlns="${NS}" id="615293b33c62dec073e05d9421e9f48b"><status><basic>open</basic></status></tuple><note xmlns="${NS}">Available</note><dm:person xmlns:dm="${NS}:data-model" xmlns:rpid="${NS}:rpid" id="1"><rpid:activities/><dm:note>Available</dm:note></dm:person></presence>`;
  const doc = readXml(text);
  const entity = doc?.root.attributes[0];
  if (doc === undefined || entity === undefined) return undefined;
  entity.value = user;
  return writeXml(doc);
}

// -------------------------------------------------------------- what they say

/** Is one of the tuples' basic status that text? Undefined: there is no tuple, or one without a status. */
export function hasBasic(body: string, status: string): boolean | undefined {
  const doc = readXml(body);
  const root = doc && presenceIn(doc);
  const tuples = root === undefined ? [] : childrenNamed(root, 'tuple');
  if (tuples.length === 0) return undefined;
  return tuples.some((tuple) => {
    const basic = findElement([tuple], 'basic');
    return basic !== undefined && contentOf(basic).toLowerCase().startsWith(status.toLowerCase());
  });
}

/** Is one of the persons' activities of that name? Undefined: no person says what he does. */
export function hasActivity(body: string, activity: string): boolean | undefined {
  const doc = readXml(body);
  const root = doc && presenceIn(doc);
  const persons = root === undefined ? [] : childrenNamed(root, 'person');
  const lists = persons.map((person) => findElement([person], 'activities')).filter((a) => a !== undefined);
  if (!lists.some((list) => list.children.some(isElement))) return undefined;
  return lists.some((list) => findElement(list.children, activity) !== undefined);
}
