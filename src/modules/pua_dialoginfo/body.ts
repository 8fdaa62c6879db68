/** dialog-info documents (RFC 4235) about calls that pass here. Pure. */
import { parseUri } from '../../sip/uri.js';
import { newDocument, newElement, textNode, type XmlElement } from '../xml/tree.js';
import { writeXml } from '../xml/write.js';

/** One side of a call: who it is, and where. */
export interface Party {
  readonly uri: string;
  /** Contact; '' where it is not known. */
  readonly target: string;
}

export interface CallInfo {
  readonly id: string;
  readonly callId: string;
  readonly state: string;
  readonly local: Party;
  readonly remote: Party;
  /** '' where they are not known. */
  readonly localTag: string;
  readonly remoteTag: string;
  readonly isCaller: boolean;
}

export interface BodyOptions {
  readonly callId: boolean;
  readonly parties: boolean;
  readonly display: boolean;
}

const given = (attributes: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));

/** Text of SIP is bytes, that of XML trees Unicode. */
const unicode = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

export function dialogInfoBody(call: CallInfo, options: BodyOptions): string {
  const { local, remote } = call;
  const dialog = newElement(
    'dialog',
    given({
      id: call.id,
      'call-id': options.callId ? unicode(call.callId) : '',
      'local-tag': unicode(call.localTag),
      'remote-tag': unicode(call.remoteTag),
      direction: call.isCaller ? 'initiator' : 'recipient',
    }),
    [newElement('state', {}, [textNode(call.state)])],
  );
  if (options.parties) dialog.children.push(party('remote', remote, options), party('local', local, options));
  const root = newElement(
    'dialog-info',
    { xmlns: 'urn:ietf:params:xml:ns:dialog-info', version: '0', state: 'full', entity: unicode(local.uri) },
    [dialog],
  );
  return writeXml(newDocument(root));
}

function party(name: string, { uri, target }: Party, { display }: BodyOptions): XmlElement {
  const where = target === '' ? uri : target;
  const user = display ? (parseUri(where)?.user ?? '') : '';
  return newElement(name, {}, [
    newElement('identity', {}, [textNode(unicode(uri))]),
    newElement('target', given({ display: unicode(user), uri: unicode(where) })),
  ]);
}
