/** dialog-info documents (RFC 4235): many made one. Pure. */
import { readXml } from '../xml/read.js';
import {
  attributeOf,
  contentOf,
  findElement,
  isElement,
  newDocument,
  newElement,
  type XmlDocument,
  type XmlElement,
} from '../xml/tree.js';
import { writeXml } from '../xml/write.js';

const NS = 'urn:ietf:params:xml:ns:dialog-info';
/** Stands for the version, which is another for each watcher. */
const VERSION = '00000000000';
const PLACEHOLDER = `version="${VERSION}"`;
/** What Kamailio shows of someone of whom no dialog is known. */
const NO_DIALOG =
  '<dialog-info>\t<dialog id="615293b33c62dec073e05d9421e9f48b" direction="recipient">\t<state>terminated</state>\t</dialog>\t</dialog-info>';

export interface DialogOptions {
  /** One dialog alone is shown: the one that matters most. */
  readonly single: boolean;
  /** Someone without dialogs is shown with one that has ended. */
  readonly dummy: boolean;
}

/** Undefined where one of them cannot be read, or there are none. */
export function aggregateDialogs(
  entity: string,
  bodies: readonly string[],
  options: DialogOptions,
): string | undefined {
  const texts = bodies.length === 0 && options.dummy ? [NO_DIALOG] : bodies;
  const docs: XmlDocument[] = [];
  for (const body of texts) {
    const doc = readXml(body);
    if (doc === undefined) return undefined;
    docs.push(doc);
  }
  if (docs.length === 0) return undefined;
  const root = newElement('dialog-info', { version: VERSION, state: 'full', entity });
  root.declares.push({ prefix: '', uri: NS });
  const all = docs.flatMap((doc) => doc.root.children.filter(isElement).map((e) => declaring(e, doc.root)));
  const shown = options.single && docs.length > 1 ? mostImportant(all) : all;
  if (shown === undefined) return undefined;
  root.children.push(...shown);
  return writeXml(newDocument(root));
}

/** Namespaces with a prefix that only the old root declared go along. */
function declaring(e: XmlElement, root: XmlElement): XmlElement {
  const missing = root.declares.filter((d) => d.prefix !== '' && !e.declares.some((own) => own.prefix === d.prefix));
  return missing.length === 0 ? e : { ...e, declares: [...e.declares, ...missing] };
}

/** States that a dialog goes through, with what a later one of the same dialog counts. */
const RANK: Readonly<Record<string, number>> = { trying: 1, proceeding: 2, early: 4, confirmed: 8, terminated: 16 };
/** The most important state first. */
const IMPORTANCE = ['early', 'confirmed', 'proceeding', 'trying', 'terminated'];

const stateOf = (e: XmlElement): string | undefined => {
  const state = findElement([e], 'state');
  return state && contentOf(state).toLowerCase();
};

/** A dialog that another document knows in a later state does not count in the earlier one. */
function mostImportant(all: readonly XmlElement[]): readonly XmlElement[] | undefined {
  const known = all.map((element) => ({
    element,
    state: stateOf(element),
    id: attributeOf(element, 'id')?.toLowerCase(),
  }));
  const reached = new Map<string, number>();
  for (const { id, state } of known)
    if (id !== undefined && state !== undefined) reached.set(id, (reached.get(id) ?? 0) + (RANK[state] ?? 0));
  const current = known.filter(({ id, state }) => {
    if (state === undefined) return false;
    const next = (RANK[state] ?? 0) * 2;
    return state === 'terminated' || (id !== undefined && (reached.get(id) ?? 0) < Math.max(next, 2));
  });
  for (const state of IMPORTANCE) {
    const last = current.filter((k) => k.state === state).at(-1);
    if (last !== undefined) return [last.element];
  }
  const any = known.filter((k) => k.state !== undefined).at(-1);
  return any === undefined ? undefined : [any.element];
}

/** The document with the version of one watcher. */
export function withVersion(body: string, version: number): string {
  return body.replace(PLACEHOLDER, `version="${version}"`);
}
