/** Calls between two phones through servers of a Cluster: what the phones send, by what came to them. */
import type { Cluster, Member } from '../dmq/cluster.js';

export const CALLER = '192.168.1.1';
export const CALLEE = '192.168.1.2';

/** Modules and a request_route that follow calls. */
export function dialogScript(more = '', inInvite = ''): string {
  return `
loadmodule "rr"
loadmodule "dialog"
${more}
request_route {
  if (is_method("KDMQ")) { dmq_process_message(); exit; }
  if (has_totag()) { loose_route(); t_relay(); exit; }
  if (is_method("CANCEL")) { t_relay(); exit; }
  record_route();
  dlg_manage();
  ${inInvite}
  t_relay();
}
`;
}

export const REPLICATED = `
modparam("dialog", "enable_dmq", 1)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
`;

const header = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`^${name}: (.*)\\r$`, 'gim'))].map((m) => m[1]!);

export class Call {
  readonly #cluster: Cluster;
  readonly #by: Member;
  readonly id: string;
  #cseq = 1;
  #inviteCseq = 0;
  #calleeCseq = 100;
  /** Record-Route values of the 2xx, bottom first: the Route of the caller. */
  #route = '';

  constructor(cluster: Cluster, by: Member, id: string) {
    this.#cluster = cluster;
    this.#by = by;
    this.id = id;
  }

  #request(method: string, uri: string, more: readonly string[], toTag: string): string {
    const cseq = method === 'ACK' || method === 'CANCEL' ? this.#inviteCseq : ++this.#cseq;
    if (method === 'INVITE') this.#inviteCseq = cseq;
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${CALLER}:5060;branch=z9hG4bK${method}${cseq}${this.id}`,
      'Max-Forwards: 20',
      `From: <sip:alice@example.test>;tag=a-${this.id}`,
      `To: <sip:bob@example.test>${toTag}`,
      `Call-ID: ${this.id}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:alice@${CALLER}>`,
      ...more,
      'Content-Length: 0',
      '',
      '',
    ].join('\n');
  }

  /** What a phone got last of a method. */
  last(ip: string, method: string): string | undefined {
    const of = (text: string) => text.startsWith(`${method} `) && header(text, 'Call-ID')[0] === this.id;
    return this.#cluster.wire.findLast((d) => d.to === ip && of(d.text))?.text;
  }

  async #send(text: string, to = this.#by): Promise<void> {
    this.#cluster.inject(CALLER, to.ip, text);
    await this.#cluster.settle();
  }

  async invite(more: readonly string[] = []): Promise<void> {
    await this.#send(this.#request('INVITE', `sip:bob@${CALLEE}`, more, ''));
  }

  /** The callee answers the INVITE. */
  async reply(code: number): Promise<void> {
    const invite = this.last(CALLEE, 'INVITE');
    if (invite === undefined) throw new Error('no INVITE came to the callee');
    const copied = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'].flatMap((name) =>
      header(invite, name).map((v) => `${name}: ${v}`),
    );
    const lines = [`SIP/2.0 ${code} X`, ...copied, `To: <sip:bob@example.test>;tag=b-${this.id}`];
    this.#route = header(invite, 'Record-Route').join(', ');
    const text = [...lines, `Contact: <sip:bob@${CALLEE}>`, 'Content-Length: 0', '', ''].join('\n');
    this.#cluster.inject(CALLEE, this.#by.ip, text);
    await this.#cluster.settle();
  }

  async within(method: string, to = this.#by): Promise<void> {
    const text = this.#request(method, `sip:bob@${CALLEE}`, [`Route: ${this.#route}`], `;tag=b-${this.id}`);
    await this.#send(text, to);
    if (method !== 'ACK') await this.answer(CALLEE, method, 200, to);
  }

  /** A phone answers the last request of that method that came to it. */
  async answer(ip: string, method: string, code: number, to = this.#by): Promise<void> {
    const request = this.last(ip, method);
    if (request === undefined) return;
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].flatMap((name) =>
      header(request, name).map((v) => `${name}: ${v}`),
    );
    this.#cluster.inject(ip, to.ip, [`SIP/2.0 ${code} X`, ...copied, 'Content-Length: 0', '', ''].join('\n'));
    await this.#cluster.settle();
  }

  /** CANCEL of the INVITE, which may have been answered. */
  async cancel(): Promise<void> {
    const text = this.#request('CANCEL', `sip:bob@${CALLEE}`, [], '');
    await this.#send(text.replaceAll(`z9hG4bKCANCEL${this.#inviteCseq}`, `z9hG4bKINVITE${this.#inviteCseq}`));
    await this.answer(CALLEE, 'CANCEL', 200);
  }

  /** A request from the callee's phone. */
  async upstream(method: string): Promise<void> {
    const cseq = ++this.#calleeCseq;
    const route = this.#route.split(', ').reverse().join(', ');
    const text = [
      `${method} sip:alice@${CALLER} SIP/2.0`,
      `Via: SIP/2.0/UDP ${CALLEE}:5060;branch=z9hG4bKup${method}${cseq}${this.id}`,
      'Max-Forwards: 20',
      `Route: ${route}`,
      `From: <sip:bob@example.test>;tag=b-${this.id}`,
      `To: <sip:alice@example.test>;tag=a-${this.id}`,
      `Call-ID: ${this.id}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:bob@${CALLEE}>`,
      'Content-Length: 0',
      '',
      '',
    ].join('\n');
    this.#cluster.inject(CALLEE, this.#by.ip, text);
    await this.#cluster.settle();
    await this.answer(CALLER, method, 200);
  }

  async answered(): Promise<void> {
    await this.invite();
    await this.reply(180);
    await this.reply(200);
    await this.within('ACK');
  }
}
