/**
 * XML text as a tree. Documents come from the network: no document type (and so no entities of the author's own), a bound
 * on the depth, and nothing throws out of here.
 */
import {
  append,
  type XmlAttribute,
  type XmlDocument,
  type XmlElement,
  type XmlNamespace,
  type XmlNode,
} from './tree.js';

const MAX_DEPTH = 200;
const NAME = /[A-Za-z_:\u0080-\uffff][\w:.\-\u0080-\uffff]*/y;
const SPACE = /[ \t\r\n]*/y;
const REFERENCE = /&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(\w+));/g;
const DECLARATION = /^<\?xml([ \t\r\n][^?]*)\?>/;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Characters that XML 1.0 has not. */
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** The prefix that needs no declaration. */
const NO_SCOPE: ReadonlyMap<string, string> = new Map([['xml', '']]);

class Bad extends Error {}

/** Undefined where the text (one character a byte) is no XML document. */
export function readXml(bytes: string): XmlDocument | undefined {
  try {
    return new Reader(bytes).document();
  } catch (e) {
    if (e instanceof Bad) return undefined;
    throw e;
  }
}

interface Declared {
  readonly encoding: string;
  readonly standalone: '' | 'yes' | 'no';
  readonly length: number;
}

const VERSION = /[ \t\r\n]version[ \t\r\n]*=[ \t\r\n]*["']1\.\d+["']/;
const ENCODING = /[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][\w.-]*)["']/;
const STANDALONE = /[ \t\r\n]standalone[ \t\r\n]*=[ \t\r\n]*["'](yes|no)["']/;

function declared(bytes: string): Declared {
  const found = DECLARATION.exec(bytes);
  if (found === null) return { encoding: '', standalone: '', length: 0 };
  const text = found[1] ?? '';
  if (!VERSION.test(text)) throw new Bad();
  const standalone = STANDALONE.exec(text)?.[1];
  return {
    encoding: ENCODING.exec(text)?.[1] ?? '',
    standalone: standalone === 'yes' || standalone === 'no' ? standalone : '',
    length: found[0].length,
  };
}

const ASCII = /^[\x00-\x7f]*$/;

function decode(bytes: string, encoding: string): string {
  if (ASCII.test(bytes)) return bytes;
  const name = encoding.toLowerCase();
  if (name === 'iso-8859-1') return bytes;
  if (name !== '' && name !== 'utf-8') throw new Bad();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    throw new Bad();
  }
}

class Reader {
  readonly #text: string;
  readonly #declared: Declared;
  #at = 0;

  constructor(bytes: string) {
    const start = bytes.startsWith('\xef\xbb\xbf') ? bytes.slice(3) : bytes;
    this.#declared = declared(start);
    this.#text = decode(start.slice(this.#declared.length), this.#declared.encoding).replace(/\r\n?/g, '\n');
    if (FORBIDDEN.test(this.#text)) throw new Bad();
  }

  document(): XmlDocument {
    const nodes: XmlNode[] = [];
    let root: XmlElement | undefined;
    for (this.#space(); this.#at < this.#text.length; this.#space()) {
      if (this.#text[this.#at] !== '<') throw new Bad();
      const special = this.#special();
      if (special?.kind === 'cdata' || (special === undefined && root !== undefined)) throw new Bad();
      root ??= special === undefined ? this.#element(NO_SCOPE, 0) : undefined;
      const node = special ?? root;
      if (node !== undefined) nodes.push(node);
    }
    if (root === undefined) throw new Bad();
    const { encoding, standalone } = this.#declared;
    return { encoding, standalone, nodes, root };
  }

  #space(): boolean {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    const moved = SPACE.lastIndex > this.#at;
    this.#at = SPACE.lastIndex;
    return moved;
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const found = NAME.exec(this.#text)?.[0];
    if (found === undefined) throw new Bad();
    this.#at += found.length;
    return found;
  }

  /** What is between here and `end`, which is passed. */
  #until(end: string): string {
    const to = this.#text.indexOf(end, this.#at);
    if (to < 0) throw new Bad();
    const found = this.#text.slice(this.#at, to);
    this.#at = to + end.length;
    return found;
  }

  #takes(start: string): boolean {
    if (!this.#text.startsWith(start, this.#at)) return false;
    this.#at += start.length;
    return true;
  }

  /** A comment, an instruction or a CDATA section; undefined at an element. */
  #special(): XmlNode | undefined {
    if (this.#takes('<!--')) {
      const text = this.#until('-->');
      if (text.includes('--')) throw new Bad();
      return { kind: 'comment', text };
    }
    if (this.#takes('<![CDATA[')) return { kind: 'cdata', text: this.#until(']]>') };
    if (this.#takes('<?')) {
      const text = this.#until('?>');
      if (/^xml(?:[ \t\n]|$)/i.test(text)) throw new Bad();
      return { kind: 'instruction', text };
    }
    if (this.#text.startsWith('<!', this.#at)) throw new Bad();
    return undefined;
  }

  #element(scope: ReadonlyMap<string, string>, depth: number): XmlElement {
    if (depth > MAX_DEPTH) throw new Bad();
    this.#at++;
    const qualified = this.#name();
    const { declares, attributes } = this.#attributes();
    const inner =
      declares.length === 0 ? scope : new Map([...scope, ...declares.map((d) => [d.prefix, d.uri] as const)]);
    const colon = qualified.indexOf(':');
    const prefixed = colon > 0 && inner.has(qualified.slice(0, colon));
    const element: XmlElement = {
      kind: 'element',
      prefix: prefixed ? qualified.slice(0, colon) : '',
      name: prefixed ? qualified.slice(colon + 1) : qualified,
      declares,
      attributes,
      children: [],
    };
    if (this.#takes('/>')) return element;
    if (!this.#takes('>')) throw new Bad();
    this.#children(element, inner, depth);
    if (this.#name() !== qualified) throw new Bad();
    this.#space();
    if (!this.#takes('>')) throw new Bad();
    return element;
  }

  #children(element: XmlElement, scope: ReadonlyMap<string, string>, depth: number): void {
    for (;;) {
      const to = this.#text.indexOf('<', this.#at);
      if (to < 0) throw new Bad();
      if (to > this.#at) append(element, { kind: 'text', text: plain(this.#text.slice(this.#at, to), true) });
      this.#at = to;
      if (this.#takes('</')) return;
      append(element, this.#special() ?? this.#element(scope, depth + 1));
    }
  }

  #attributes(): { declares: XmlNamespace[]; attributes: XmlAttribute[] } {
    const declares: XmlNamespace[] = [];
    const attributes: XmlAttribute[] = [];
    const seen = new Set<string>();
    while (this.#space()) {
      const c = this.#text[this.#at];
      if (c === '>' || c === '/') break;
      const name = this.#name();
      if (seen.has(name)) throw new Bad();
      seen.add(name);
      const value = this.#value();
      if (name === 'xmlns') declares.push({ prefix: '', uri: value });
      else if (name.startsWith('xmlns:')) declares.push({ prefix: name.slice(6), uri: value });
      else attributes.push({ name, value });
    }
    return { declares, attributes };
  }

  #value(): string {
    this.#space();
    if (!this.#takes('=')) throw new Bad();
    this.#space();
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") throw new Bad();
    this.#at++;
    const raw = this.#until(quote);
    if (raw.includes('<')) throw new Bad();
    return plain(raw.replace(/[\n\t]/g, ' '), false);
  }
}

/** Text with its references resolved. */
function plain(raw: string, isText: boolean): string {
  if (isText && raw.includes(']]>')) throw new Bad();
  if (!raw.includes('&')) return raw;
  let at = 0;
  let out = '';
  for (const m of raw.matchAll(REFERENCE)) {
    const between = raw.slice(at, m.index);
    if (between.includes('&')) throw new Bad();
    out += between + referred(m);
    at = m.index + m[0].length;
  }
  const rest = raw.slice(at);
  if (rest.includes('&')) throw new Bad();
  return out + rest;
}

function referred([, hex, decimal, name]: RegExpMatchArray): string {
  if (name !== undefined) {
    const found = Object.hasOwn(PREDEFINED, name) ? PREDEFINED[name] : undefined;
    if (found === undefined) throw new Bad();
    return found;
  }
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  if (code > 0x10ffff || code === 0 || (code >= 0xd800 && code <= 0xdfff)) throw new Bad();
  const c = String.fromCodePoint(code);
  if (FORBIDDEN.test(c)) throw new Bad();
  return c;
}
