/** Profiles: groups of dialogs that are counted, some by a value (`caller` alice). */
import { coreHash } from '../../runtime/corehash.js';
import { DFLAG, type Dialog } from './dialog.js';

/** One place in a profile: of a dialog, or of one that another server reported by dlg_remote_profile(). */
export interface Membership {
  readonly profile: Profile;
  /** '' in profiles without values. */
  readonly value: string;
  /** Unique id, which other servers know it by. */
  readonly puid: string;
  /** Seconds since the epoch, 0 never: of those without dialog. */
  readonly expires: number;
  readonly flags: number;
  dialog: Dialog | null;
}

/** Kamailio's number of slots, by which lists are in order. */
const SLOTS = 16;

export class Profile {
  readonly name: string;
  readonly hasValue: boolean;
  readonly #byValue = new Map<string, Set<Membership>>();
  #count = 0;
  /** Some were reported by other servers. */
  #remote = false;

  constructor(name: string, hasValue: boolean) {
    this.name = name;
    this.hasValue = hasValue;
  }

  /** All, or those of a value. */
  size(value?: string): number {
    return value === undefined || !this.hasValue ? this.#count : (this.#byValue.get(value)?.size ?? 0);
  }

  add(m: Membership): void {
    const set = this.#byValue.get(m.value);
    if (set === undefined) this.#byValue.set(m.value, new Set([m]));
    else set.add(m);
    this.#count++;
    if (m.dialog === null) this.#remote = true;
  }

  delete(m: Membership): void {
    const set = this.#byValue.get(m.value);
    if (set === undefined || !set.delete(m)) return;
    this.#count--;
    if (set.size === 0) this.#byValue.delete(m.value);
  }

  /** Takes out what another server reported under that id. */
  deleteRemote(value: string, puid: string): boolean {
    for (const m of this.#byValue.get(value) ?? []) {
      if (m.dialog !== null || m.puid !== puid) continue;
      this.delete(m);
      return true;
    }
    return false;
  }

  /** What other servers reported is over at a time, seconds since the epoch. */
  deleteExpired(now: number): void {
    if (!this.#remote) return;
    for (const m of this.all()) if (m.dialog === null && m.expires > 0 && m.expires < now) this.delete(m);
  }

  /** In the order in which RPC lists them. */
  all(value?: string): Membership[] {
    const out = [...this.#byValue.values()].flatMap((set) => [...set]);
    const chosen = value === undefined || !this.hasValue ? out : out.filter((m) => m.value === value);
    const slot = (m: Membership) => coreHash(this.hasValue ? m.value : (m.dialog?.callId ?? m.puid), undefined, SLOTS);
    return chosen.sort((a, b) => slot(a) - slot(b));
  }
}

export class Profiles {
  readonly #profiles = new Map<string, Profile>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Takes in the lists of the script; profiles that were there stay as they are. */
  define(withValue: string | null, withoutValue: string | null): void {
    for (const name of profileNames(withoutValue)) this.#define(name, false);
    for (const name of profileNames(withValue)) this.#define(name, true);
  }

  #define(name: string, hasValue: boolean): void {
    if (this.#profiles.get(name)?.hasValue !== hasValue) this.#profiles.set(name, new Profile(name, hasValue));
  }

  get(name: string): Profile | undefined {
    return this.#profiles.get(name);
  }

  [Symbol.iterator](): IterableIterator<Profile> {
    return this.#profiles.values();
  }

  /** A place that belongs to no dialog yet. */
  membership(
    profile: Profile,
    value: string,
    more: Partial<Pick<Membership, 'puid' | 'expires' | 'flags'>> = {},
  ): Membership {
    return {
      profile,
      value: profile.hasValue ? value : '',
      puid: more.puid || this.#newId(),
      expires: more.expires ?? 0,
      flags: more.flags ?? 0,
      dialog: null,
    };
  }

  deleteExpired(now: number): void {
    for (const profile of this.#profiles.values()) profile.deleteExpired(now);
  }

  /** The dialog as `profiles` of a bus message or of the database tells it; '' for none. */
  static text(dialog: Dialog, quoted: (text: string) => string): string {
    const items = dialog.memberships.map(({ profile, value, puid, expires, flags }) => {
      const fields = [`"name":${quoted(profile.name)}`];
      if (profile.hasValue) fields.push(`"value":${quoted(value)}`);
      fields.push(`"puid":${quoted(puid)}`);
      if (expires !== 0) fields.push(`"expires":${expires}`);
      if (flags !== 0) fields.push(`"flags":${flags}`);
      return `{${fields.join(',')}}`;
    });
    return items.length === 0 ? '' : `{"profiles":[${items.join(',')}]}`;
  }
}

/** The names in a list such as `caller;callee`. */
export function profileNames(list: string | null): string[] {
  return (list ?? '').split(';').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
}

export function join(dialog: Dialog, m: Membership): void {
  m.dialog = dialog;
  dialog.memberships.unshift(m);
  dialog.dflags |= DFLAG.PROFILES_CHANGED;
  m.profile.add(m);
}

/** False: it is in no such profile. */
export function leave(dialog: Dialog, profile: Profile, value: string): boolean {
  const m = dialog.memberships.find((k) => k.profile === profile && (!profile.hasValue || k.value === value));
  if (m === undefined) {
    dialog.dflags |= DFLAG.PROFILES_CHANGED;
    return false;
  }
  dialog.memberships.splice(dialog.memberships.indexOf(m), 1);
  profile.delete(m);
  return true;
}

export function leaveAll(dialog: Dialog): void {
  for (const m of dialog.memberships) m.profile.delete(m);
  dialog.memberships = [];
}

export function isMember(dialog: Dialog, profile: Profile, value: string): boolean {
  return dialog.memberships.some((m) => m.profile === profile && (!profile.hasValue || m.value === value));
}
