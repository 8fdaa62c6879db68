/** XML trees as text, laid out as libxml2 does: two blanks a level where an element holds no text. */
import { isElement, type XmlDocument, type XmlElement, type XmlNode } from './tree.js';

/** The document with its declaration and a line end, one character a byte. */
export function writeXml(doc: XmlDocument): string {
  const encoding = doc.encoding === '' ? '' : ` encoding="${doc.encoding}"`;
  const standalone = doc.standalone === '' ? '' : ` standalone="${doc.standalone}"`;
  const body = doc.nodes.map((node) => `${text(node, 0, true)}\n`).join('');
  const whole = `<?xml version="1.0"${encoding}${standalone}?>\n${body}`;
  return toBytes(whole, doc.encoding.toLowerCase());
}

function toBytes(whole: string, encoding: string): string {
  if (encoding === 'utf-8') return Buffer.from(whole, 'utf8').toString('latin1');
  const limit = encoding === 'iso-8859-1' ? 0x100 : 0x80;
  let out = '';
  for (const c of whole) {
    const code = c.codePointAt(0) ?? 0;
    out += code < limit ? c : `&#x${code.toString(16).toUpperCase()};`;
  }
  return out;
}

const TEXT: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const ATTRIBUTE: Readonly<Record<string, string>> = { ...TEXT, '"': '&quot;', '\n': '&#10;', '\t': '&#9;' };
const IN_TEXT = /[&<>\r]/g;
const IN_ATTRIBUTE = /[&<>"\r\n\t]/g;
const escapeText = (s: string): string => s.replace(IN_TEXT, (c) => TEXT[c] ?? c);
const escapeAttribute = (s: string): string => s.replace(IN_ATTRIBUTE, (c) => ATTRIBUTE[c] ?? c);

function text(node: XmlNode, level: number, laidOut: boolean): string {
  switch (node.kind) {
    case 'text':
      return escapeText(node.text);
    case 'cdata':
      return `<![CDATA[${node.text}]]>`;
    case 'comment':
      return `<!--${node.text}-->`;
    case 'instruction':
      return `<?${node.text}?>`;
    default:
      return element(node, level, laidOut);
  }
}

function element(e: XmlElement, level: number, laidOut: boolean): string {
  const name = e.prefix === '' ? e.name : `${e.prefix}:${e.name}`;
  let start = `<${name}`;
  for (const { prefix, uri } of e.declares)
    start += ` ${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${escapeAttribute(uri)}"`;
  for (const a of e.attributes) start += ` ${a.name}="${escapeAttribute(a.value)}"`;
  if (e.children.length === 0) return `${start}/>`;
  const lines = laidOut && e.children.every((c) => isElement(c) || c.kind === 'comment' || c.kind === 'instruction');
  if (!lines) return `${start}>${e.children.map((c) => text(c, level + 1, false)).join('')}</${name}>`;
  const indent = '  '.repeat(level);
  const inside = e.children.map((c) => `${indent}  ${text(c, level + 1, true)}\n`).join('');
  return `${start}>\n${inside}${indent}</${name}>`;
}
