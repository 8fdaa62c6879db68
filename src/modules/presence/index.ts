/** Module presence: a server for PUBLISH, SUBSCRIBE and NOTIFY (RFC 3903, RFC 6665). */
import { LEVEL } from '../../runtime/host.js';
import { defineModule, fn, forms, type Host, int, opt, str } from '../../runtime/module.js';
import { DMQ } from '../dmq/dmq-state.js';
import { checkTableVersion } from '../sql/version.js';
import { PresencePeer } from './dmq-peer.js';
import { openTables } from './embedded.js';
import { handlePublish } from './handle-publish.js';
import { handleSubscribe } from './handle-subscribe.js';
import { NOTIFY_REPLY, pvs } from './notify-reply.js';
import { type PresenceParams, PUBL_CACHE, params, presenceParams, SUBS_DB } from './params.js';
import { publish } from './publish.js';
import { authStatus, refreshWatchers, updateWatchers } from './refresh.js';
import { rpc } from './rpc.js';
import { PRESENCE, Presence, type Row } from './state.js';
import { VERSIONS } from './tables.js';
import { Timers } from './timers.js';

const timers = new WeakMap<Presence, Timers>();
const peers = new WeakMap<Presence, PresencePeer>();

const needsDatabase = ({ publ_cache, subs_db_mode }: PresenceParams): boolean =>
  publ_cache !== PUBL_CACHE.MEMORY || subs_db_mode !== SUBS_DB.NONE;

/** Opens the database where one is needed. Rejects with a DbError. */
async function open(host: Host): Promise<Presence> {
  const p = presenceParams(host.program);
  if (!needsDatabase(p)) return new Presence(host, undefined);
  const { presentity_table, active_watchers_table, watchers_table } = p;
  const { db, embedded } = await openTables(host, p.db_url, {
    presentity_table,
    active_watchers_table,
    watchers_table,
  });
  if (!embedded) {
    await checkTableVersion(db, presentity_table, VERSIONS.presentity);
    await checkTableVersion(db, watchers_table, VERSIONS.watchers);
    if (p.subs_db_mode !== SUBS_DB.NONE) await checkTableVersion(db, active_watchers_table, VERSIONS.activeWatchers);
  }
  return new Presence(host, db);
}

/** A row that module nsq made of an event counts as published, under the tag and the time that it has. */
async function replacePresentity(
  presence: Presence,
  row: Row,
  key: readonly ('event' | 'domain' | 'username' | 'etag')[],
): Promise<void> {
  const event = presence.events.find(row.event);
  if (event === undefined) throw new Error(`no module serves the event package ${row.event}`);
  const { username: user, domain, etag, body, sender, receivedTime, priority } = row;
  // an event that does not say how long it holds: not for ever, or each call would leave something behind
  const expires = row.expires <= 0 ? presence.params.max_expires : Math.max(1, row.expires - presence.now());
  const columns = Object.fromEntries(key.map((column) => [column, row[column]]));
  const replaces = { ...columns, event: row.event };
  const change = { user, domain, event, etag, isNew: true, expires, body, sender, receivedTime, priority, replaces };
  await publish(presence, change, () => {});
}

const ok = (done: boolean): number => (done ? 1 : -1);

export const presence = defineModule({
  name: 'presence',
  doc: 'A presence server: keeps what is published, and tells those who have subscribed. Modules such as presence_xml add the event packages.',
  params,
  pvs,
  rpc,
  atStart: [
    'db_url',
    'presentity_table',
    'active_watchers_table',
    'watchers_table',
    'subs_db_mode',
    'publ_cache',
    'enable_dmq',
  ],
  needs: ['sl', 'tm'],
  events: { [NOTIFY_REPLY]: 'After each reply to a NOTIFY, or when none came; the NOTIFY is the message in view.' },
  functions: {
    handle_publish: fn({
      doc: 'Takes in a PUBLISH, answers it, and tells the watchers; not the one whose Contact is `sender_uri`. -1 where it was refused.',
      args: [opt(str('sender_uri'))],
      routes: ['request'],
      waits: true,
      example: 'if (is_method("PUBLISH")) {\n\thandle_publish();\n\tt_release();\n}',
      run: (ctx, _p: unknown, sender) => handlePublish(ctx.host.state(PRESENCE), ctx, sender),
    }),
    handle_subscribe: fn({
      doc: 'Takes in a SUBSCRIBE, answers it, and sends the NOTIFY. `watcher_uri` is who watches, in place of From. -1 where it was refused.',
      args: [opt(str('watcher_uri'))],
      routes: ['request'],
      waits: true,
      example: 'if (is_method("SUBSCRIBE")) {\n\thandle_subscribe();\n\tt_release();\n}',
      run: (ctx, _p: unknown, watcher) => handleSubscribe(ctx.host.state(PRESENCE), ctx, watcher),
    }),
    pres_auth_status: fn({
      doc: 'What the rules say of a watcher: 1 active, 2 pending, 3 refused, 4 waiting, 5 politely refused; -1 where that cannot be told.',
      args: [str('watcher_uri'), str('presentity_uri')],
      routes: ['request'],
      waits: true,
      run: (ctx, _p: unknown, watcher, owner) => authStatus(ctx.host.state(PRESENCE), watcher, owner),
    }),
    pres_refresh_watchers: forms(
      fn({
        doc: 'Tells watchers of what changed elsewhere. `type` 0: the rules, 1: the documents, 2: a file that the presentity keeps on the XCAP server, by its URI and name.',
        args: [str('presentity_uri'), str('event'), int('type')],
        waits: true,
        run: async (ctx, _p: unknown, uri, event, type) =>
          ok(await refreshWatchers(ctx.host.state(PRESENCE), uri, event, type)),
      }),
      fn({
        doc: 'The same, with a file.',
        args: [str('presentity_uri'), str('event'), int('type'), str('file_uri'), str('filename')],
        waits: true,
        run: async (ctx, _p: unknown, uri, event, type, fileUri, fileName) =>
          ok(await refreshWatchers(ctx.host.state(PRESENCE), uri, event, type, { fileUri, fileName })),
      }),
    ),
    pres_update_watchers: fn({
      doc: 'Asks the rules of a presentity anew about each of its watchers.',
      args: [str('presentity_uri'), str('event')],
      waits: true,
      run: async (ctx, _p: unknown, uri, event) => ok(await updateWatchers(ctx.host.state(PRESENCE), uri, event)),
    }),
    pres_has_subscribers: fn({
      doc: 'Does anybody watch this presentity for that event?',
      args: [str('presentity_uri'), str('event')],
      waits: true,
      async run(ctx, _p: unknown, uri, name) {
        const state = ctx.host.state(PRESENCE);
        const event = state.events.find(name);
        if (event === undefined) {
          state.log(LEVEL.ERR, `event ${name} is not registered`);
          return -1;
        }
        return ok((await state.subscriptions.of(uri, event.name)).length > 0);
      },
    }),
  },
  check(given, env) {
    const { enable_dmq } = given as unknown as PresenceParams;
    if (enable_dmq === 0 || Object.keys(env.params('dmq')).length > 0) return [];
    return ['enable_dmq wants module dmq loaded before'];
  },
  async start(host): Promise<Presence> {
    const state = await open(host);
    state.replacePresentity = (row, key) => replacePresentity(state, row, key);
    await state.restore();
    if (state.params.enable_dmq !== 0) {
      const { bus } = host.state(DMQ);
      const peer = new PresencePeer(bus, state);
      bus.addPeer(peer);
      peers.set(state, peer);
    }
    return state;
  },
  ready(_host, state) {
    const own = new Timers(state as Presence);
    timers.set(state as Presence, own);
    own.start();
  },
  reload(_host, state) {
    timers.get(state as Presence)?.start();
  },
  async stop(_host, state) {
    const own = state as Presence;
    timers.get(own)?.stop();
    peers.get(own)?.stop();
    try {
      await own.subscriptions.flush();
    } catch (e) {
      own.error('subscriptions', e);
    }
    await own.database?.close();
  },
});
