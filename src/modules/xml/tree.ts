/** XML documents as trees, and ways to find things in them. Text is Unicode here; `write` and `read` know the bytes. */

export interface XmlAttribute {
  /** As written, prefix included. */
  readonly name: string;
  value: string;
}

/** A namespace that an element declares; prefix '' is the default one. */
export interface XmlNamespace {
  readonly prefix: string;
  readonly uri: string;
}

export interface XmlElement {
  readonly kind: 'element';
  /** '' where there is none, or where it is declared nowhere: then it is part of `name`. */
  readonly prefix: string;
  readonly name: string;
  declares: XmlNamespace[];
  attributes: XmlAttribute[];
  children: XmlNode[];
}

export type XmlNode =
  | XmlElement
  | { readonly kind: 'text'; text: string }
  | { readonly kind: 'cdata' | 'comment' | 'instruction'; readonly text: string };

export interface XmlDocument {
  /** As the declaration says; '' where it says nothing: then only ASCII is written. */
  readonly encoding: string;
  readonly standalone: '' | 'yes' | 'no';
  /** Comments and instructions outside the root, in order, the root among them. */
  readonly nodes: XmlNode[];
  readonly root: XmlElement;
}

export function newDocument(root: XmlElement): XmlDocument {
  return { encoding: '', standalone: '', nodes: [root], root };
}

export function newElement(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  children: XmlNode[] = [],
): XmlElement {
  const list = Object.entries(attributes).map(([key, value]) => ({ name: key, value }));
  return { kind: 'element', prefix: '', name, declares: [], attributes: list, children };
}

export const textNode = (text: string): XmlNode => ({ kind: 'text', text });

export function isElement(node: XmlNode): node is XmlElement {
  return node.kind === 'element';
}

const same = (a: string, b: string): boolean => a.length === b.length && a.toLowerCase() === b.toLowerCase();

/** The first element of that name (in any case and namespace) among `nodes` and all within them, in document order. */
export function findElement(nodes: readonly XmlNode[], name: string): XmlElement | undefined {
  for (const node of nodes) {
    if (!isElement(node)) continue;
    if (same(node.name, name)) return node;
    const within = findElement(node.children, name);
    if (within !== undefined) return within;
  }
  return undefined;
}

export function childrenNamed(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((c): c is XmlElement => isElement(c) && same(c.name, name));
}

export function childNamed(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((c): c is XmlElement => isElement(c) && same(c.name, name));
}

/** An attribute by its name without prefix, in any case. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  return element.attributes.find((a) => same(a.name.slice(a.name.indexOf(':') + 1), name))?.value;
}

/** All text within. */
export function contentOf(node: XmlNode): string {
  if (node.kind === 'text' || node.kind === 'cdata') return node.text;
  return isElement(node) ? node.children.map(contentOf).join('') : '';
}

/** Adds a node at the end; text is joined to text. */
export function append(parent: XmlElement, node: XmlNode): void {
  const last = parent.children.at(-1);
  if (node.kind === 'text' && last?.kind === 'text') last.text += node.text;
  else parent.children.push(node);
}

/** Namespaces in force below each of these elements, outermost first. */
function scopeOf(ancestors: readonly XmlElement[]): ReadonlyMap<string, string> {
  return new Map(ancestors.flatMap((e) => e.declares.map(({ prefix, uri }) => [prefix, uri] as const)));
}

/** A copy fit for another document: what its names refer to and `ancestors` declare, it declares itself. */
export function copyOf(node: XmlNode, ancestors: readonly XmlElement[]): XmlNode {
  if (!isElement(node)) return { ...node };
  const copy = cloneOf(node);
  declareMissing(copy, copy, scopeOf(ancestors), new Set());
  return copy;
}

function cloneOf(e: XmlElement): XmlElement {
  return {
    ...e,
    declares: [...e.declares],
    attributes: e.attributes.map((a) => ({ ...a })),
    children: e.children.map((c) => (isElement(c) ? cloneOf(c) : { ...c })),
  };
}

function declareMissing(
  e: XmlElement,
  top: XmlElement,
  scope: ReadonlyMap<string, string>,
  known: ReadonlySet<string>,
): void {
  const here = new Set([...known, ...e.declares.map((d) => d.prefix)]);
  const need = (prefix: string): void => {
    const uri = scope.get(prefix);
    if (uri === undefined || here.has(prefix)) return;
    if (!top.declares.some((d) => d.prefix === prefix)) top.declares.push({ prefix, uri });
    here.add(prefix);
  };
  need(e.prefix);
  for (const { name } of e.attributes) if (name.includes(':')) need(name.slice(0, name.indexOf(':')));
  for (const child of e.children) if (isElement(child)) declareMissing(child, top, scope, here);
}
