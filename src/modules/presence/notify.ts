/** NOTIFY: what watchers are told (RFC 6665), and when. */
import { LEVEL } from '../../runtime/host.js';
import { itemEnd } from '../../sip/uri.js';
import { newRequest, type RequestReply } from '../tm/api.js';
import { newDocument, newElement, textNode } from '../xml/tree.js';
import { writeXml } from '../xml/write.js';
import { type PresenceEvent, SLA } from './event.js';
import { notifyAnswered } from './notify-reply.js';
import { type Presence, presUri, userOf } from './state.js';
import {
  type DialogKey,
  POLITE_BLOCK,
  STATUS,
  type Subscription,
  socketParts,
  statusName,
  TIMEOUT,
} from './subscription.js';

/** What was published, as far as watchers are concerned. */
interface Published {
  readonly user: string;
  readonly domain: string;
  readonly event: PresenceEvent;
  readonly body: string;
  readonly sender: string;
}

/** Rules of whose documents the watchers see; undefined where none are asked. */
async function rulesOf(event: PresenceEvent, user: string, domain: string): Promise<string | undefined> {
  const { authorization } = event;
  return authorization?.active ? await authorization.rules(user, domain) : undefined;
}

/** Tells all watchers but the sender; `gone`: the tag of the document that is being taken away. */
export async function publishedNotify(presence: Presence, p: Published, gone?: string): Promise<void> {
  const uri = presUri(p.user, p.domain);
  const subs = (await presence.subscriptions.of(uri, p.event.name)).filter((s) => hears(presence, s, p.sender));
  if (subs.length === 0) return;
  const rules = await rulesOf(p.event, p.user, p.domain);
  const whole = p.event.aggregate === undefined ? undefined : await documentOf(presence, p.event, uri, gone);
  for (const sub of subs) await tell(presence, sub, p.event, { body: whole ?? p.body, rules });
}

function hears(presence: Presence, { status, reason, contact }: Subscription, sender: string): boolean {
  return status === STATUS.ACTIVE && reason === '' && (sender === '' || !presence.sameUri(sender, contact));
}

/** Tells all watchers of a presentity what there is. `who`: watcher information is about this one alone. */
export async function notifyAll(
  presence: Presence,
  uri: string,
  event: PresenceEvent,
  who?: Subscription,
): Promise<void> {
  const subs = (await presence.subscriptions.of(uri, event.name)).filter((s) => hears(presence, s, ''));
  for (const sub of subs) await tell(presence, sub, event, who === undefined ? {} : { who });
}

interface Content {
  /** '' none; undefined: what there is. */
  readonly body?: string;
  readonly rules?: string | undefined;
  readonly who?: Subscription;
}

/** One NOTIFY of a subscription that goes on: what was counted on it is kept. */
export async function tell(
  presence: Presence,
  sub: Subscription,
  event: PresenceEvent,
  content: Content,
): Promise<void> {
  if (sub.status !== STATUS.TERMINATED) {
    sub.localCseq++;
    sub.version++;
    await presence.subscriptions.change(sub);
  }
  send(presence, sub, event, await bodyFor(presence, sub, event, content), secondsLeft(presence, sub));
}

/** A NOTIFY of a subscription that has ended or never began: nothing is kept. */
export async function tellOnce(
  presence: Presence,
  sub: Subscription,
  event: PresenceEvent,
  content: Content,
): Promise<void> {
  send(presence, sub, event, await bodyFor(presence, sub, event, content), 0);
}

/** The last NOTIFY of one whose time is over. */
export function tellEnd(presence: Presence, sub: Subscription, event: PresenceEvent): void {
  send(presence, { ...sub, localCseq: sub.localCseq + 1, status: STATUS.TERMINATED, reason: TIMEOUT }, event, '', 0);
}

function secondsLeft(presence: Presence, sub: Subscription): number {
  return Math.max(0, sub.expires - presence.now());
}

async function bodyFor(
  presence: Presence,
  sub: Subscription,
  event: PresenceEvent,
  { body, rules, who }: Content,
): Promise<string> {
  if (sub.status !== STATUS.ACTIVE || sub.reason === POLITE_BLOCK) return '';
  if (event.kind === 'winfo') return await watcherInfo(presence, sub, event, who);
  const whole = body ?? (await documentOf(presence, event, sub.presUri, undefined, sub.contact)) ?? '';
  if (whole === '') return '';
  return await filtered(event, event.forWatcher?.(sub, whole) ?? whole, sub, rules);
}

async function filtered(
  event: PresenceEvent,
  body: string,
  sub: Subscription,
  rules: string | undefined,
): Promise<string> {
  const { authorization } = event;
  if (authorization?.active !== true) return body;
  const owner = userOf(sub.presUri);
  const known = rules ?? (owner && (await authorization.rules(owner.user, owner.domain)));
  return known === undefined ? body : await authorization.filter(body, sub, known);
}

/** The document of a presentity, put together of all that was published; undefined: there is none. */
export async function documentOf(
  presence: Presence,
  event: PresenceEvent,
  uri: string,
  gone?: string,
  contact?: string,
): Promise<string | undefined> {
  const owner = userOf(uri);
  if (owner === undefined) return undefined;
  const all = await presence.presentities.all({ ...owner, event: event.name });
  const bodies = all.filter((p) => p.body !== '');
  if (event.aggregate !== undefined)
    return event.aggregate(
      owner.user,
      owner.domain,
      bodies.map((p) => p.body),
      gone === undefined ? -1 : bodies.findIndex((p) => p.etag === gone),
    );
  const last = bodies.at(-1);
  if (last === undefined) return undefined;
  const own =
    event.name === SLA && contact !== undefined && last.sender !== '' && presence.sameUri(last.sender, contact);
  return own ? noDialog(uri) : last.body;
}

function noDialog(entity: string): string {
  const xmlns = 'urn:ietf:params:xml:ns:dialog-info';
  return writeXml(newDocument(newElement('dialog-info', { xmlns, version: '1', state: 'full', entity })));
}

// --------------------------------------------------------- watcher information

/** RFC 3858: all watchers, or that one alone. */
async function watcherInfo(
  presence: Presence,
  sub: Subscription,
  event: PresenceEvent,
  who: Subscription | undefined,
): Promise<string> {
  const watched = presence.events.watched(event);
  if (watched === undefined) return '';
  const all = who === undefined ? await presence.subscriptions.of(sub.presUri, watched.name) : [who];
  const watchers = all.map(({ callId: id, status, watcherUser, watcherDomain }) =>
    newElement('watcher', { id, event: 'subscribe', status: statusName(status) }, [
      textNode(presUri(watcherUser, watcherDomain)),
    ]),
  );
  const list = newElement('watcher-list', { resource: sub.presUri, package: watched.name }, watchers);
  const state = who === undefined ? 'full' : 'partial';
  const root = newElement(
    'watcherinfo',
    { xmlns: 'urn:ietf:params:xml:ns:watcherinfo', version: `${sub.version}`, state },
    [list],
  );
  return writeXml(newDocument(root));
}

// -------------------------------------------------------------------- sending

function headersOf(sub: Subscription, event: PresenceEvent, body: string, seconds: number): string {
  const id = sub.eventId === '' ? '' : `;id=${sub.eventId}`;
  const ended = sub.status === STATUS.TERMINATED || seconds <= 0;
  const reason = sub.status === STATUS.TERMINATED && sub.reason !== '' ? sub.reason : TIMEOUT;
  const state = ended ? `terminated;reason=${reason}` : `${statusName(sub.status)};expires=${seconds}`;
  const type = body === '' ? '' : `Content-Type: ${event.contentType}\r\n`;
  return (
    `Max-Forwards: ${MAX_FORWARDS}\r\nEvent: ${event.name}${id}\r\nContact: <${contactOf(sub)}>\r\n` +
    `Subscription-State: ${state}\r\n${type}`
  );
}

const MAX_FORWARDS = 70;

/** With the transport where it is another than UDP and nothing says so. */
function contactOf({ localContact, socket }: Subscription): string {
  if (localContact.includes(';transport=')) return localContact;
  const transport = socketParts(socket)?.proto;
  return transport === 'tcp' || transport === 'tls' ? `${localContact};transport=${transport}` : localContact;
}

/** Route values of what Record-Route said. */
function routesOf(recordRoute: string): string[] {
  const out: string[] = [];
  for (let at = 0; at < recordRoute.length; ) {
    const end = itemEnd(recordRoute, at, ',');
    // a comma within brackets is part of the URI
    const close = recordRoute.indexOf('>', at);
    const stop = close > end && recordRoute.lastIndexOf('<', end) >= at ? itemEnd(recordRoute, close, ',') : end;
    out.push(recordRoute.slice(at, stop).trim());
    at = stop + 1;
  }
  return out.filter((value) => value !== '');
}

function send(presence: Presence, sub: Subscription, event: PresenceEvent, body: string, seconds: number): void {
  const { host } = presence;
  const at = socketParts(sub.socket);
  const socket = at === undefined ? undefined : host.findSocket(at.proto, at.host.replace(/^\[|\]$/g, ''), at.port);
  const from = presUri(sub.toUser, sub.toDomain);
  const to = presUri(sub.fromUser, sub.fromDomain);
  presence.log(presence.params.local_log_level, `NOTIFY ${to} on behalf of ${from} for event ${event.name}`);
  const before = presence.inView;
  presence.inView = sub;
  try {
    const sent = newRequest(
      host,
      {
        method: 'NOTIFY',
        uri: sub.contact === '' ? to : sub.contact,
        from,
        to,
        fromTag: sub.toTag,
        toTag: sub.fromTag,
        callId: sub.callId,
        cseq: sub.localCseq + 1,
        routes: routesOf(sub.recordRoute),
        headers: headersOf(sub, event, body, seconds),
        body,
        socket: socket ?? null,
      },
      (reply) => host.detach(answered(presence, { ...sub }, reply), 'presence: the reply to a NOTIFY'),
    );
    if (sent === undefined) presence.log(LEVEL.ERR, `a NOTIFY to ${sub.contact} cannot be sent`);
  } finally {
    presence.inView = before;
  }
}

/** Codes by which a watcher says that it knows nothing of the subscription. */
const UNKNOWN: ReadonlySet<number> = new Set([404, 481]);
const NO_ANSWER = 408;

async function answered(presence: Presence, sub: Subscription, reply: RequestReply): Promise<void> {
  const wanted = await notifyAnswered(presence, sub, reply);
  const { code } = reply;
  const silent = code === NO_ANSWER && presence.params.timeout_rm_subs !== 0 && sub.status !== STATUS.TERMINATED;
  if (UNKNOWN.has(code) || silent || wanted) await drop(presence, sub, sub.presUri);
}

/** Ends a subscription without a word. */
export async function drop(presence: Presence, key: DialogKey, uri: string): Promise<void> {
  await presence.inLane(uri, () => presence.subscriptions.remove(key));
}

/** Subscriptions that have expired hear it, and go. */
export async function cleanSubscriptions(presence: Presence): Promise<void> {
  const since = presence.now() - presence.params.expires_offset;
  for (const gone of await presence.subscriptions.expired(since)) {
    await presence.inLane(gone.presUri, async () => {
      const sub = await presence.subscriptions.find(gone);
      if (sub === undefined || sub.expires >= since) return;
      await presence.subscriptions.remove(sub);
      const event = presence.events.find(sub.event);
      if (event !== undefined) tellEnd(presence, sub, event);
    });
  }
  await presence.subscriptions.flush();
}
