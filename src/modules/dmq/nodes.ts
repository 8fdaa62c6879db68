/**
 * The nodes of a bus: their list, the wire form of it and what changes a node's status (dmq.md, sections 2.2 and 3).
 * Pure: nothing here sends.
 */
import { parseUri, uriTransport } from '../../sip/uri.js';

export type NodeStatus = 'active' | 'disabled' | 'timeout' | 'pending';

const STATUSES: ReadonlySet<string> = new Set<NodeStatus>(['active', 'disabled', 'timeout', 'pending']);

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
}

export type NodeKey = Pick<DmqNode, 'host' | 'port' | 'proto'>;

/** Host, port and transport of a SIP URI; undefined when it is none. */
export function nodeKey(uri: string): NodeKey | undefined {
  const u = parseUri(uri);
  if (u === undefined || u.host === '') return undefined;
  return { host: u.host, port: u.portText, proto: uriTransport(u)?.toLowerCase() || '*' };
}

export function keyText(k: NodeKey): string {
  return `${k.host}:${k.port}:${k.proto}`;
}

export function makeNode(
  uri: string,
  status: NodeStatus,
  flags: { readonly local?: boolean; readonly notification?: boolean } = {},
): DmqNode | undefined {
  const key = nodeKey(uri);
  if (key === undefined) return undefined;
  return {
    ...key,
    uri: uriOf(key),
    status,
    local: flags.local ?? false,
    notification: flags.notification ?? false,
    resolvedIp: '',
  };
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

/** The nodes of a received list. Lines that are no node are skipped and counted: they never spoil the others. */
export function parseList(body: string): { readonly nodes: readonly ListedNode[]; readonly bad: number } {
  const nodes: ListedNode[] = [];
  let bad = 0;
  for (const raw of body.split('\n')) {
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
  // 6.1 knows `not_active`, which 5.6 has no word for.
  if (status === 'not_active') return { ...key, status: 'timeout' };
  return STATUSES.has(status) ? { ...key, status: status as NodeStatus } : undefined;
}

/** What a list changed. */
export interface Merge {
  readonly added: readonly DmqNode[];
  readonly changed: readonly DmqNode[];
}

/** Newest first, the local node last, as `dmq.list_nodes` shows them. */
export class NodeList {
  #nodes: DmqNode[] = [];

  get nodes(): readonly DmqNode[] {
    return this.#nodes;
  }

  get local(): DmqNode | undefined {
    return this.#nodes.find((n) => n.local);
  }

  find(k: NodeKey): DmqNode | undefined {
    return this.#nodes.find((n) => n.host === k.host && n.port === k.port && n.proto === k.proto);
  }

  add(node: DmqNode): void {
    this.#nodes.unshift(node);
  }

  /** The local node stays; false when there is no such node. */
  remove(k: NodeKey): boolean {
    const before = this.#nodes.length;
    this.#nodes = this.#nodes.filter((n) => n.local || keyText(n) !== keyText(k));
    return this.#nodes.length < before;
  }

  /** Nodes that broadcasts go to: active, not the local one. */
  active(): DmqNode[] {
    return this.#nodes.filter((n) => !n.local && n.status === 'active');
  }

  /** Nodes that pings go to, whatever their status. */
  others(): DmqNode[] {
    return this.#nodes.filter((n) => !n.local);
  }

  isAlone(): boolean {
    return this.#nodes.every((n) => n.local);
  }

  /** The body of a list: own node and all active ones; every line ends with CRLF, the last one too. */
  text(ownStatus?: NodeStatus): string {
    return this.#nodes
      .filter((n) => n.local || n.status === 'active')
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
        const node: DmqNode = {
          host: l.host,
          port: l.port,
          proto: l.proto,
          uri: uriOf(l),
          status: l.status,
          local: false,
          notification: false,
          resolvedIp: '',
        };
        this.add(node);
        added.push(node);
      } else if (
        !known.local &&
        known.status !== l.status &&
        (known.status !== 'disabled' || l.status === 'disabled')
      ) {
        known.status = l.status;
        changed.push(known);
      }
    }
    return { added, changed };
  }

  /** A final reply to a list or to a script's message: 200 makes active, 408 counts against. Gives what became of it. */
  replied(node: DmqNode, status: number): 'active' | 'pending' | 'disabled' | 'removed' | undefined {
    if (this.find(node) !== node || node.local) return undefined;
    if (status === 200) {
      node.status = 'active';
      return 'active';
    }
    if (status !== 408) return undefined;
    if (node.notification) {
      node.status = 'pending';
      return 'pending';
    }
    if (node.status === 'disabled') {
      this.remove(node);
      return 'removed';
    }
    node.status = 'disabled';
    return 'disabled';
  }
}
