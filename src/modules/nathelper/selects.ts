/** @nathelper.rewrite_contact: a Contact as fix_nated_contact() would write it, the message left as it is. */
import type { Context } from '../../runtime/context.js';
import type { SelectDefinition } from '../../runtime/module.js';
import { select, tree } from '../../runtime/selects/tree.js';
import { nameAddrPlace } from '../../runtime/selects/uri.js';
import { type Contact, contactsOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { bracketed } from '../../sip/transport.js';

const HEAD = /^(sips?:(?:[^@]*@)?)(?:\[[^\]]*\]|[^;:?>]+)(?::\d*)?/i;

/** Counted from 1; header by header, of each the last one first. */
function contactAt(msg: SipMessage, index: number): Contact | undefined {
  const all = contactsOf(msg);
  const first = all.filter((c) => c.header === all[0]?.header).reverse();
  const others = all.filter((c) => c.header !== all[0]?.header);
  return [...first, ...others][index - 1];
}

function rewritten({ msg }: Context, index: number): string {
  const contact = contactAt(msg, index);
  const head = contact?.address === undefined ? null : HEAD.exec(contact.uri);
  if (contact?.address === undefined || head === null) return '';
  const { proto, srcIp, srcPort } = msg.received;
  const usual = srcPort === (proto === 'tls' ? 5061 : 5060);
  const { uriStart } = contact.address;
  const host = `${bracketed(srcIp)}${usual ? '' : `:${srcPort}`}`;
  return `${msg.text.slice(contact.start, uriStart)}${head[1]}${host}${msg.text.slice(uriStart + head[0].length, contact.end)}`;
}

export const selects: Readonly<Record<string, SelectDefinition>> = {
  nathelper: select(
    'A Contact with the address the message came from: `@nathelper.rewrite_contact[1]`, and what `.nameaddr` has below it.',
    (path) => {
      const [name, index, ...rest] = path;
      if (name !== 'rewrite_contact' || typeof index !== 'number')
        return { error: 'write @nathelper.rewrite_contact[1]' };
      const get = (ctx: Context) => rewritten(ctx, index);
      return tree(get, { nameaddr: nameAddrPlace(get) })(rest);
    },
  ),
};
