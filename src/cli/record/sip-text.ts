/** Pieces of recorded SIP messages (latin1), as the kit's steps want them. Pure. */
import { HDR, headerId } from '../../sip/header-names.js';
import type { ReplyParts } from '../../testing/index.js';

/** Headers that the kit takes from the request, or counts. */
const MADE: ReadonlySet<number> = new Set([
  HDR.VIA,
  HDR.FROM,
  HDR.TO,
  HDR.CALLID,
  HDR.CSEQ,
  HDR.CONTACT,
  HDR.RECORDROUTE,
  HDR.CONTENTLENGTH,
  HDR.CONTENTTYPE,
]);

/** What a recorded reply says, for the kit's `reply`. */
export function replyParts(text: string): ReplyParts {
  const reason = /^SIP\/2\.0 \d+ ?([^\r\n]*)/.exec(text)?.[1] ?? '';
  const { headers, body } = partsOf(text);
  const tag = /;\s*tag=([^;\s]+)/i.exec(headerOf(text, 'To') ?? '')?.[1];
  const contact = /<([^>]*)>/.exec(headerOf(text, 'Contact') ?? '')?.[1];
  const others: Record<string, string[]> = {};
  for (const [name, value] of headers)
    if (!MADE.has(headerId(name))) others[name] = [...(others[name] ?? []), utf8(value)];
  const type = headerOf(text, 'Content-Type');
  return {
    ...(reason === '' ? {} : { reason: utf8(reason) }),
    ...(tag === undefined ? {} : { toTag: tag }),
    ...(contact === undefined ? {} : { contact: utf8(contact) }),
    ...(Object.keys(others).length === 0
      ? {}
      : { headers: Object.fromEntries(Object.entries(others).map(([n, v]) => [n, v.length === 1 ? v[0]! : v])) }),
    ...(body === '' ? {} : { body: utf8(body), ...(type === undefined ? {} : { contentType: type }) }),
  };
}

/** Branch of the topmost Via and CSeq: what a reply has in common with its request. */
export function transactionOf(text: string): string | undefined {
  const branch = /;\s*branch=([^;,\s]+)/i.exec(headerOf(text, 'Via') ?? '')?.[1];
  const cseq = headerOf(text, 'CSeq');
  return branch === undefined || cseq === undefined ? undefined : `${branch} ${cseq}`;
}

function partsOf(text: string): { readonly headers: readonly (readonly [string, string])[]; readonly body: string } {
  const end = text.indexOf('\r\n\r\n');
  const head = (end < 0 ? text : text.slice(0, end)).replace(/\r\n[ \t]+/g, ' ');
  const headers = head
    .split('\r\n')
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
    });
  return { headers, body: end < 0 ? '' : text.slice(end + 4) };
}

/** Value of the first header of that name. */
export function headerOf(text: string, name: string): string | undefined {
  const id = headerId(name);
  return partsOf(text).headers.find(([n]) => headerId(n) === id)?.[1];
}

export function isReply(text: string): boolean {
  return text.startsWith('SIP/2.0 ');
}

export function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
