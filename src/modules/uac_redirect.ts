/** Module uac_redirect: Contacts of 3xx replies become branches. */
import type { Context } from '../runtime/context.js';
import { parseQ } from '../runtime/destination-set.js';
import {
  type BindEnv,
  type BindResult,
  defineModule,
  extraKey,
  fn,
  forms,
  intParam,
  LEVEL,
  parsed,
  stateKey,
  str,
  strParam,
} from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import { compileRegex, type Regex } from '../runtime/regex.js';
import { sruid } from '../runtime/sruid.js';
import { type Contact, contactsOf } from '../sip/header.js';
import { branch } from '../sip/message.js';
import { commented, hasDatabase, TITLE, writeLog, writeRowsLater } from './acc/record.js';
import { B, type BranchReply, FAKED, type Transaction, transactionOf } from './tm/api.js';

interface RedirectParams {
  readonly default_filter: string;
  readonly deny_filter: string | null;
  readonly accept_filter: string | null;
  readonly acc_function: string;
  readonly acc_db_table: string;
  readonly bflags: number;
  readonly flags_hdr_mode: number;
  readonly q_value: number;
}

const REDIRECT = stateKey<{ readonly nextId: () => string }>('uac_redirect');

function paramsOf(program: Program): RedirectParams {
  return program.params('uac_redirect') as unknown as RedirectParams;
}

// ------------------------------------------------------------------ filters

const REGEX_FLAGS = { ignoreCase: true, newline: true } as const;

/** Expressions of the parameters, made once for each version of the script. */
interface Defaults {
  readonly accept: Regex | undefined;
  readonly deny: Regex | undefined;
}
const defaults = new WeakMap<object, Defaults>();

/** What set_accept_filter() and set_deny_filter() gave in this run, until get_redirects(). */
interface Filters {
  readonly accept: Regex[];
  readonly deny: Regex[];
  /** That of the parameter counts no more. */
  acceptDefault: boolean;
  denyDefault: boolean;
}
const FILTERS = extraKey<Filters>('redirect filters');
const MAX_FILTERS = 5;

function filtersOf(ctx: Context): Filters {
  const known = ctx.extra(FILTERS);
  if (known !== undefined) return known;
  const made: Filters = { accept: [], deny: [], acceptDefault: true, denyDefault: true };
  ctx.setExtra(FILTERS, made);
  return made;
}

const RESET = { ADDED: 1, DEFAULT: 2 } as const;
const RESETS: Readonly<Record<string, number>> = {
  '': 0,
  reset_all: RESET.ADDED | RESET.DEFAULT,
  reset_default: RESET.DEFAULT,
  reset_added: RESET.ADDED,
};

function addFilter(ctx: Context, kind: 'accept' | 'deny', filter: Regex | undefined, reset: number): number {
  const filters = filtersOf(ctx);
  const list = filters[kind];
  if ((reset & RESET.ADDED) !== 0) list.length = 0;
  if ((reset & RESET.DEFAULT) !== 0) filters[`${kind}Default`] = false;
  if (list.length === MAX_FILTERS) {
    ctx.host.log.write(LEVEL.ERR, 'uac_redirect', `too many filters type ${kind}\n`);
    return -1;
  }
  if (filter !== undefined) list.push(filter);
  return 1;
}

/** What matches an accept filter goes; then what matches a deny filter does not; then the default decides. */
function isWanted(ctx: Context, uri: string): boolean {
  const params = paramsOf(ctx.program);
  const filters = filtersOf(ctx);
  const given = defaults.get(params);
  const matches = (list: readonly Regex[], first: Regex | undefined, useFirst: boolean) =>
    (useFirst && first?.test(uri)) || list.some((r) => r.test(uri));
  if (matches(filters.accept, given?.accept, filters.acceptDefault)) return true;
  if (isDeny(params.default_filter)) return false;
  return !matches(filters.deny, given?.deny, filters.denyDefault);
}

const isDeny = (rule: string): boolean => rule.toLowerCase() === 'deny';

// ----------------------------------------------------------------- contacts

interface Limits {
  /** Contacts in all and of one branch; 0: any number. */
  readonly total: number;
  readonly branch: number;
}

const MAX_CONTACTS = 16;

/** get_redirects(): one branch for each Contact of the 3xx replies of the last forwarding step. */
function followRedirects(ctx: Context, limits: Limits, reason: string | undefined): number {
  const t = transactionOf(ctx);
  const first = t === null ? -1 : t.branches.findLastIndex((b) => b.has(B.FIRST));
  if (t === null || first < 0) {
    ctx.host.log.write(LEVEL.CRIT, 'uac_redirect', 'no current transaction found\n');
    return -1;
  }
  const added = addRedirects(ctx, t, first, limits, reason);
  ctx.setExtra(FILTERS, undefined);
  return added > 0 ? 1 : -1;
}

function addRedirects(ctx: Context, t: Transaction, first: number, limits: Limits, reason: string | undefined): number {
  let added = 0;
  for (const { lastReceived, reply } of t.branches.slice(first)) {
    if (lastReceived < 300 || lastReceived > 399) continue;
    const left = limits.total === 0 ? MAX_CONTACTS : limits.total - added;
    const max = limits.branch === 0 ? left : Math.min(left, limits.branch);
    if (max <= 0) continue;
    for (const { contact, q } of chosen(ctx, reply).slice(-max)) {
      if (addContact(ctx, contact, q, reason)) added++;
    }
  }
  return added;
}

interface Chosen {
  readonly contact: Contact;
  readonly q: number;
}

/** Wanted contacts, the least q first. */
function chosen(ctx: Context, reply: BranchReply): Chosen[] {
  if (reply === null || reply === FAKED) return [];
  const { q_value } = paramsOf(ctx.program);
  const found: Chosen[] = [];
  for (const contact of inKamailiosOrder(contactsOf(reply))) {
    if (contact.star || !isWanted(ctx, contact.uri)) continue;
    const q = contact.q === undefined || contact.q === '' ? q_value : parseQ(contact.q);
    if (q !== undefined) found.push({ contact, q });
  }
  return found.sort((a, b) => a.q - b.q).slice(-MAX_CONTACTS);
}

/** Header by header, of each the last one first: so equal q are taken. */
function inKamailiosOrder(contacts: readonly Contact[]): Contact[] {
  const out: Contact[] = [];
  let start = 0;
  for (const contact of contacts) {
    if (contact.header !== out[start]?.header) start = out.length;
    out.splice(start, 0, contact);
  }
  return out;
}

function addContact(ctx: Context, contact: Contact, q: number, reason: string | undefined): boolean {
  const { msg } = ctx;
  if (msg.branches.length >= ctx.program.core.maxBranches - 1) return false;
  const id = ctx.host.state(REDIRECT).nextId();
  const flags = flagsOf(paramsOf(ctx.program), contact);
  msg.branches.push(branch(contact.uri, { q, flags, instance: id, ruid: id, locationUa: id }));
  if (reason !== undefined) account(ctx, contact.uri, reason);
  return true;
}

/** flags_hdr_mode: 1 those of the Contact's parameter `flags`, 2 these with bflags too. */
function flagsOf({ flags_hdr_mode, bflags }: RedirectParams, contact: Contact): number {
  const given = flags_hdr_mode === 0 ? undefined : contact.param('flags');
  if (given === undefined || !/^\d+$/.test(given)) return bflags;
  return flags_hdr_mode === 2 ? Number(given) | bflags : Number(given);
}

/** One record for each contact, of which it is the URI. */
function account(ctx: Context, uri: string, reason: string): void {
  const { msg } = ctx;
  const { acc_function, acc_db_table } = paramsOf(ctx.program);
  const { newUri, uriIsNew } = msg;
  msg.newUri = uri;
  const outcome = commented(ctx, reason);
  if (acc_function !== 'acc_db_request') writeLog(ctx, TITLE.REQUEST, outcome);
  if (acc_function !== 'acc_log_request' && hasDatabase(ctx.host)) writeRowsLater(ctx, acc_db_table, outcome);
  msg.newUri = newUri;
  msg.uriIsNew = uriIsNew;
}

// --------------------------------------------------------------- definition

function limitsOf(text: string): BindResult<Limits> {
  const [total, perBranch] = text.split(':', 2).map(limit);
  if (total === undefined || (text.includes(':') && perBranch === undefined))
    return { error: `'${text}' is no limit such as * or 3 or 5:2` };
  return { ok: { total, branch: perBranch ?? 0 } };
}

function limit(text: string): number | undefined {
  if (text === '*') return 0;
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}

function filterOf(text: string): BindResult<Regex | undefined> {
  return text === '' ? { ok: undefined } : compileRegex(text, REGEX_FLAGS);
}

function resetOf(text: string): BindResult<number> {
  const lower = text.toLowerCase();
  const found = Object.hasOwn(RESETS, lower) ? RESETS[lower] : undefined;
  return found === undefined ? { error: `unknown reset type <${text}>` } : { ok: found };
}

const filterFn = (kind: 'accept' | 'deny', doc: string) =>
  fn({
    doc: `${doc} Second argument: reset_all, reset_default (the filter of the parameter), reset_added (those given before), or empty.`,
    args: [parsed('filter', 'regular expression', filterOf), parsed('reset', 'word', resetOf)],
    routes: ['failure'],
    run: (ctx, _p: unknown, filter, reset) => addFilter(ctx, kind, filter, reset),
  });

const limits = parsed('max', 'limits', limitsOf);
const ACC_FUNCTIONS = ['', 'acc_request', 'acc_log_request', 'acc_db_request'];

export const uacRedirect = defineModule({
  name: 'uac_redirect',
  doc: 'Follows redirections: Contacts of 3xx replies become branches.',
  needs: ['tm'],
  params: {
    default_filter: strParam('accept', 'What becomes of contacts that no filter matches: accept or deny.', (v) =>
      /^(accept|deny)$/i.test(v) ? undefined : 'one of accept and deny',
    ),
    deny_filter: strParam(null, 'Expression for contacts that are not followed.'),
    accept_filter: strParam(null, 'Expression for contacts that are followed in any case.'),
    acc_function: strParam('acc_log_request', 'Function of acc that writes down what is followed; empty: none.', (v) =>
      ACC_FUNCTIONS.includes(v) ? undefined : `one of ${ACC_FUNCTIONS.slice(1).join(', ')}`,
    ),
    acc_db_table: strParam('acc', 'Table for acc_request and acc_db_request.'),
    bflags: intParam(0, 'Branch flags of the new branches.'),
    flags_hdr_mode: intParam(0, 'Flags from the Contact parameter flags: 0 no, 1 in place of bflags, 2 with them.'),
    q_value: intParam(10, 'Thousandths of q of contacts without one.'),
  },
  functions: {
    set_accept_filter: filterFn('accept', 'Contacts that match it are followed.'),
    set_deny_filter: filterFn('deny', 'Contacts that match it are not followed, but for those of an accept filter.'),
    get_redirects: forms(
      fn({
        doc: 'Makes branches of the contacts, by q: at most max, or max:of_one_branch; * any number.',
        args: [limits],
        routes: ['failure'],
        run: (ctx, _p: unknown, max) => followRedirects(ctx, max, undefined),
      }),
      fn({
        doc: 'The same, and each contact is accounted with that comment.',
        args: [limits, str('reason')],
        routes: ['failure'],
        check: (_args, env) => (env.params('uac_redirect').acc_function === '' ? 'acc_function is not set' : undefined),
        run: (ctx, _p: unknown, max, reason) => followRedirects(ctx, max, reason),
      }),
    ),
  },
  check(values, env: BindEnv) {
    const params = values as unknown as RedirectParams;
    const problems: string[] = [];
    const made = (name: 'accept_filter' | 'deny_filter') => {
      const found = filterOf(params[name] ?? '');
      if ('ok' in found) return found.ok;
      problems.push(`${name}: ${found.error}`);
      return undefined;
    };
    defaults.set(values, { accept: made('accept_filter'), deny: made('deny_filter') });
    if (params.acc_function !== '' && env.params('acc').log_flag === undefined)
      problems.push(`acc_function ${params.acc_function} needs module acc`);
    return problems;
  },
  start: ({ pid, clock, program, random }) => {
    const serverId = Number(program.core.values.get('server_id') ?? 0);
    return { nextId: sruid({ prefix: 'rdir', serverId, now: clock.now(), pid, random }) };
  },
});
