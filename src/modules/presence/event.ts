/** Event packages: what other modules register here. */
import type { Context } from '../../runtime/context.js';
import type { Subscription } from './subscription.js';

/** How one event package is served. */
export interface PresenceEvent {
  /** As in Event, with parameters: `dialog;sla`. */
  readonly name: string;
  readonly contentType: string;
  /** `winfo`: the body tells who watches; there is nothing to publish. */
  readonly kind: 'publish' | 'winfo';
  /** Seconds where a request names none. */
  readonly defaultExpires: number;
  /** A refresh keeps its entity tag. */
  readonly keepsTag?: boolean;
  /** Looks at a PUBLISH; a status is answered, and nothing kept. */
  checkPublish?(ctx: Context, body: string): Refusal | undefined;
  /**
   * One body out of many, oldest last; `gone` is the place of one that is being taken away, -1 none. No bodies: what is
   * shown of someone of whom nothing is known. Undefined: no body.
   */
  aggregate?(user: string, domain: string, bodies: readonly string[], gone: number): string | undefined;
  /** The body for one watcher. */
  forWatcher?(sub: Subscription, body: string): string;
  /** Rules of the presentity; missing: everybody may watch. */
  readonly authorization?: Authorization;
}

export interface Refusal {
  readonly code: number;
  readonly reason: string;
}

export interface Authorization {
  /** Are the rules to be asked at all? */
  readonly active: boolean;
  /** The rules document of a user; undefined: none. Rejects when it cannot be read. */
  rules(user: string, domain: string): Promise<string | undefined>;
  /** What the rules say of a watcher whose status was `before`. */
  status(who: Watcher, rules: string | undefined, before: number): Promise<Verdict | undefined>;
  /** The body as the watcher may see it. */
  filter(body: string, who: Watcher, rules: string): Promise<string>;
  /** The document that the user keeps on the server by itself (pidf-manipulation); undefined: none. */
  document?(fileUri: string): Promise<string | undefined>;
}

export interface Watcher {
  readonly presUri: string;
  readonly watcherUser: string;
  readonly watcherDomain: string;
}

export interface Verdict {
  readonly status: number;
  readonly reason: string;
}

/** What stands in an Event header. */
export interface EventValue {
  readonly name: string;
  /** By name, as written; without a value: ''. */
  readonly params: ReadonlyMap<string, string>;
}

const TOKEN = /^[A-Za-z0-9\-_.!%*+`'~]+$/;

/** Undefined where it is no event. */
export function parseEvent(text: string): EventValue | undefined {
  const [first = '', ...rest] = text.split(';').map((part) => part.trim());
  if (!TOKEN.test(first)) return undefined;
  const params = new Map<string, string>();
  for (const part of rest) {
    if (part === '') continue;
    const eq = part.indexOf('=');
    params.set(eq < 0 ? part : part.slice(0, eq).trim(), eq < 0 ? '' : part.slice(eq + 1).trim());
  }
  return { name: first, params };
}

function sameParams(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

/** The packages that are served, the newest first. */
export class EventList {
  readonly #events: { readonly parsed: EventValue; readonly event: PresenceEvent }[] = [];

  /** One of the same name gives way. */
  add(event: PresenceEvent): void {
    this.remove(event.name);
    const parsed = parseEvent(event.name);
    if (parsed !== undefined) this.#events.unshift({ parsed, event });
  }

  remove(name: string): void {
    const at = this.#events.findIndex((e) => e.event.name === name);
    if (at >= 0) this.#events.splice(at, 1);
  }

  /** By the value of an Event header: name in any case, and the same parameters. */
  find(text: string): PresenceEvent | undefined {
    const wanted = parseEvent(text);
    if (wanted === undefined) return undefined;
    const name = wanted.name.toLowerCase();
    return this.#events.find((e) => e.parsed.name.toLowerCase() === name && sameParams(e.parsed.params, wanted.params))
      ?.event;
  }

  /** The package that tells of the watchers of this one. */
  watcherInfo(event: PresenceEvent): PresenceEvent | undefined {
    if (event.kind === 'winfo') return undefined;
    const found = this.find(`${event.name}.winfo`);
    return found?.kind === 'winfo' ? found : undefined;
  }

  /** The package whose watchers this one tells of. */
  watched(winfo: PresenceEvent): PresenceEvent | undefined {
    return this.find(winfo.name.slice(0, -'.winfo'.length));
  }

  /** Value of Allow-Events. */
  get names(): string {
    return this.#events.map((e) => e.event.name).join(', ');
  }
}

/** Is it about dialogs (RFC 4235)? Documents of the same dialog take each other's place. */
export function isDialog(event: PresenceEvent): boolean {
  return event.name === 'dialog' || event.name === SLA;
}

export const SLA = 'dialog;sla';
