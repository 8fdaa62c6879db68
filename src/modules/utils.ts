/** Kamailio's utils: what the XCAP documents of a presence server say of a watcher. */
import { type Database, DbError, openDatabase } from '../runtime/database.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  type RouteContext,
  stateKey,
  str,
  strParam,
} from '../runtime/module.js';
import { parseUri } from '../sip/uri.js';
import { STATUS } from './presence/subscription.js';
import { verdictOf } from './presence_xml/rules.js';
import { checkTableVersion } from './sql/version.js';

interface Params {
  readonly pres_db_url: string | null;
  readonly xcap_table: string;
}

interface State {
  /** Missing: the function is disabled. */
  readonly db: Database | undefined;
}

const UTILS = stateKey<State>('utils');
const TABLE_VERSION = 4;
const PRES_RULES = 2;

function refuse({ host }: RouteContext, why: string): number {
  host.log.write(LEVEL.ERR, 'utils', `${why}\n`);
  return -1;
}

/** The pres-rules of a user; undefined where there are none. Rejects with a DbError. */
async function rulesOf(db: Database, table: string, user: string, domain: string): Promise<string | undefined> {
  const where = [
    { column: 'username', op: '=', value: user },
    { column: 'domain', op: '=', value: domain },
    { column: 'doc_type', op: '=', value: PRES_RULES },
  ] as const;
  const { rows } = await db.query({ table, columns: ['doc'], where });
  const doc = rows[0]?.[0];
  return doc === null || doc === undefined || doc === '' ? undefined : `${doc}`;
}

async function authStatus(
  ctx: RouteContext,
  { xcap_table }: Params,
  watcher: string,
  presentity: string,
): Promise<number> {
  const { db } = ctx.host.state(UTILS);
  if (db === undefined) return refuse(ctx, 'function is disabled, to enable define pres_db_url');
  const owner = parseUri(presentity);
  if (owner === undefined) return refuse(ctx, 'failed to parse presentity uri');
  const rules = await rulesOf(db, xcap_table, owner.user ?? '', owner.host);
  if (rules === undefined) return STATUS.PENDING;
  const who = parseUri(watcher);
  if (who === undefined) return refuse(ctx, 'failed to parse watcher uri');
  const circumstances = { now: ctx.host.clock.now(), sphere: undefined };
  const names = { watcherUser: who.user ?? '', watcherDomain: who.host, presUri: presentity };
  const verdict = verdictOf(rules, names, STATUS.PENDING, '', circumstances);
  return verdict?.status ?? refuse(ctx, 'getting status from rules document');
}

async function open(host: Host, { pres_db_url, xcap_table }: Params): Promise<Database | undefined> {
  if (!pres_db_url) return undefined;
  const db = await openDatabase(host, pres_db_url);
  await checkTableVersion(db, xcap_table, TABLE_VERSION);
  return db;
}

export const utils = defineModule({
  name: 'utils',
  doc: 'Asks the documents of a presence server who may watch whom.',
  params: {
    pres_db_url: strParam(null, 'Database of the presence server; without it the function is disabled.'),
    xcap_table: strParam('xcap', 'Table of XCAP documents.'),
    forward_active: intParam(0, '1: forwarding that MI commands rule; 5.6.3 has no MI any more.'),
  },
  functions: {
    xcap_auth_status: fn({
      doc: 'What the pres-rules of the presentity say of the watcher: 1 active, 2 pending (or no rules), 3 terminated.',
      args: [str('watcher_uri'), str('presentity_uri')],
      routes: ['request'],
      waits: true,
      async run(ctx, p: Params, watcher, presentity) {
        try {
          return await authStatus(ctx, p, watcher, presentity);
        } catch (e) {
          if (!(e instanceof DbError)) throw e;
          ctx.host.log.write(LEVEL.ERR, 'utils', `while querying table ${p.xcap_table}: ${e.message}\n`);
          // as without a document
          return STATUS.PENDING;
        }
      },
    }),
  },
  async start(host): Promise<State> {
    return { db: await open(host, host.program.params('utils') as unknown as Params) };
  },
  async stop(_host, state) {
    await (state as State).db?.close();
  },
});
