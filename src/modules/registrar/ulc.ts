/** $ulc(profile=>attribute): contacts that reg_fetch_contacts() copied. */
import { coreHash } from '../../runtime/corehash.js';
import type { Host } from '../../runtime/host.js';
import { type PvDefinition, type PvIndex, pvWith, type RouteContext, toInt, type Value } from '../../runtime/module.js';
import type { Contact } from '../usrloc/index.js';

interface Profile {
  readonly aor: string;
  readonly domain: string;
  readonly contacts: readonly Contact[];
}

const profiles = new WeakMap<Host, Map<string, Profile>>();

function profilesOf(host: Host): Map<string, Profile> {
  let all = profiles.get(host);
  if (all === undefined) {
    all = new Map();
    profiles.set(host, all);
  }
  return all;
}

/** Copies the contacts: what happens to them later does not show. */
export function setProfile(host: Host, name: string, domain: string, aor: string, contacts: readonly Contact[]): void {
  profilesOf(host).set(name, { aor, domain, contacts: contacts.map((c) => ({ ...c })) });
}

export function dropProfile(host: Host, name: string): void {
  profilesOf(host).delete(name);
}

type Reader = (contact: Contact, profile: Profile) => Value;

const ATTRIBUTES: Readonly<Record<string, Reader>> = {
  aor: (_c, p) => p.aor,
  domain: (_c, p) => p.domain,
  aorhash: (_c, p) => coreHash(p.aor),
  addr: (c) => c.uri,
  path: (c) => c.path,
  received: (c) => c.received,
  expires: (c) => c.expires,
  callid: (c) => c.callId,
  q: (c) => c.q,
  cseq: (c) => c.cseq,
  flags: (c) => c.flags >>> 0,
  cflags: (c) => c.cflags >>> 0,
  user_agent: (c) => c.userAgent,
  socket: (c) => c.socket?.text ?? null,
  modified: (c) => c.lastModified,
  methods: (c) => c.methods,
  count: (_c, p) => p.contacts.length,
  ruid: (c) => c.ruid,
  regid: (c) => c.regId,
  instance: (c) => c.instance || null,
  conid: (c) => (c.socket === null || c.socket.proto === 'udp' ? null : c.connection),
  server_id: (c) => c.serverId,
};

function indexReader(index: PvIndex | undefined): (ctx: RouteContext) => number {
  if (index === undefined || index === '*') return () => 0;
  if (typeof index === 'number') return () => Math.max(index, 0);
  return (ctx) => Math.max(toInt(index.get(ctx)), 0);
}

const PARTS = /^([^=]+)=>(.+)$/s;

export const ulc: PvDefinition = pvWith({
  doc: `Contacts that reg_fetch_contacts() copied, [i] which one. Keys: profile=>${Object.keys(ATTRIBUTES).join(', ')}.`,
  index: true,
  writable: true,
  example: 'xlog("$(ulc(caller=>addr)[0])\\n");',
  bind(use) {
    const [, name = '', attribute = ''] = PARTS.exec(use.key?.kind === 'text' ? use.key.text : '') ?? [];
    const read = Object.hasOwn(ATTRIBUTES, attribute) ? ATTRIBUTES[attribute] : undefined;
    if (read === undefined) return { error: `unknown contact attr name in ${use.key?.text ?? ''}` };
    const at = indexReader(use.index);
    return {
      ok: {
        get(ctx) {
          const profile = profilesOf(ctx.host).get(name);
          const contact = profile?.contacts[at(ctx)];
          return profile === undefined || contact === undefined ? null : read(contact, profile);
        },
        // an assignment is taken, and changes nothing
        set: () => true,
      },
    };
  },
});
