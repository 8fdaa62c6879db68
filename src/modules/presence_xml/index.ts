/** Module presence_xml: the event packages presence, presence.winfo, dialog;sla and xcap-diff. */
import type { Database } from '../../runtime/database.js';
import { defineModule, fn, type Host, intParam, listParam, str, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';
import { openTables } from '../presence/embedded.js';
import { type Authorization, type PresenceEvent, type Refusal, SLA } from '../presence/event.js';
import { documentOf } from '../presence/notify.js';
import { PRESENCE, type Presence, userOf } from '../presence/state.js';
import { STATUS } from '../presence/subscription.js';
import { VERSIONS } from '../presence/tables.js';
import { checkTableVersion } from '../sql/version.js';
import { readXml } from '../xml/read.js';
import { attributeOf, contentOf, findElement, isElement } from '../xml/tree.js';
import { aggregatePidf, hasActivity, hasBasic, type PidfOptions } from './pidf.js';
import { type Circumstances, filteredBody, verdictOf } from './rules.js';

interface Params {
  readonly db_url: string | null;
  readonly xcap_table: string;
  readonly force_active: number;
  readonly integrated_xcap_server: number;
  readonly disable_presence: number;
  readonly disable_winfo: number;
  readonly disable_bla: number;
  readonly disable_xcapdiff: number;
  readonly passive_mode: number;
  readonly xcapauth_userdel_reason: string;
  readonly force_dummy_presence: number;
  readonly force_presence_single_body: number;
  readonly presence_single_body_priorities: string;
  readonly presence_single_body_lookup_element: string;
  readonly default_expires: number;
}

const NAME = 'presence_xml';
const DEFAULT_URL = 'mysql://kamailio:kamailiorw@localhost/kamailio';
/** Values of column doc_type. */
const DOC_TYPE = { PRES_RULES: 2, PIDF: 4 } as const;
const UNSUPPORTED: Refusal = { code: 415, reason: 'Unsupported media type' };

function paramsOf(program: Program): Params {
  return program.params(NAME) as unknown as Params;
}

interface State {
  readonly xcap: Database | undefined;
}

// ---------------------------------------------------------------------- rules

async function xcapDocument(
  host: Host,
  { xcap }: State,
  where: Readonly<Record<string, string | number>>,
): Promise<string | undefined> {
  if (xcap === undefined) return undefined;
  const { rows } = await xcap.query({
    table: paramsOf(host.program).xcap_table,
    columns: ['doc'],
    where: Object.entries(where).map(([column, value]) => ({ column, op: '=', value })),
  });
  const doc = rows[0]?.[0];
  return doc === null || doc === undefined || doc === '' ? undefined : `${doc}`;
}

function authorizationOf(presence: Presence, state: State): Authorization {
  const { host } = presence;
  return {
    get active() {
      return paramsOf(host.program).force_active === 0;
    },
    rules: (username, domain) => xcapDocument(host, state, { doc_type: DOC_TYPE.PRES_RULES, username, domain }),
    async status(who, rules, before) {
      const { force_active, xcapauth_userdel_reason } = paramsOf(host.program);
      if (force_active !== 0) return { status: STATUS.ACTIVE, reason: '' };
      const now = await circumstances(presence, who.presUri);
      return verdictOf(rules, who, before, xcapauth_userdel_reason, now);
    },
    async filter(body, who, rules) {
      return filteredBody(body, who, rules, await circumstances(presence, who.presUri));
    },
    document: (fileUri) => xcapDocument(host, state, { doc_type: DOC_TYPE.PIDF, doc_uri: fileUri }),
  };
}

async function circumstances(presence: Presence, uri: string): Promise<Circumstances> {
  const now = presence.host.clock.now();
  const sphere = presence.params.enable_sphere_check === 0 ? undefined : await sphereOf(presence, uri);
  return { now, sphere };
}

/** What the newest document says of the presentity's sphere: its name, or the element that stands for it. */
async function sphereOf(presence: Presence, uri: string): Promise<string | undefined> {
  const owner = userOf(uri);
  if (owner === undefined) return undefined;
  for (const { body } of await presence.presentities.all({ ...owner, event: 'presence' })) {
    const doc = readXml(body);
    const sphere = doc && findElement(doc.nodes, 'sphere');
    if (sphere === undefined) continue;
    const said = attributeOf(sphere, 'value') ?? sphere.children.find(isElement)?.name ?? contentOf(sphere).trim();
    if (said !== '') return said;
  }
  return undefined;
}

// --------------------------------------------------------------------- events

const isXml = (_ctx: unknown, body: string): Refusal | undefined =>
  body === '' || readXml(body) !== undefined ? undefined : UNSUPPORTED;

function pidfOptions(p: Params): PidfOptions {
  return {
    single: p.force_presence_single_body !== 0,
    priorities: p.presence_single_body_priorities,
    lookupElement: p.presence_single_body_lookup_element,
    dummy: p.force_dummy_presence !== 0,
  };
}

function eventsOf(
  presence: Presence,
  state: State,
): readonly { readonly event: PresenceEvent; readonly on: boolean }[] {
  const { program } = presence.host;
  const p = paramsOf(program);
  const defaultExpires = p.default_expires;
  return [
    {
      on: p.disable_presence === 0,
      event: {
        name: 'presence',
        contentType: 'application/pidf+xml',
        kind: 'publish',
        defaultExpires,
        checkPublish: isXml,
        aggregate: (user, _domain, bodies, gone) =>
          aggregatePidf(user, bodies, gone, pidfOptions(paramsOf(presence.host.program))),
        authorization: authorizationOf(presence, state),
      },
    },
    {
      on: p.disable_winfo === 0,
      event: {
        name: 'presence.winfo',
        contentType: 'application/watcherinfo+xml',
        kind: 'winfo',
        defaultExpires,
      },
    },
    {
      on: p.disable_bla === 0,
      event: {
        name: SLA,
        contentType: 'application/dialog-info+xml',
        kind: 'publish',
        defaultExpires,
        keepsTag: true,
        checkPublish: isXml,
      },
    },
    {
      on: p.disable_xcapdiff === 0,
      event: { name: 'xcap-diff', contentType: 'application/xcap-diff+xml', kind: 'publish', defaultExpires },
    },
  ];
}

function register(host: Host, state: State): void {
  if (paramsOf(host.program).passive_mode === 1) return;
  const presence = host.state(PRESENCE);
  const all = eventsOf(presence, state);
  for (const { event } of all) presence.events.remove(event.name);
  for (const { event, on } of all) if (on) presence.events.add(event);
}

/** The rules' database, where they are asked. Rejects with a DbError. */
async function openXcap(host: Host): Promise<Database | undefined> {
  const { force_active, passive_mode, db_url, xcap_table } = paramsOf(host.program);
  if (force_active !== 0 || passive_mode === 1) return undefined;
  const own = db_url === DEFAULT_URL && host.module('db_mysql') === undefined;
  const { db, embedded } = await openTables(host, own ? null : db_url, { xcap_table });
  if (!embedded) await checkTableVersion(db, xcap_table, VERSIONS.xcap);
  return db;
}

async function shownOf(host: Host, uri: string): Promise<string | undefined> {
  const presence = host.state(PRESENCE);
  const event = presence.events.find('presence');
  return event === undefined ? undefined : await documentOf(presence, event, uri);
}

const NOT_SAID = -2;

export const presenceXml = defineModule({
  name: NAME,
  doc: 'Event packages for module presence: presence (PIDF), presence.winfo, dialog;sla and xcap-diff.',
  params: {
    db_url: strParam(DEFAULT_URL, 'Database of the table of rules; the default without db_mysql: an embedded one.'),
    xcap_table: strParam('xcap', 'Table of the rules (pres-rules, RFC 5025).'),
    force_active: intParam(0, '1: everybody may watch everybody; no rules are asked.'),
    integrated_xcap_server: intParam(0, '1: the rules are in the table. Wanted where rules are asked.'),
    xcap_server: listParam('Without effect: documents are not fetched from other servers.'),
    disable_presence: intParam(0, '1: without the event package presence.'),
    disable_winfo: intParam(0, '1: without presence.winfo.'),
    disable_bla: intParam(1, '0: with dialog;sla, shared lines.'),
    disable_xcapdiff: intParam(0, '1: without xcap-diff.'),
    passive_mode: intParam(0, '1: without any of them.'),
    xcapauth_userdel_reason: strParam('probation', 'Reason for a watcher whom the rules no longer let.'),
    force_dummy_presence: intParam(0, '1: someone of whom nothing is known is shown as available.'),
    force_presence_single_body: intParam(0, '1: of many documents one is shown.'),
    presence_single_body_priorities: strParam(
      'Available|Ringing|On the Phone',
      'Which: that with the text that stands last here.',
    ),
    presence_single_body_lookup_element: strParam('note', 'The element that has this text.'),
    default_expires: intParam(3600, 'Seconds where a request names none.'),
  },
  functions: {
    pres_check_basic: fn({
      doc: 'Is that the basic status of one of the tuples of the presentity?',
      args: [str('presentity_uri'), str('status')],
      waits: true,
      async run(ctx, _p: unknown, uri, status) {
        const body = await shownOf(ctx.host, uri);
        return body !== undefined && hasBasic(body, status) === true ? 1 : -1;
      },
    }),
    pres_check_activities: fn({
      doc: 'Is that one of the activities of the presentity? -2 where it does not say what it does.',
      args: [str('presentity_uri'), str('activity')],
      waits: true,
      async run(ctx, _p: unknown, uri, activity) {
        const body = await shownOf(ctx.host, uri);
        if (body === undefined) return -1;
        const found = hasActivity(body, activity);
        return found === undefined ? NOT_SAID : found ? 1 : -1;
      },
    }),
  },
  atStart: ['db_url', 'xcap_table', 'force_active'],
  needs: ['sl', 'presence'],
  check(given) {
    const { force_active, passive_mode, integrated_xcap_server } = given as unknown as Params;
    if (force_active !== 0 || passive_mode === 1 || integrated_xcap_server !== 0) return [];
    return ['rules are asked, and those of other servers are not fetched: set integrated_xcap_server or force_active'];
  },
  async start(host): Promise<State> {
    const state: State = { xcap: await openXcap(host) };
    register(host, state);
    return state;
  },
  reload(host, state) {
    register(host, state as State);
  },
  async stop(_host, state) {
    await (state as State).xcap?.close();
  },
});
