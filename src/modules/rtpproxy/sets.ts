/** Sets of RTPproxies: `rtpproxy_sock`, and which of a set a call gets. */
import type { Host } from '../../runtime/module.js';
import { type NodeSettings, RtpNode } from './node.js';

export interface SetSpec {
  readonly id: number;
  readonly nodes: readonly { readonly url: string; readonly weight: number }[];
}

export const DEFAULT_SET = 0;
const REMEMBERED = 1000;

/** `2 == udp:host:port=3 udp:other:port`; without a number it is set 0. A text: why it is none. */
export function parseSet(text: string): SetSpec | string {
  const [, id = `${DEFAULT_SET}`, list = text] = /^\s*(.*?)\s*==(.*)$/s.exec(text) ?? [];
  if (!/^\d+$/.test(id)) return `invalid set id '${id}'`;
  const urls = list.split(/\s+/).filter((word) => word !== '');
  if (urls.length === 0) return 'empty list of RTP proxies';
  const nodes = urls.map((word) => {
    const [, url = word, weight = '1'] = /^(.*)=(\d+)$/s.exec(word) ?? [];
    return { url, weight: Number(weight) };
  });
  return { id: Number(id), nodes };
}

export class RtpSets {
  readonly sets = new Map<number, RtpNode[]>();
  /** The set that the script chose for a message, by its number; of the newest messages. */
  readonly #chosen = new Map<number, number>();

  constructor(host: Host, settings: () => NodeSettings, specs: readonly SetSpec[]) {
    let index = 0;
    for (const { id, nodes } of specs) {
      const list = this.sets.get(id) ?? [];
      this.sets.set(id, list);
      for (const { url, weight } of nodes) list.push(new RtpNode(host, settings, url, weight, index++));
    }
  }

  choose(message: number, set: number): void {
    const oldest = this.#chosen.size >= REMEMBERED ? this.#chosen.keys().next().value : undefined;
    if (oldest !== undefined) this.#chosen.delete(oldest);
    this.#chosen.set(message, set);
  }

  chosen(message: number): number {
    return this.#chosen.get(message) ?? DEFAULT_SET;
  }

  *nodes(): IterableIterator<RtpNode> {
    for (const list of this.sets.values()) yield* list;
  }

  /** The node of a call: always the same of those that serve, by the sum of its Call-ID. */
  async select(set: number, callId: string): Promise<RtpNode | undefined> {
    const list = this.sets.get(set) ?? [];
    const only = list.length === 1 ? list[0] : undefined;
    if (only !== undefined) return (await only.test(false)) ? only : undefined;
    let serving = await usable(list, false);
    if (weightOf(serving) === 0) serving = await usable(list, true);
    const total = weightOf(serving);
    if (total === 0) return undefined;
    let sum = 0;
    for (let i = 0; i < callId.length; i++) sum += callId.charCodeAt(i);
    let left = (sum & 0xff) % total;
    return serving.find((node) => {
      if (left < node.weight) return true;
      left -= node.weight;
      return false;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes()].map((node) => node.close()));
  }
}

async function usable(list: readonly RtpNode[], force: boolean): Promise<RtpNode[]> {
  const serves = await Promise.all(list.map((node) => node.test(force)));
  return list.filter((_, i) => serves[i]);
}

const weightOf = (nodes: readonly RtpNode[]): number => nodes.reduce((sum, node) => sum + node.weight, 0);
