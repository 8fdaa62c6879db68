/** The classes `nameaddr` and `tobody`: values of From, To, Contact and the like. */
import { parseToBody, type ToBody } from '../../sip/to-body.js';
import { parseUri, type SipUri } from '../../sip/uri.js';
import { skipLws } from '../../sip/via.js';
import type { TransformationDefinition } from '../module.js';
import type { Value } from '../values.js';
import { type Entry, plain, someText, transformationClass } from './common.js';

/** Name, URI and length up to the `>`; without a `<` all is the URI. */
interface Cut {
  readonly name: string;
  readonly uri: string;
  readonly length: number;
}

function cut(text: string): Cut | undefined {
  const open = unquotedIndex(text, '<', 0);
  if (open < 0) return { name: '', uri: text, length: text.length };
  const close = unquotedIndex(text, '>', open + 1);
  return close < 0 ? undefined : { name: text.slice(0, open), uri: text.slice(open + 1, close), length: close + 1 };
}

/** Offset of a character outside double quotes; -1 when there is none. */
function unquotedIndex(text: string, c: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted || text[i - 1] === '\\';
    else if (!quoted && text[i] === c) return i;
  }
  return -1;
}

function part(doc: string, of: (cut: Cut) => Value): Entry {
  return plain(doc, someText, (text) => {
    const found = cut(text);
    return found === undefined ? undefined : of(found);
  });
}

export const nameaddr: TransformationDefinition = transformationClass(
  'nameaddr',
  'Parts of `"name" <uri>`; without a `<` the whole is the URI. A `<` that is not closed fails.',
  {
    name: part('What stands before the `<`, with its quotes and blanks.', (c) => c.name),
    uri: part('The URI.', (c) => c.uri),
    len: part('Length up to the `>`, an int.', (c) => c.length),
  },
);

function body(doc: string, of: (body: ToBody, uri: SipUri) => Value): Entry {
  return plain(doc, someText, (text) => {
    const found = parseToBody(text, 0, text.length);
    const uri = found === undefined ? undefined : parseUri(found.address.uri);
    return found === undefined || uri === undefined ? undefined : of(found, uri);
  });
}

/** From the name of the first parameter to the end of the text. */
function paramsOf({ address }: ToBody): string {
  const { text, paramsStart } = address;
  return address.params === '' ? '' : text.slice(skipLws(text, paramsStart, text.length));
}

export const tobody: TransformationDefinition = transformationClass(
  'tobody',
  'Parts of the value of a From or To header; a part that is absent is empty. What does not parse fails.',
  {
    uri: body('The URI.', (b) => b.address.uri),
    tag: body('Value of the parameter tag.', (b) => b.tag ?? ''),
    user: body('User of the URI.', (_b, u) => u.user ?? ''),
    host: body('Host of the URI.', (_b, u) => u.host),
    display: body('Display name with its quotes.', (b) => b.address.display),
    params: body('All parameters, from the name of the first one on.', paramsOf),
  },
);
