/**
 * The nodes of a bus: their list, the wire form of it and what changes a node's status (dmq.md, sections 2.2 and 3).
 * Pure: nothing here sends.
 */
import { parseUri, uriParam } from '../../sip/uri.js';

/** `not_active` is a word of 6.1; it is understood, and never written to others. */
export type NodeStatus = 'active' | 'disabled' | 'timeout' | 'pending' | 'not_active';

export const STATUSES: ReadonlySet<string> = new Set<NodeStatus>([
  'active',
  'disabled',
  'timeout',
  'pending',
  'not_active',
]);

/** One server on the bus. Host, port and transport as written are its key. */
export interface DmqNode {
  /** URI text as first learnt, without parameters other than transport. */
  readonly uri: string;
  readonly host: string;
  /** As written, '' when the URI has none. */
  readonly port: string;
  /** `udp`, `tcp` …; '*' when the URI names none. */
  readonly proto: string;
  status: NodeStatus;
  readonly local: boolean;
  /** Named by notification_address: never removed. */
  readonly notification: boolean;
  /** First address at the time the node was added; '' until it is known. */
  resolvedIp: string;
  /** Timeouts in a row (fail_count_enabled). */
  failCount: number;
  /** It runs kamscript: its messages carry stamps. */
  kamscript: boolean;
}

export type NodeKey = Pick<DmqNode, 'host' | 'port' | 'proto'>;

const PROTOS: ReadonlySet<string> = new Set(['*', 'udp', 'tcp', 'tls', 'sctp', 'ws', 'wss']);
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/;
const MAX_HOST = 253;

/**
 * Host, port and transport of a SIP URI; undefined when it is none, or none that a node may have: what is taken in here
 * is written into the lists for others.
 */
export function nodeKey(uri: string): NodeKey | undefined {
  const u = parseUri(uri);
  if (u === undefined || (u.scheme !== 'sip' && u.scheme !== 'sips')) return undefined;
  if (u.host.length > MAX_HOST || !HOST.test(u.host)) return undefined;
  const proto = uriParam(u, 'transport')?.toLowerCase() || '*';
  if (!PROTOS.has(proto)) return undefined;
  if (u.portText !== '' && !(u.port > 0 && u.port < 65536)) return undefined;
  return { host: u.host, port: u.portText, proto };
}

export function keyText(k: NodeKey): string {
  return `${k.host}:${k.port}:${k.proto}`;
}

export function sameKey(a: NodeKey, b: NodeKey): boolean {
  return a.host === b.host && a.port === b.port && a.proto === b.proto;
}

export function nodeOf(
  key: NodeKey,
  status: NodeStatus,
  flags: { readonly local?: boolean; readonly notification?: boolean } = {},
): DmqNode {
  return {
    host: key.host,
    port: key.port,
    proto: key.proto,
    uri: uriOf(key),
    status,
    local: flags.local ?? false,
    notification: flags.notification ?? false,
    resolvedIp: '',
    failCount: 0,
    kamscript: false,
  };
}

export function makeNode(
  uri: string,
  status: NodeStatus,
  flags: { readonly local?: boolean; readonly notification?: boolean } = {},
): DmqNode | undefined {
  const key = nodeKey(uri);
  return key === undefined ? undefined : nodeOf(key, status, flags);
}

/** `sip:HOST:PORT[;transport=X]`, the form of lists; with `user`, that of requests: transport only where it is not UDP. */
export function uriOf(k: NodeKey, user?: string): string {
  const port = k.port === '' && user === undefined ? ':' : k.port === '' ? '' : `:${k.port}`;
  const shown = k.proto !== '*' && (user === undefined || k.proto !== 'udp');
  return `sip:${user === undefined ? '' : `${user}@`}${k.host}${port}${shown ? `;transport=${k.proto}` : ''}`;
}

/** What a line of a list says. */
export interface ListedNode extends NodeKey {
  readonly status: NodeStatus;
}

/** Lines of a list that are read; more is no list of servers but an attack. */
const MAX_LINES = 1024;

/** The nodes of a received list. Lines that are no node are skipped and counted: they never spoil the others. */
export function parseList(body: string): { readonly nodes: readonly ListedNode[]; readonly bad: number } {
  const nodes: ListedNode[] = [];
  let bad = 0;
  for (const raw of body.split('\n', MAX_LINES)) {
    const line = raw.replace(/[\r\0 ]+$/, '');
    if (line === '') continue;
    const node = parseLine(line);
    if (node === undefined) bad++;
    else nodes.push(node);
  }
  return { nodes, bad };
}

function parseLine(line: string): ListedNode | undefined {
  const key = nodeKey(line);
  if (key === undefined) return undefined;
  const status = /;status=([^;]*)/.exec(line)?.[1];
  if (status === undefined) return { ...key, status: 'pending' };
  return STATUSES.has(status) ? { ...key, status: status as NodeStatus } : undefined;
}

/** What a list changed. */
export interface Merge {
  readonly added: readonly DmqNode[];
  readonly changed: readonly DmqNode[];
}

/** When a node that does not answer is given up (the parameters of 6.1 by the same names). */
export interface FailureRules {
  readonly removeInactive: boolean;
  readonly countFailures: boolean;
  /** More timeouts in a row than this: not active. */
  readonly notActiveAbove: number;
  /** More than this: disabled. */
  readonly disabledAbove: number;
}

export const RULES_5_6: FailureRules = {
  removeInactive: true,
  countFailures: false,
  notActiveAbove: 0,
  disabledAbove: 1,
};

/** Told of every change: `from` is undefined for a new node, `to` for one that is gone. */
export type StatusListener = (node: DmqNode, from: NodeStatus | undefined, to: NodeStatus | undefined) => void;

/** Servers that a bus may have; a 5.6.3 bus cannot be larger than 28. */
const MAX_NODES = 512;

/** Newest first, the local node last, as `dmq.list_nodes` shows them. */
export class NodeList {
  rules: FailureRules = RULES_5_6;
  onStatus: StatusListener = () => undefined;
  #nodes: DmqNode[] = [];
  /** Bare lists for who asks often. */
  #active: readonly DmqNode[] | undefined;

  get nodes(): readonly DmqNode[] {
    return this.#nodes;
  }

  get local(): DmqNode | undefined {
    return this.#nodes.find((n) => n.local);
  }

  find(k: NodeKey): DmqNode | undefined {
    return this.#nodes.find((n) => sameKey(n, k));
  }

  /** False: the list is full. */
  add(node: DmqNode): boolean {
    if (this.#nodes.length >= MAX_NODES) return false;
    this.#nodes.unshift(node);
    this.#active = undefined;
    this.onStatus(node, undefined, node.status);
    return true;
  }

  /** The local node stays; false when there is no such node. */
  remove(k: NodeKey): boolean {
    const gone = this.#nodes.find((n) => !n.local && sameKey(n, k));
    if (gone === undefined) return false;
    this.#nodes = this.#nodes.filter((n) => n !== gone);
    this.#active = undefined;
    this.onStatus(gone, gone.status, undefined);
    return true;
  }

  setStatus(node: DmqNode, to: NodeStatus): void {
    const from = node.status;
    if (from === to || this.find(node) !== node) return;
    node.status = to;
    this.#active = undefined;
    this.onStatus(node, from, to);
  }

  /** Nodes that broadcasts go to: active, not the local one. */
  active(): readonly DmqNode[] {
    this.#active ??= this.#nodes.filter((n) => !n.local && n.status === 'active');
    return this.#active;
  }

  /** Nodes that pings go to, whatever their status. */
  others(): DmqNode[] {
    return this.#nodes.filter((n) => !n.local);
  }

  isAlone(): boolean {
    return this.#nodes.every((n) => n.local);
  }

  /**
   * The body of a list: own node and all active ones; every line ends with CRLF, the last one too. `shown` may leave
   * some out (a line that does not resolve blocks a 5.6.3 node for good).
   */
  text(ownStatus?: NodeStatus, shown: (node: DmqNode) => boolean = () => true): string {
    return this.#nodes
      .filter((n) => (n.local || n.status === 'active') && shown(n))
      .map((n) => `${uriOf(n)};status=${n.local ? (ownStatus ?? n.status) : n.status}\r\n`)
      .join('');
  }

  /** Takes in a received list (dmq.md, 3.2): lines about the local node are ignored, a disabled node stays so. */
  merge(listed: readonly ListedNode[]): Merge {
    const added: DmqNode[] = [];
    const changed: DmqNode[] = [];
    for (const l of listed) {
      const known = this.find(l);
      if (known === undefined) {
        const node = nodeOf(l, l.status);
        if (this.add(node)) added.push(node);
      } else if (takesStatus(known, l.status)) {
        this.setStatus(known, l.status);
        changed.push(known);
      }
    }
    return { added, changed };
  }

  /** A final reply to a list or to a script's message: 200 makes active, 408 counts against. Gives what became of it. */
  replied(node: DmqNode, status: number): NodeStatus | 'removed' | undefined {
    if (node.local || this.find(node) !== node) return undefined;
    if (status === 200) {
      node.failCount = 0;
      this.setStatus(node, 'active');
      return 'active';
    }
    if (status !== 408) return undefined;
    node.failCount++;
    const next = this.#afterTimeout(node);
    if (next === 'removed') this.remove(node);
    else this.setStatus(node, next);
    return next;
  }

  #afterTimeout(node: DmqNode): NodeStatus | 'removed' {
    const { removeInactive, countFailures, notActiveAbove, disabledAbove } = this.rules;
    if (countFailures && node.failCount <= notActiveAbove) return node.status;
    if (node.notification) return 'pending';
    if (!removeInactive) return 'not_active';
    if (countFailures && node.failCount <= disabledAbove) return 'not_active';
    return node.status === 'disabled' ? 'removed' : 'disabled';
  }

  /** A peer's message was not answered: counts only with fail_count_enabled, and takes an active node out at most. */
  peerTimeout(node: DmqNode): void {
    if (!this.rules.countFailures || node.status !== 'active' || this.find(node) !== node) return;
    node.failCount++;
    if (node.failCount > this.rules.notActiveAbove) this.setStatus(node, node.notification ? 'pending' : 'not_active');
  }
}

function takesStatus(known: DmqNode, status: NodeStatus): boolean {
  if (known.local || known.status === status) return false;
  return known.status !== 'disabled';
}
