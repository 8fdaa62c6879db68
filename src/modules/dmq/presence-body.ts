/** Bodies of peer `presence`, read and written (dmq.md, 6.4). Pure: runs in the threads of the pool. */
import { quoted } from './htable-body.js';
import { intOf, isObject, parseJson } from './json.js';

export const PRESENCE_ACTION = { NONE: 0, UPDATE: 1, SYNC: 2 } as const;

/** A change of a published document as it travels. */
export interface WirePresentity {
  readonly domain: string;
  readonly user: string;
  /** Tag of a new one, or that of the one that is changed. */
  readonly etag: string;
  /** Seconds from now; 0 takes it away. */
  readonly expires: number;
  /** Seconds since the epoch. */
  readonly recv: number;
  readonly sender: string;
  /** Name of the event package. */
  readonly event: string;
  readonly isNew: boolean;
  /** The tag afterwards, '' where it stays. */
  readonly newTag: string;
  readonly sphere: string;
  readonly ruid: string;
  /** '' as it was. */
  readonly body: string;
}

export type PresencePlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'update'; readonly change: WirePresentity }
  /** Well-formed, but nothing is said to be changed: 500. */
  | { readonly kind: 'failed' };

const TEXTS: ReadonlySet<string> = new Set(['domain', 'user', 'etag', 'sender', 'event']);
const NUMBERS: ReadonlySet<string> = new Set(['expires', 'recv']);
const TOP_TEXTS: ReadonlySet<string> = new Set(['cur_etag', 'sphere', 'ruid', 'body']);
const TOP_NUMBERS: ReadonlySet<string> = new Set(['action', 't_new']);

type Members = Readonly<Record<string, unknown>>;

/** Does it have members of these names and kinds alone? A Kamailio node refuses all others too. */
function fits(members: Members, texts: ReadonlySet<string>, numbers: ReadonlySet<string>, also = ''): boolean {
  return Object.entries(members).every(([name, value]) => {
    if (texts.has(name)) return typeof value === 'string';
    if (numbers.has(name)) return typeof value === 'number';
    return also !== '' && name === also && isObject(value);
  });
}

/** What a body asks for; undefined when it cannot be used (400). */
export function readPresence(body: string): PresencePlan | undefined {
  const root = parseJson(body);
  if (!isObject(root) || !fits(root, TOP_TEXTS, TOP_NUMBERS, 'presentity')) return undefined;
  const { presentity } = root;
  if (presentity !== undefined && (!isObject(presentity) || !fits(presentity, TEXTS, NUMBERS))) return undefined;
  const action = intOf(root.action);
  if (action === PRESENCE_ACTION.SYNC) return { kind: 'sync' };
  if (action !== PRESENCE_ACTION.UPDATE) return { kind: 'none' };
  if (presentity === undefined) return { kind: 'failed' };
  const change = changeOf(root, presentity);
  return change.event === '' || change.etag === '' || change.domain === '' ? undefined : { kind: 'update', change };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function changeOf(root: Members, presentity: Members): WirePresentity {
  return {
    domain: text(presentity.domain),
    user: text(presentity.user),
    etag: text(presentity.etag),
    expires: intOf(presentity.expires),
    recv: intOf(presentity.recv),
    sender: text(presentity.sender),
    event: text(presentity.event),
    isNew: intOf(root.t_new) !== 0,
    newTag: text(root.cur_etag),
    sphere: text(root.sphere),
    ruid: text(root.ruid),
    body: text(root.body),
  };
}

// ------------------------------------------------------------------- writing

export const PRESENCE_SYNC_REQUEST = '{"action":2}';

/** Members in the order in which Kamailio writes them. */
export function presenceText(c: WirePresentity): string {
  const sender = c.sender === '' ? '' : `"sender":${quoted(c.sender)},`;
  const sphere = c.sphere === '' ? '' : `"sphere":${quoted(c.sphere)},`;
  return (
    `{"action":${PRESENCE_ACTION.UPDATE},"presentity":{"domain":${quoted(c.domain)},"user":${quoted(c.user)},` +
    `"etag":${quoted(c.etag)},"expires":${c.expires},"recv":${c.recv},${sender}"event":${quoted(c.event)}},` +
    `"t_new":${c.isNew ? 1 : 0},"cur_etag":${quoted(c.newTag)},${sphere}"ruid":${quoted(c.ruid)},"body":${quoted(c.body)}}`
  );
}
