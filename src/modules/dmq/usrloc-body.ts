/** Bodies of peer `usrloc`, read and written (dmq.md, 6.2). Pure: runs in the threads of the pool. */

import { quoted } from './htable-body.js';
import { isObject, parseJson } from './json.js';

export const USRLOC_ACTION = { NONE: 0, UPDATE: 1, REMOVE: 2, SYNC: 3 } as const;

/** A contact as it travels. Times are seconds since the epoch. */
export interface WireContact {
  readonly aor: string;
  readonly ruid: string;
  readonly c: string;
  readonly received: string;
  /** `udp:IP:PORT`, '' where it is not said. */
  readonly sock: string;
  readonly path: string;
  readonly callid: string;
  readonly user_agent: string;
  readonly instance: string;
  readonly expires: number;
  readonly cseq: number;
  readonly flags: number;
  readonly cflags: number;
  /** Thousandths; -1 none. */
  readonly q: number;
  readonly last_modified: number;
  readonly methods: number;
  readonly reg_id: number;
  readonly server_id: number;
}

export type UsrlocDeed =
  | { readonly kind: 'none' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'update'; readonly contact: WireContact }
  /** The address is '' where it is not said. */
  | { readonly kind: 'remove'; readonly aor: string; readonly ruid: string; readonly c: string };

export interface UsrlocPlan {
  readonly deeds: readonly UsrlocDeed[];
  /** A group (`multi`): it answers a request for all contacts. */
  readonly group: boolean;
  /** A later part could not be read: what came before it is done, and the answer is 400. */
  readonly broken: boolean;
}

const TEXTS = ['aor', 'ruid', 'c', 'received', 'sock', 'path', 'callid', 'user_agent', 'instance'] as const;
const NUMBERS = ['expires', 'cseq', 'flags', 'cflags', 'q', 'last_modified', 'methods', 'reg_id', 'server_id'] as const;

/** What a body asks for; undefined when it cannot be used (400). */
export function readUsrloc(body: string): UsrlocPlan | undefined {
  const root = parseJson(body);
  if (!isObject(root)) return undefined;
  const first = Object.keys(root)[0];
  if (first === undefined) return undefined;
  if (first !== 'multi') {
    const deed = deedOf(root);
    return deed === undefined ? undefined : { deeds: [deed], group: false, broken: false };
  }
  return isObject(root.multi) ? readMulti(Object.values(root.multi)) : undefined;
}

function readMulti(items: readonly unknown[]): UsrlocPlan {
  const deeds: UsrlocDeed[] = [];
  for (const item of items) {
    const deed = isObject(item) ? deedOf(item) : undefined;
    if (deed === undefined) return { deeds, group: true, broken: true };
    deeds.push(deed);
  }
  return { deeds, group: true, broken: false };
}

function deedOf(m: Readonly<Record<string, unknown>>): UsrlocDeed | undefined {
  switch (m.action) {
    case undefined:
    case USRLOC_ACTION.NONE:
      return { kind: 'none' };
    case USRLOC_ACTION.SYNC:
      return { kind: 'sync' };
    case USRLOC_ACTION.UPDATE: {
      const contact = contactOf(m);
      return contact === undefined || contact.aor === '' || contact.c === '' ? undefined : { kind: 'update', contact };
    }
    case USRLOC_ACTION.REMOVE:
      if (typeof m.aor !== 'string' || typeof m.ruid !== 'string') return undefined;
      return { kind: 'remove', aor: m.aor, ruid: m.ruid, c: typeof m.c === 'string' ? m.c : '' };
    default:
      return undefined;
  }
}

const MOST_Q = 1000;

/** Absent members are empty, unknown ones are left out; undefined when one is of the wrong kind. */
function contactOf(m: Readonly<Record<string, unknown>>): WireContact | undefined {
  const out: Record<string, string | number> = {};
  for (const name of TEXTS) {
    const v = m[name] ?? '';
    if (typeof v !== 'string') return undefined;
    out[name] = v;
  }
  for (const name of NUMBERS) {
    const v = m[name] ?? 0;
    if (typeof v !== 'number') return undefined;
    out[name] = name === 'q' ? Math.trunc(Math.min(Math.max(v, -1), MOST_Q)) : unsigned(v);
  }
  return out as unknown as WireContact;
}

function unsigned(n: number): number {
  if (n < 0) return Math.trunc(n) >>> 0;
  return Math.min(Math.trunc(n), 0xffffffff);
}

// ------------------------------------------------------------------- writing

export const USRLOC_SYNC_REQUEST = '{"action":3}';

export function contactText(action: number, contact: WireContact): string {
  const c = contact;
  const sock = c.sock === '' ? '' : `"sock":${quoted(c.sock)},`;
  return (
    `{"action":${action},"aor":${quoted(c.aor)},"ruid":${quoted(c.ruid)},"c":${quoted(c.c)},` +
    `"received":${quoted(c.received)},${sock}"path":${quoted(c.path)},"callid":${quoted(c.callid)},` +
    `"user_agent":${quoted(c.user_agent)},"instance":${quoted(c.instance)},"expires":${c.expires},"cseq":${c.cseq},` +
    `"flags":${c.flags},"cflags":${c.cflags},"q":${c.q},"last_modified":${c.last_modified},"methods":${c.methods},` +
    `"reg_id":${c.reg_id},"server_id":${c.server_id}}`
  );
}

/** Groups are numbered from 1. */
export function multiText(contacts: readonly string[]): string {
  return `{"multi":{${contacts.map((text, i) => `"${i + 1}":${text}`).join(',')}}}`;
}
