/** pres_refresh_watchers(), pres_update_watchers() and pres_auth_status(): what changed elsewhere. */
import { LEVEL } from '../../runtime/host.js';
import { readXml } from '../xml/read.js';
import type { PresenceEvent, Watcher } from './event.js';
import { notifyAll, tell } from './notify.js';
import { publish } from './publish.js';
import { type Presence, presUri, userOf } from './state.js';
import { POLITE_BLOCK, STATUS, type Subscription } from './subscription.js';
import type { WatcherRow } from './tables.js';

/** What pres_refresh_watchers() does, by its third argument. */
export const REFRESH = { RULES: 0, NOTIFY: 1, DOCUMENT: 2 } as const;

export interface HardState {
  readonly fileUri: string;
  readonly fileName: string;
}

/** False where something is not as it should be; what, is in the log. */
export async function refreshWatchers(
  presence: Presence,
  uri: string,
  eventName: string,
  type: number,
  hard?: HardState,
): Promise<boolean> {
  const event = presence.events.find(eventName);
  const owner = userOf(uri);
  if (event === undefined || owner === undefined) {
    presence.log(LEVEL.ERR, `no such event package or presentity: ${eventName}, ${uri}`);
    return false;
  }
  try {
    if (type === REFRESH.RULES) return await updateStatuses(presence, uri, event, true);
    if (type === REFRESH.DOCUMENT && !(await takeDocument(presence, owner, event, hard))) return false;
    await presence.inLane(uri, () => notifyAll(presence, uri, event));
    return true;
  } catch (e) {
    presence.error('refresh of watchers', e);
    return false;
  }
}

/** Asks the rules anew about each watcher. */
export async function updateWatchers(presence: Presence, uri: string, eventName: string): Promise<boolean> {
  const event = presence.events.find(eventName);
  if (event?.authorization === undefined || userOf(uri) === undefined) {
    presence.log(LEVEL.ERR, `no event package with rules, or no presentity: ${eventName}, ${uri}`);
    return false;
  }
  try {
    return await updateStatuses(presence, uri, event, false);
  } catch (e) {
    presence.error('update of watchers', e);
    return false;
  }
}

async function updateStatuses(
  presence: Presence,
  uri: string,
  event: PresenceEvent,
  needsRules: boolean,
): Promise<boolean> {
  const { authorization } = event;
  const owner = userOf(uri);
  if (authorization === undefined || owner === undefined) return false;
  const rules = authorization.active ? await authorization.rules(owner.user, owner.domain) : undefined;
  if (rules === undefined && needsRules) {
    presence.log(LEVEL.ERR, `no rules of ${uri}`);
    return false;
  }
  await presence.inLane(uri, async () => {
    const subs = await presence.subscriptions.of(uri, event.name);
    for (const who of await watchersOf(presence, uri, event, subs)) {
      const verdict = await authorization.status(who, rules, who.status);
      if (verdict === undefined || (verdict.status === who.status && verdict.reason === who.reason)) continue;
      await presence.watchers?.put(who, event.name, verdict, presence.now());
      const own = subs.filter((s) => presence.sameUri(nameOf(s), nameOf(who)));
      for (const sub of own) await change(presence, sub, event, verdict);
    }
  });
  return true;
}

const nameOf = ({ watcherUser, watcherDomain }: Watcher): string => presUri(watcherUser, watcherDomain);

/** Those that somebody decided on; without a table, those that watch. */
async function watchersOf(
  presence: Presence,
  uri: string,
  event: PresenceEvent,
  subs: readonly Subscription[],
): Promise<readonly WatcherRow[]> {
  if (presence.watchers !== undefined) return await presence.watchers.of(uri, event.name);
  const byName = new Map(subs.map((s) => [nameOf(s), { ...s }]));
  return [...byName.values()];
}

async function change(
  presence: Presence,
  sub: Subscription,
  event: PresenceEvent,
  { status, reason }: { readonly status: number; readonly reason: string },
): Promise<void> {
  sub.status = status;
  sub.reason = reason;
  if (status === STATUS.TERMINATED) {
    await presence.subscriptions.remove(sub);
    sub.localCseq++;
  } else await presence.subscriptions.change(sub);
  await tell(presence, sub, event, {});
}

/** The document that the user keeps on the XCAP server counts as published, for good. */
async function takeDocument(
  presence: Presence,
  { user, domain }: { readonly user: string; readonly domain: string },
  event: PresenceEvent,
  hard: HardState | undefined,
): Promise<boolean> {
  const document = event.authorization?.document;
  if (document === undefined || hard === undefined) {
    presence.log(LEVEL.WARN, `no document of its own for ${event.name}`);
    return false;
  }
  const body = (await document(hard.fileUri)) ?? '';
  if (body !== '' && readXml(body) === undefined) {
    presence.log(LEVEL.ERR, `${hard.fileUri} is no XML`);
    return false;
  }
  const change = { user, domain, event, etag: hard.fileName, sender: '', receivedTime: presence.now(), priority: 0 };
  const here = { ...change, body, isNew: body !== '', expires: body === '' ? 0 : -1 };
  await publish(presence, here, () => {});
  return true;
}

/** Status of a watcher by the rules alone: 1 active, 2 pending, 3 refused, 5 politely so; -1 it cannot be told. */
export async function authStatus(presence: Presence, watcherUri: string, ownerUri: string): Promise<number> {
  const event = presence.events.find('presence');
  if (event === undefined) {
    presence.log(LEVEL.ERR, 'the event package presence is not served');
    return -1;
  }
  const { authorization } = event;
  if (authorization === undefined) return STATUS.ACTIVE;
  const [watcher, owner] = [userOf(watcherUri), userOf(ownerUri)];
  if (owner === undefined || watcher === undefined) return -1;
  try {
    const rules = authorization.active ? await authorization.rules(owner.user, owner.domain) : undefined;
    if (rules === undefined) return STATUS.PENDING;
    const who = { presUri: ownerUri, watcherUser: watcher.user, watcherDomain: watcher.domain };
    const verdict = await authorization.status(who, rules, STATUS.PENDING);
    if (verdict === undefined) return -1;
    return verdict.reason === POLITE_BLOCK ? STATUS.POLITE_BLOCK : verdict.status;
  } catch (e) {
    presence.error('pres_auth_status', e);
    return -1;
  }
}
