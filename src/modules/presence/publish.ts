/** Published documents: what a PUBLISH, a node of the bus or another module does to them (RFC 3903). */
import { LEVEL } from '../../runtime/host.js';
import { readXml } from '../xml/read.js';
import { childNamed, contentOf, findElement } from '../xml/tree.js';
import { isDialog, type PresenceEvent, SLA } from './event.js';
import { publishedNotify } from './notify.js';
import type { Presentity, PresentityMatch } from './presentity.js';
import { type Presence, presUri } from './state.js';

/** A change of one published document. */
export interface Publication {
  readonly user: string;
  readonly domain: string;
  readonly event: PresenceEvent;
  /** The tag of a new one, or that of the one that is changed. */
  readonly etag: string;
  readonly isNew: boolean;
  /** Seconds from now; 0 takes it away, -1 keeps it for good. */
  readonly expires: number;
  /** '': as it was. */
  readonly body: string;
  readonly sender: string;
  /** Seconds since the epoch. */
  readonly receivedTime: number;
  readonly priority: number;
  /** What another node calls it. */
  readonly ruid?: string;
  /** The tag that it has afterwards, where another node chose it. */
  readonly newTag?: string;
  /** Rows that a new one takes the place of. */
  readonly replaces?: PresentityMatch;
  /** It came over the bus. */
  readonly fromBus?: boolean;
}

/** `found`: there was such a document (else 412). */
export type Outcome =
  | { readonly kind: 'done'; readonly etag: string; readonly expires: number }
  | { readonly kind: 'unknown-tag' }
  | { readonly kind: 'bad-tag' };

/**
 * Carries the change out. `answer` is called before the watchers hear of it. Rejects with a DbError where the database
 * fails.
 */
export function publish(presence: Presence, p: Publication, answer: (outcome: Outcome) => void): Promise<void> {
  return presence.inLane(presUri(p.user, p.domain), () =>
    p.isNew ? publishNew(presence, p, answer) : change(presence, p, answer),
  );
}

const whenItEnds = (presence: Presence, expires: number): number => (expires < 0 ? -1 : presence.now() + expires);

async function publishNew(presence: Presence, p: Publication, answer: (outcome: Outcome) => void): Promise<void> {
  const { presentities } = presence;
  const fresh: Presentity = {
    user: p.user,
    domain: p.domain,
    event: p.event.name,
    etag: p.etag,
    expires: whenItEnds(presence, p.expires),
    receivedTime: p.receivedTime,
    body: p.body,
    sender: p.sender,
    priority: p.priority,
    ruid: p.ruid ?? presence.newRuid(),
  };
  if (p.replaces !== undefined) await removeOthers(presence, p, p.replaces);
  else await makeRoom(presence, p);
  await presentities.add(fresh);
  answer({ kind: 'done', etag: p.etag, expires: p.expires });
  await publishedNotify(presence, p);
  if (p.fromBus !== true) presence.replicate?.(fresh, { isNew: true, etag: p.etag, expires: p.expires });
}

async function removeOthers(presence: Presence, p: Publication, match: PresentityMatch): Promise<void> {
  for (const other of await presence.presentities.matching(match)) {
    await presence.presentities.remove(other);
    if (p.fromBus !== true) presence.replicate?.(other, { isNew: false, etag: other.etag, expires: 0 });
  }
}

/** Takes away one with the same tag, or one that tells of the same dialog. */
async function makeRoom(presence: Presence, p: Publication): Promise<void> {
  const { presentities } = presence;
  const key = { user: p.user, domain: p.domain, event: p.event.name };
  if (p.fromBus === true || p.expires < 0) {
    const same = await presentities.find(key, p.etag);
    const known = same ?? (p.ruid === undefined ? undefined : await presentities.findByRuid(p.ruid));
    if (known !== undefined) await presentities.remove(known);
  }
  if (!isDialog(p.event)) return;
  const id = dialogIn(p.body)?.id;
  if (id === undefined) return;
  for (const other of await presentities.all(key))
    if (dialogIn(other.body)?.id === id) await presentities.remove(other);
}

/** The first dialog that a body tells of; undefined: none. */
function dialogIn(body: string): { readonly id: string | undefined; readonly state: string } | undefined {
  const doc = body === '' ? undefined : readXml(body);
  const dialog = doc && findElement(doc.nodes, 'dialog');
  if (dialog === undefined) return undefined;
  const state = childNamed(dialog, 'state');
  return {
    id: dialog.attributes.find((a) => a.name === 'id')?.value,
    state: state === undefined ? '' : contentOf(state).trim(),
  };
}

async function change(presence: Presence, p: Publication, answer: (outcome: Outcome) => void): Promise<void> {
  const { presentities } = presence;
  const key = { user: p.user, domain: p.domain, event: p.event.name };
  const newTag = tagAfter(presence, p);
  if (newTag === undefined) return answer({ kind: 'bad-tag' });
  // a Kamailio node may give one that is changed another ruid
  const byRuid = p.ruid === undefined ? undefined : await presentities.findByRuid(p.ruid);
  const known = byRuid ?? (await presentities.find(key, p.etag));
  if (known === undefined || known.event !== p.event.name || known.user !== p.user) {
    presence.log(LEVEL.ERR, `no document ${p.ruid ?? p.etag}`);
    return answer({ kind: 'unknown-tag' });
  }
  if (p.expires <= 0) return await takeAway(presence, p, known, answer);
  if (!mayOverwrite(presence, p, known)) return answer({ kind: 'done', etag: p.etag, expires: p.expires });
  if (isDialog(p.event) && dialogIn(known.body)?.state === 'terminated') {
    presence.log(LEVEL.WARN, 'the dialog has ended already: nothing is changed');
    return answer({ kind: 'done', etag: newTag, expires: p.expires });
  }
  const oldTag = known.etag;
  known.etag = newTag;
  known.expires = whenItEnds(presence, p.expires);
  known.receivedTime = p.receivedTime;
  known.priority = p.priority;
  if (p.body !== '') known.body = p.body;
  if (p.sender !== '') known.sender = p.sender;
  await presentities.change(known, oldTag);
  answer({ kind: 'done', etag: newTag, expires: p.expires });
  await publishedNotify(presence, { ...p, body: known.body });
  if (p.fromBus !== true) presence.replicate?.(known, { isNew: false, etag: oldTag, expires: p.expires });
}

async function takeAway(
  presence: Presence,
  p: Publication,
  known: Presentity,
  answer: (outcome: Outcome) => void,
): Promise<void> {
  answer({ kind: 'done', etag: p.etag, expires: 0 });
  await publishedNotify(presence, p, known.etag);
  await presence.presentities.remove(known);
  if (p.fromBus !== true) presence.replicate?.(known, { isNew: false, etag: known.etag, expires: 0 });
}

const REFRESHED = /\.(\d+)$/;

/** Undefined where a tag is none of ours and so cannot be counted on. */
function tagAfter(presence: Presence, p: Publication): string | undefined {
  if (p.newTag !== undefined && p.newTag !== '') return p.newTag;
  if (p.expires <= 0 || p.event.keepsTag === true) return p.etag;
  const count = REFRESHED.exec(p.etag)?.[1];
  return count === undefined ? undefined : presence.newTag(Number(count) + 1);
}

/** A shared line: a body without a dialog does not take the place of another sender's with one. */
function mayOverwrite(presence: Presence, p: Publication, known: Presentity): boolean {
  if (p.event.name !== SLA || p.sender === '') return true;
  if (dialogIn(p.body) !== undefined || dialogIn(known.body) === undefined) return true;
  return presence.sameUri(p.sender, known.sender);
}

/** Documents that have expired: the watchers are told, then they go. */
export async function cleanPresentities(presence: Presence): Promise<void> {
  const tell = presence.params.force_delete === 0;
  for (const gone of await presence.presentities.expired(presence.now())) {
    const { user, domain, etag } = gone;
    await presence.inLane(presUri(user, domain), async () => {
      const still = await presence.presentities.find(gone, etag);
      if (still === undefined || still.expires !== gone.expires) return;
      const event = presence.events.find(gone.event);
      if (tell && event !== undefined) await publishedNotify(presence, { ...gone, event, body: '' }, etag);
      await presence.presentities.remove(still);
    });
  }
}
