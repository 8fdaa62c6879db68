/** nsq_pua_publish: from an event of a phone system to a row of the presentity table (nsq.md, section 7). Pure. */
import { entry } from './entry.js';
import { dialogInfo, messageSummary, pidf } from './presence-bodies.js';

/** Fields of the event as text; a missing one is empty. */
export type Fields = (name: string) => string;

export interface PresentityRow {
  readonly event: 'dialog' | 'message-summary' | 'presence';
  readonly domain: string;
  readonly username: string;
  readonly etag: string;
  readonly sender: string;
  readonly body: string;
  /** Seconds since the epoch. */
  readonly receivedTime: number;
  /** Seconds since the epoch when the event says how long it holds, else what it says (0). */
  readonly expires: number;
  readonly priority: number;
}

export type PresentityKey = readonly ('event' | 'domain' | 'username' | 'etag')[];

export type PresenceUpdate =
  /** Not for us: another event name or package. */
  | { readonly kind: 'none' }
  | { readonly kind: 'incomplete'; readonly why: string }
  | {
      readonly kind: 'row';
      readonly row: PresentityRow;
      /** The row that this one takes the place of has the same of these columns. */
      readonly key: PresentityKey;
    };

export interface PresenceOptions {
  /** pua_include_entity: dialog-info names its targets. */
  readonly targets: boolean;
  /** Seconds since the epoch. */
  readonly now: number;
}

const WHOLE_KEY = ['event', 'domain', 'username', 'etag'] as const;
const USER_KEY = ['event', 'domain', 'username'] as const;

export function presenceUpdate(field: Fields, options: PresenceOptions): PresenceUpdate {
  if (field('Event-Name') !== 'update') return { kind: 'none' };
  const make = entry(KINDS, field('Event-Package'));
  return make === undefined ? { kind: 'none' } : make(field, options);
}

const KINDS: Readonly<Record<string, (field: Fields, options: PresenceOptions) => PresenceUpdate>> = {
  'message-summary': (field, options) => userRow('message-summary', field, options, messageSummary(field)),
  presence(field, options) {
    if (lacks(field, 'From-User', 'To-User', 'State')) return INCOMPLETE;
    return userRow('presence', field, options, pidf(field));
  },
  dialog(field, options) {
    if (lacks(field, 'From', 'To', 'State')) return INCOMPLETE;
    const own = !lacks(field, 'Presentity', 'Presentity-User', 'Presentity-Realm');
    const of = (part: string) => field(own ? `Presentity${part}` : `From${part}`);
    // The event always stays: a row never takes the place of all others.
    const key = WHOLE_KEY.slice(0, Math.max(1, WHOLE_KEY.length - Math.max(0, whole(field('Flush-Level')))));
    const body = dialogInfo(field, of(''), options.targets);
    const callId = field('Call-ID');
    return {
      kind: 'row',
      key,
      row: {
        ...common(field, options),
        event: 'dialog',
        username: of('-User'),
        domain: of('-Realm'),
        etag: callId,
        sender: `sip:${callId}`,
        body,
      },
    };
  },
};

const INCOMPLETE: PresenceUpdate = { kind: 'incomplete', why: 'missing one of From / To / State' };

const lacks = (field: Fields, ...names: string[]): boolean => names.some((name) => field(name) === '');

function userRow(event: PresentityRow['event'], field: Fields, options: PresenceOptions, body: string): PresenceUpdate {
  const row = {
    ...common(field, options),
    event,
    username: field('From-User'),
    domain: field('From-Realm'),
    etag: field('Call-ID'),
    sender: field('From'),
    body,
  };
  return { kind: 'row', key: USER_KEY, row };
}

function common(field: Fields, { now }: PresenceOptions) {
  const expires = whole(field('Expires'));
  return { receivedTime: now, expires: expires > 0 ? now + expires : expires, priority: 0 };
}

const whole = (text: string): number => Number.parseInt(text, 10) || 0;
