/** Sets of RTPengines: `rtpengine_sock`, which of a set a call gets, and which one each call has. */
import type { Host } from '../../runtime/module.js';
import type { SetSpec } from '../rtpproxy/sets.js';
import { type NodeSettings, RtpEngine } from './node.js';
import type { EngineRow } from './table.js';

export interface SetSettings extends NodeSettings {
  readonly aggressive_redetection: number;
  readonly rtpengine_allow_op: number;
  readonly setid_default: number;
  /** Seconds for which a call keeps its RTPengine. */
  readonly hash_table_tout: number;
}

interface Kept {
  readonly node: RtpEngine;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface Chosen {
  readonly first: number;
  readonly second: number | undefined;
}

const REMEMBERED = 1000;

export class EngineSets {
  readonly sets = new Map<number, RtpEngine[]>();
  readonly #host: Host;
  readonly #settings: () => SetSettings;
  /** By Call-ID. */
  readonly #calls = new Map<string, Kept>();
  /** The sets that the script chose for a message, by its number; of the newest messages. */
  readonly #chosen = new Map<number, Chosen>();
  #made = 0;

  constructor(host: Host, settings: () => SetSettings, specs: readonly SetSpec[]) {
    this.#host = host;
    this.#settings = settings;
    for (const { id, nodes } of specs) for (const { url, weight } of nodes) this.#add(id, url, weight);
  }

  #add(set: number, url: string, weight: number): RtpEngine {
    const list = this.sets.get(set) ?? [];
    this.sets.set(set, list);
    const node = new RtpEngine(this.#host, this.#settings, url, weight, this.#made++);
    list.push(node);
    return node;
  }

  /** Takes these in place of all: those that stay keep their calls. Gives those that are new. */
  replace(rows: readonly EngineRow[]): readonly RtpEngine[] {
    const before = [...this.nodes()];
    this.sets.clear();
    const added: RtpEngine[] = [];
    for (const { set, url, weight, disabled } of rows) {
      const known = before.find(([id, node]) => id === set && node.url === url && node.weight === weight)?.[1];
      const node = known ?? this.#add(set, url, weight);
      if (known === undefined) added.push(node);
      else this.sets.set(set, [...(this.sets.get(set) ?? []), known]);
      if (disabled) Object.assign(node, { disabled: true, recheck: Number.POSITIVE_INFINITY });
      else if (node.recheck === Number.POSITIVE_INFINITY) Object.assign(node, { disabled: false, recheck: 0 });
    }
    const kept = new Set([...this.nodes()].map(([, node]) => node));
    for (const [, node] of before) if (!kept.has(node)) this.#host.detach(node.close(), 'rtpengine: closing it');
    return added;
  }

  *nodes(): IterableIterator<readonly [set: number, node: RtpEngine]> {
    for (const [set, list] of this.sets) for (const node of list) yield [set, node];
  }

  get calls(): number {
    return this.#calls.size;
  }

  choose(message: number, sets: Chosen): void {
    const oldest = this.#chosen.size >= REMEMBERED ? this.#chosen.keys().next().value : undefined;
    if (oldest !== undefined) this.#chosen.delete(oldest);
    this.#chosen.set(message, sets);
  }

  chosen(message: number): Chosen | undefined {
    return this.#chosen.get(message);
  }

  keep(call: string, node: RtpEngine): void {
    const now = this.#host.clock.now();
    for (const [key, { until }] of this.#calls) {
      if (until > now) break;
      this.#calls.delete(key);
    }
    if (!this.#calls.has(call)) this.#calls.set(call, { node, until: now + this.#settings().hash_table_tout * 1000 });
  }

  forget(call: string): void {
    this.#calls.delete(call);
  }

  /** The one that the call has, else one of the set by its Call-ID; undefined: none serves. */
  async select(set: number, callId: string, asked: readonly RtpEngine[]): Promise<RtpEngine | undefined> {
    const list = this.sets.get(set) ?? [];
    const kept = this.#calls.get(callId);
    const old = kept !== undefined && kept.until > this.#host.clock.now() ? kept.node : undefined;
    // As in 5.6.3, the one that a call has is asked again and again.
    const usable = old !== undefined && list.includes(old);
    const node = usable ? old : await this.#byHash(list, callId, asked);
    if (node === undefined || !node.disabled) return node;
    const permanent = node.recheck === Number.POSITIVE_INFINITY;
    const { rtpengine_allow_op: allow } = this.#settings();
    return allow === 1 || (allow !== 0 && permanent) ? node : undefined;
  }

  async #byHash(
    list: readonly RtpEngine[],
    callId: string,
    asked: readonly RtpEngine[],
  ): Promise<RtpEngine | undefined> {
    for (const node of list) await node.test(false);
    let serving = list.filter((node) => !node.disabled && !asked.includes(node));
    if (weightOf(serving) === 0 && this.#settings().aggressive_redetection !== 0) {
      for (const node of list) await node.test(true);
      serving = list.filter((node) => !node.disabled && !asked.includes(node));
    }
    const total = weightOf(serving);
    if (total === 0) return undefined;
    let left = hashOf(callId) % total;
    return serving.find((node) => {
      if (left < node.weight) return true;
      left -= node.weight;
      return false;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes()].map(([, node]) => node.close()));
  }
}

const weightOf = (nodes: readonly RtpEngine[]): number => nodes.reduce((sum, node) => sum + node.weight, 0);

function hashOf(callId: string): number {
  let sum = 0;
  for (let i = 0; i < callId.length; i++) sum += callId.charCodeAt(i);
  return sum & 0xff;
}
