/** Several servers on one bus without sockets: a network that loses, parts and delays, and one clock that the test moves. */

import { HTABLE, type HtableState } from '../../../src/modules/htable/state.js';
import { LEVEL } from '../../../src/runtime/host.js';
import type { RpcDefinition, RpcValue } from '../../../src/runtime/module.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { ServerHost } from '../../../src/server/host.js';
import { loadScript } from '../../../src/server/load.js';
import { receiver } from '../../../src/server/receive.js';
import { type Destination, type ListenSocket, listenSocket, type Transport } from '../../../src/sip/transport.js';
import { FakeClock } from '../../support/fake-host.js';

export interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

export interface MemberOptions {
  readonly notify?: readonly string[];
  /** Further lines of the script. */
  readonly lines?: string;
  /** What stands in request_route before the KDMQ is handed over. */
  readonly before?: string;
  readonly sync?: boolean;
}

/** A seeded source of numbers 0 <= x < 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class Cluster {
  readonly clock = new FakeClock();
  readonly members: Member[] = [];
  /** All that was sent, lost or not. */
  readonly wire: Datagram[] = [];
  /** Does this one get lost? */
  lose: (d: Datagram) => boolean = () => false;
  /** Microseconds since the epoch by member: a clock that is wrong. */
  readonly random = seeded(1);
  #queue: Datagram[] = [];

  /** Adds a server at 10.0.0.N:5060; it runs from the next `settle`. */
  async start(ip: string, options: MemberOptions = {}): Promise<Member> {
    const member = await Member.start(this, ip, options);
    this.members.push(member);
    return member;
  }

  send(d: Datagram): void {
    this.wire.push(d);
    if (!this.lose(d)) this.#queue.push(d);
  }

  /** Puts a datagram on the network as if `from` had sent it. */
  inject(from: string, to: string, text: string): void {
    this.#queue.push({ from, to, text: text.replace(/\r?\n/g, '\r\n') });
  }

  /** Delivers until nothing is under way. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      const batch = this.#queue;
      this.#queue = [];
      for (const d of batch) this.members.find((m) => m.alive && m.ip === d.to)?.receive(d);
      await new Promise((done) => setImmediate(done));
      quiet = this.#queue.length === 0 ? quiet + 1 : 0;
    }
  }

  /** Moves the clock, delivering in steps of `step` ms. */
  async pass(ms: number, step = 250): Promise<void> {
    await this.settle();
    for (let t = 0; t < ms; t += step) {
      this.clock.advance(step);
      await this.settle();
    }
  }

  async stop(): Promise<void> {
    for (const m of this.members) if (m.alive) m.kill();
  }
}

export class Member {
  readonly ip: string;
  readonly host: ServerHost;
  readonly lines: string[];
  alive = true;
  /** Neither hears nor speaks. */
  deaf = false;
  readonly #receive: ReturnType<typeof receiver>;
  readonly #socket: ListenSocket;
  readonly #rpc: Readonly<Record<string, RpcDefinition>>;

  private constructor(ip: string, host: ServerHost, socket: ListenSocket, lines: string[]) {
    this.ip = ip;
    this.host = host;
    this.lines = lines;
    this.#socket = socket;
    this.#receive = receiver(host);
    this.#rpc = Object.assign({}, ...host.program.modules.map((m) => m.rpc));
  }

  static async start(cluster: Cluster, ip: string, options: MemberOptions): Promise<Member> {
    const vars = new VarStore();
    const text = script(ip, options);
    const { program, problems } = loadScript('test.cfg', { env: {}, vars, text });
    const errors = problems.filter((p) => p.severity === 'error').map((p) => p.message);
    if (program === undefined || errors.length > 0) throw new Error(errors.join('\n'));
    const lines: string[] = [];
    const host = new ServerHost({
      program,
      log: { level: LEVEL.INFO, write: (_l, origin, line) => void lines.push(`${origin}: ${line}`) },
      clock: cluster.clock,
      random: cluster.random,
      pid: cluster.members.length + 1,
      resolver: { resolve: (name, port, proto) => [{ proto: proto ?? 'udp', ip: name, port: port || 5060 }] },
      vars,
      onShutdown: () => undefined,
    });
    const socket = listenSocket('udp', ip, 5060);
    host.sockets = [socket];
    host.myselfCallbacks.push((name) => name === ip);
    const member = new Member(ip, host, socket, lines);
    host.transports.set(socket, member.#transport(cluster));
    for (const m of program.modules) host.setState(m.name, await m.start?.(host, program.params(m.name)));
    for (const m of program.modules) await m.ready?.(host, host.state({ module: m.name }));
    return member;
  }

  #transport(cluster: Cluster): Transport {
    return {
      socket: this.#socket,
      start: async () => undefined,
      stop: async () => undefined,
      send: (data: string | Buffer, to: Destination) => {
        if (this.alive && !this.deaf) cluster.send({ from: this.ip, to: to.ip, text: data.toString() });
        return true;
      },
    };
  }

  receive(d: Datagram): void {
    if (this.deaf) return;
    const from = { proto: 'udp', srcIp: d.from, srcPort: 5060, socket: this.#socket, connection: 0 } as const;
    this.#receive(Buffer.from(d.text, 'latin1'), from);
  }

  /** It is gone from one moment to the next. */
  kill(): void {
    this.alive = false;
  }

  /** A clean end. */
  async end(cluster: Cluster): Promise<void> {
    const stopped = (async () => {
      for (const m of [...this.host.program.modules].reverse())
        await m.stop?.(this.host, this.host.state({ module: m.name }));
    })();
    await cluster.pass(500);
    await stopped;
    this.alive = false;
  }

  get tables(): HtableState {
    return this.host.state(HTABLE);
  }

  /** Cells of a table as an object. */
  table(name = 'rep'): Record<string, number | string> {
    const cells = [...this.tables.table(name)!.cells.values()];
    return Object.fromEntries(cells.map((c) => [c.key, c.value]).sort());
  }

  set(key: string, value: number | string, table = 'rep'): Promise<void> {
    return this.run(`set ${table} ${key} ${value}`);
  }

  del(key: string, table = 'rep'): Promise<void> {
    return this.run(`del ${table} ${key}`);
  }

  /** Runs an operation of the script: see `script`. */
  async run(body: string): Promise<void> {
    this.receive({
      from: '192.168.7.7',
      to: this.ip,
      text: [
        `MESSAGE sip:${this.ip} SIP/2.0`,
        `Via: SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK${Math.floor(this.host.random() * 1e9)}`,
        'From: <sip:t@192.168.7.7>;tag=1',
        `To: <sip:${this.ip}>`,
        `Call-ID: ${this.host.random()}`,
        'CSeq: 1 MESSAGE',
        'Content-Type: text/plain',
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
    });
    await new Promise((done) => setImmediate(done));
  }

  rpc(name: string, ...args: RpcValue[]): RpcValue | undefined {
    return this.#rpc[name]!.run(this.host, args) as RpcValue | undefined;
  }

  /** Other nodes and their status. */
  sees(): Record<string, string> {
    const nodes = this.rpc('dmq.list_nodes') as { host: string; status: string; local: number }[];
    return Object.fromEntries(nodes.filter((n) => n.local === 0).map((n) => [n.host, n.status]));
  }
}

function script(ip: string, { notify = [], lines = '', before = '', sync = true }: MemberOptions): string {
  return `
listen=udp:${ip}:5060
${['sl', 'pv', 'xlog', 'tm', 'textops', 'maxfwd', 'siputils', 'dmq', 'htable'].map((m) => `loadmodule "${m}"`).join('\n')}
modparam("tm", "fr_timer", 2000)
modparam("dmq", "server_address", "sip:${ip}:5060")
${notify.map((n) => `modparam("dmq", "notification_address", "sip:${n}:5060")`).join('\n')}
modparam("dmq", "num_workers", 0)
modparam("dmq", "ping_interval", 5)
modparam("htable", "enable_dmq", 1)
modparam("htable", "dmq_init_sync", ${sync ? 1 : 0})
modparam("htable", "htable", "rep=>size=8;dmqreplicate=1;")
modparam("htable", "htable", "exp=>size=8;autoexpire=120;dmqreplicate=1;")
modparam("htable", "htable", "cnt=>size=8;initval=0;dmqreplicate=1;")
modparam("htable", "htable", "loc=>size=8;")
${
  lines.includes('request_route')
    ? lines
    : `${lines}
request_route {
  if (is_method("KDMQ")) { ${before} dmq_process_message(); exit; }
  $var(op) = $(rb{s.select,0, });
  $var(t) = $(rb{s.select,1, });
  $var(k) = $(rb{s.select,2, });
  $var(v) = $(rb{s.select,3, });
  switch ($var(op)) {
    case "set": if ($var(t) == "exp") $sht(exp=>$var(k)) = $var(v); else $sht(rep=>$var(k)) = $var(v); break;
    case "del": $sht(rep=>$var(k)) = $null; break;
    case "inc": $var(n) = $shtinc(cnt=>$var(k)); break;
    case "ex": $shtex(exp=>$var(k)) = $(var(v){s.int}); break;
    case "re": sht_rm_name_re("rep=>$var(k)"); break;
    case "vre": sht_rm_value_re("rep=>$var(k)"); break;
    case "sw": sht_rm_name("rep", "sw", "$var(k)"); break;
    case "vsw": sht_rm_value("rep", "sw", "$var(k)"); break;
    case "nre": sht_rm_name("rep", "re", "$var(k)"); break;
    case "bcast": dmq_bcast_message("$var(t)", "$var(k)", "text/plain"); break;
  }
  sl_send_reply("200", "OK");
}`
}
`;
}
