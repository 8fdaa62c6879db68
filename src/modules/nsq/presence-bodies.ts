/** Bodies of the presentity table: message-summary (RFC 3842), PIDF (RFC 3863) and dialog-info (RFC 4235). */
import { entry } from './entry.js';
import type { Fields } from './presence.js';

/** Lines with CRLF. The counts of voice messages, when given, else MWI-Voice-Message as it is. */
export function messageSummary(field: Fields): string {
  const lines = [`Messages-Waiting: ${field('Messages-Waiting')}`, `Message-Account: ${field('Message-Account')}`];
  const [fresh, saved, urgent, urgentSaved] = [
    'Messages-New',
    'Messages-Saved',
    'Messages-Urgent',
    'Messages-Urgent-Saved',
  ].map(field);
  const ready = field('MWI-Voice-Message');
  if (fresh !== '') lines.push(`Voice-Message: ${fresh}/${saved} (${urgent}/${urgentSaved})`);
  else if (ready !== '') lines.push(`Voice-Message: ${ready}`);
  return lines.map((line) => `${line}\r\n`).join('');
}

interface Status {
  readonly basic: 'open' | 'closed';
  readonly note: string;
  /** Name of an rpid activity. */
  readonly activity?: string;
}
const AVAILABLE: Status = { basic: 'open', note: 'Available' };
const STATUS: Readonly<Record<string, Status>> = {
  early: { basic: 'open', note: 'Busy', activity: 'busy' },
  confirmed: { basic: 'open', note: 'On the Phone', activity: 'on-the-phone' },
  offline: { basic: 'closed', note: 'Offline' },
};

export function pidf(field: Fields): string {
  const { basic, note, activity } = entry(STATUS, field('State')) ?? AVAILABLE;
  const namespaces = {
    xmlns: 'urn:ietf:params:xml:ns:pidf',
    'xmlns:dm': 'urn:ietf:params:xml:ns:pidf:data-model',
    'xmlns:rpid': 'urn:ietf:params:xml:ns:pidf:rpid',
    'xmlns:c': 'urn:ietf:params:xml:ns:pidf:cipid',
  };
  return document(
    element('presence', { ...namespaces, entity: field('From-User') }, [
      element('tuple', { id: field('Call-ID') }, [element('status', {}, [element('basic', {}, basic)])]),
      element('note', {}, note),
      element('dm:person', { id: '1' }, [
        element('rpid:activities', {}, activity === undefined ? [] : [element(`rpid:${activity}`, {})]),
        element('dm:note', {}, note),
      ]),
    ]),
  );
}

/** Without a Call-ID: one dialog that has ended, so that watchers see none. */
export function dialogInfo(field: Fields, entity: string, targets: boolean): string {
  const callId = field('Call-ID');
  const dialog =
    callId === ''
      ? element('dialog', { id: '615293b33c62dec073e05d9421e9f48b', direction: 'initiator' }, [
          element('state', {}, 'terminated'),
        ])
      : element(
          'dialog',
          {
            id: callId,
            'call-id': callId,
            'local-tag': field('From-Tag'),
            'remote-tag': field('To-Tag'),
            direction: field('Direction'),
          },
          [
            element('state', {}, field('State')),
            party('local', 'From', field, targets),
            party('remote', 'To', field, targets),
          ],
        );
  return document(
    element('dialog-info', { xmlns: 'urn:ietf:params:xml:ns:dialog-info', version: '1', state: 'full', entity }, [
      dialog,
    ]),
  );
}

function party(name: string, side: string, field: Fields, targets: boolean): string[] {
  const target = field(`${side}-URI`) || field(side);
  return element(name, {}, [
    element('identity', { display: field(`${side}-User`) }, field(side)),
    ...(targets ? [element('target', { uri: target })] : []),
  ]);
}

// ------------------------------------------------------------------------- XML

/** Lines of an element. Empty attributes are left out. */
function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  inside: string | readonly (readonly string[])[] = [],
): string[] {
  const start = Object.entries(attributes).reduce(
    (out, [key, value]) => (value === '' ? out : `${out} ${key}="${escaped(value)}"`),
    `<${name}`,
  );
  if (typeof inside === 'string') return [`${start}>${escaped(inside)}</${name}>`];
  if (inside.length === 0) return [`${start}/>`];
  return [`${start}>`, ...inside.flatMap((lines) => lines.map((line) => `  ${line}`)), `</${name}>`];
}

const document = (lines: readonly string[]): string => `<?xml version="1.0"?>\n${lines.join('\n')}\n`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const SPECIAL = /[&<>"]/g;
/** Values come from the bus; control characters are none of XML's. */
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f]/g;
const escaped = (text: string): string => text.replace(CONTROL, '').replace(SPECIAL, (c) => ENTITIES[c]!);
