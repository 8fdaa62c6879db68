/** save(): takes a REGISTER in and answers it (RFC 3261, 10.3). */
import { type Context, ROUTE } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type Contact as ContactHeader, toOf } from '../../sip/header.js';
import {
  type AorRecord,
  CONTACT_FLAG,
  type Contact,
  type ContactInfo,
  type Domain,
  isValid,
  type Match,
  sameInstance,
  type Usrloc,
  usrlocOf,
} from '../usrloc/index.js';
import { type Aor, aorOf } from './aor.js';
import { expiresOf } from './expires.js';
import { InfoReader } from './info.js';
import { PATH_MODE, registrarParams } from './params.js';
import { buildContacts, type ErrorName, outcomeOf, prepareRegistrarReply, sendRegistrarReply } from './reply.js';
import { type Registration, readRegistration } from './request.js';
import { intSetting } from './settings.js';

/** Bits of save()'s second argument. */
export const SAVE = { MEMORY: 1, NO_REPLY: 2, REPLACE: 4, NO_VARIATION: 8, PREPARE_REPLY: 16, ALL: 31 } as const;

const ADDED = 1;
const UPDATED = 2;
const REMOVED = 3;
const LISTED = 4;
const FAILED = -1;
const TOO_MANY = -2;

type Failed = { readonly error: ErrorName };
type Result = number | Failed;

/** Everything one save() works with. */
interface Job {
  readonly ctx: Context;
  readonly domain: Domain;
  readonly usrloc: Usrloc;
  readonly flags: number;
  readonly aor: Aor;
  readonly registration: Registration;
}

export function save(ctx: Context, domain: Domain, flags: number, uri?: string): number | Promise<number> {
  const outcome = outcomeOf(ctx);
  outcome.error = 'NONE';
  outcome.contacts = '';
  const to = toOf(ctx.msg);
  // Kamailio refuses it without a reason of its own, and so answers 200 (seen)
  if (to?.uriParts === undefined) return refuse(ctx, flags, 'NONE');
  const registration = readRegistration(ctx);
  if ('error' in registration) return refuse(ctx, flags, registration.error);
  const aor = aorOf(ctx, uri ?? to.uriParts);
  if ('error' in aor) {
    ctx.host.log.write(LEVEL.ERR, 'registrar', 'failed to extract Address Of Record\n');
    return refuse(ctx, flags, aor.error);
  }
  const usrloc = usrlocOf(ctx.host);
  const job: Job = { ctx, domain, usrloc, flags, aor, registration };
  return usrloc.exclusively(domain, aor.aor, () => {
    const found = usrloc.find(domain, aor.aor);
    if (!(found instanceof Promise)) return settle(job, apply(job, found));
    return found.then(
      (record) => settle(job, apply(job, record)),
      () => refuse(ctx, flags, 'UL_GET'),
    );
  });
}

/** Waits for the database where it has to be asked, and answers. */
function settle(job: Job, result: Result): number | Promise<number> {
  const { ctx, flags } = job;
  const written = job.usrloc.written();
  if (written === undefined) return finish(job, result);
  return written.then(
    () => finish(job, result),
    () => refuse(ctx, flags, 'UL_INSERT'),
  );
}

function finish({ ctx, flags }: Job, result: Result): number {
  return typeof result === 'number' ? accept(ctx, flags, result) : refuse(ctx, flags, result.error);
}

function accept(ctx: Context, flags: number, code: number): number {
  ctx.host.count('registrar.accepted_regs');
  const inRequest = ctx.routeType === ROUTE.REQUEST || ctx.routeType === ROUTE.FAILURE;
  if ((flags & SAVE.NO_REPLY) === 0) {
    if (inRequest && sendRegistrarReply(ctx) < 0) return FAILED;
  } else if ((flags & SAVE.PREPARE_REPLY) !== 0) prepareRegistrarReply(ctx);
  const { use_path, path_mode } = registrarParams(ctx.program);
  if (use_path !== 0 && path_mode !== PATH_MODE.OFF) ctx.msg.path = null;
  return code;
}

function refuse(ctx: Context, flags: number, error: ErrorName): number {
  outcomeOf(ctx).error = error;
  ctx.host.count('registrar.rejected_regs');
  if (ctx.routeType === ROUTE.REQUEST && (flags & SAVE.NO_REPLY) === 0) sendRegistrarReply(ctx);
  return error === 'TOO_MANY' ? TOO_MANY : FAILED;
}

// ------------------------------------------------------------------ applying

function apply(job: Job, record: AorRecord | undefined): Result {
  const { ctx, aor, registration } = job;
  const { host } = aor.uri;
  if (registration.star) return removeAll(job, record);
  if (registration.contacts.length === 0) {
    buildContacts(ctx, record, host);
    return LISTED;
  }
  const toHost = toOf(ctx.msg)?.uriParts?.host ?? host;
  const result = record === undefined ? insertAll(job, toHost) : updateAll(job, record);
  if (record === undefined) return result;
  buildContacts(ctx, record, toHost);
  job.usrloc.release(job.domain, record);
  return result;
}

function removeAll({ ctx, domain, flags }: Job, record: AorRecord | undefined): number {
  if (record !== undefined) clearRecord(ctx, domain, record, (flags & SAVE.MEMORY) !== 0);
  return REMOVED;
}

/** Removes all contacts of a record. */
export function clearRecord(ctx: Context, domain: Domain, record: AorRecord, inMemory = false): void {
  const usrloc = usrlocOf(ctx.host);
  for (const contact of record.contacts.slice()) {
    markMemory(contact, inMemory);
    usrloc.remove(domain, record, contact);
  }
  usrloc.release(domain, record);
}

function markMemory(contact: Contact, inMemory: boolean): void {
  if (inMemory) contact.flags |= CONTACT_FLAG.MEMORY;
  else contact.flags &= ~CONTACT_FLAG.MEMORY;
}

const memoryFlag = (flags: number): number => ((flags & SAVE.MEMORY) !== 0 ? CONTACT_FLAG.MEMORY : 0);

/** Seconds since the epoch at which a contact expires, 0 to be removed; undefined: too short. */
function endOf(job: Job, contact: ContactHeader): number | undefined {
  const seconds = expiresOf(job.ctx, contact, (job.flags & SAVE.NO_VARIATION) === 0);
  return seconds === undefined || seconds === 0 ? seconds : job.usrloc.now() + seconds;
}

function maxContacts(ctx: Context): number {
  return intSetting(ctx, 'max_contacts') ?? registrarParams(ctx.program).max_contacts;
}

/** Contacts of an address that was not there. */
function insertAll(job: Job, host: string): Result {
  const { ctx, domain, usrloc, aor, registration } = job;
  const max = maxContacts(ctx);
  let record: AorRecord | undefined;
  let reader: InfoReader | undefined;
  let taken = 0;
  const fail = (error: ErrorName): Failed => {
    if (record !== undefined) clearRecord(ctx, domain, record, (job.flags & SAVE.MEMORY) !== 0);
    return { error };
  };
  for (const contact of registration.contacts) {
    const end = endOf(job, contact);
    if (end === undefined) return fail('LOW_EXPIRES');
    if (end === 0) continue;
    if (max > 0 && taken >= max) return fail(tooMany(ctx, aor.aor, taken, max));
    taken++;
    if (reader === undefined) {
      const made = InfoReader.of(ctx, memoryFlag(job.flags), registration);
      if ('error' in made) return fail(made.error);
      reader = made;
    }
    const info = reader.read(contact, end);
    if ('error' in info) return fail(info.error);
    record ??= usrloc.addRecord(domain, aor.aor);
    insertOnce(job, record, info);
  }
  buildContacts(ctx, record, host);
  return ADDED;
}

/** Some phones send one address twice in a request: the second is an update of the first. */
function insertOnce({ usrloc, domain }: Job, record: AorRecord, info: ContactInfo): void {
  const match: Match =
    record.contacts.length === 0 ? { kind: 'none' } : usrloc.match(record, { ...info, cseq: info.cseq + 1 });
  if (match.kind === 'found') usrloc.update(record, match.contact, info);
  else usrloc.insert(domain, record, info);
}

function tooMany(ctx: Context, aor: string, n: number, max: number): ErrorName {
  ctx.host.log.write(LEVEL.INFO, 'registrar', `too many contacts (n:${n} max:${max}) for AOR <${aor}>\n`);
  return 'TOO_MANY';
}

/** Contacts of an address that is there: new ones are added, known ones changed or removed. */
function updateAll(job: Job, record: AorRecord): Result {
  const { ctx, registration } = job;
  const reader = InfoReader.of(ctx, memoryFlag(job.flags), registration);
  if ('error' in reader) return reader;
  const replace = (job.flags & SAVE.REPLACE) !== 0;
  const crowded = replace ? undefined : wouldExceed(job, record, reader);
  if (crowded !== undefined) return { error: crowded };
  let code = 0;
  for (const contact of registration.contacts) {
    const end = endOf(job, contact);
    if (end === undefined) return { error: 'LOW_EXPIRES' };
    const info = reader.read(contact, end);
    if ('error' in info) return info;
    const step = updateOne(job, record, info, replace);
    if (typeof step === 'object' && 'error' in step) return step;
    code = step.code || code;
    if (step.last) break;
  }
  return code === 0 ? ADDED : code;
}

interface Step {
  /** 0: nothing was done. */
  readonly code: number;
  /** The contacts after this one are not looked at. */
  readonly last: boolean;
}

const NOTHING: Step = { code: 0, last: false };

function updateOne(job: Job, record: AorRecord, info: ContactInfo, replace: boolean): Step | Failed {
  const { ctx, domain, usrloc } = job;
  const match = usrloc.match(record, info);
  switch (match.kind) {
    case 'outdated':
      ctx.host.log.write(LEVEL.ERR, 'registrar', `invalid cseq for aor <${record.aor}>\n`);
      return { error: 'INVALID_CSEQ' };
    case 'repeated':
      return { code: 0, last: info.expires !== 0 && replace };
    case 'none': {
      if (info.expires === 0) return NOTHING;
      const added = usrloc.insert(domain, record, info);
      if (replace) removeOthers(job, record, added);
      return { code: ADDED, last: replace };
    }
    case 'found': {
      if (info.expires !== 0) return change(job, record, match.contact, info, replace);
      markMemory(match.contact, (job.flags & SAVE.MEMORY) !== 0);
      usrloc.remove(domain, record, match.contact);
      return { code: REMOVED, last: false };
    }
  }
}

function change(job: Job, record: AorRecord, contact: Contact, info: ContactInfo, replace: boolean): Step {
  if (replace) removeOthers(job, record, contact);
  const moved = info.instance !== '' && info.callId !== contact.callId;
  // the phone has begun anew: what else it had registered is gone
  if (moved) removeOthers(job, record, contact, (c) => sameInstance(c.instance, contact.instance));
  job.usrloc.update(record, contact, info);
  return { code: UPDATED, last: replace || moved };
}

function removeOthers(job: Job, record: AorRecord, keep: Contact, which: (c: Contact) => boolean = () => true): void {
  const { usrloc } = job;
  for (const contact of record.contacts.slice())
    if (contact !== keep && which(contact)) usrloc.remove(job.domain, record, contact);
}

/** Would the address have too many contacts afterwards? */
function wouldExceed(job: Job, record: AorRecord, reader: InfoReader): ErrorName | undefined {
  const { ctx, registration } = job;
  const max = maxContacts(ctx);
  if (max <= 0) return undefined;
  const { usrloc } = job;
  const now = usrloc.now();
  let n = record.contacts.filter((c) => isValid(c, now)).length;
  for (const contact of registration.contacts) {
    const removes = expiresOf(ctx, contact, false) === 0;
    const match = usrloc.match(record, reader.key(contact.uri));
    if (match.kind === 'outdated') return 'INVALID_CSEQ';
    if (match.kind === 'none' && !removes) n++;
    if (match.kind === 'found' && removes) n--;
  }
  return n > max ? tooMany(ctx, record.aor, n, max) : undefined;
}
