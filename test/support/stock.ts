/** Calls, registrations and the like through the stock kamailio.cfg: what each party sees, comparable between servers. */
import type { RealServer } from './real-server.js';
import { credentials, headerOf, parseReply, type Reply, SipClient } from './sip-client.js';

export const PASSWORD = 'secret';

/** One server under test, and who talks to it. */
export interface Stage {
  readonly server: RealServer;
  /** Host part of local addresses. */
  readonly domain: string;
  readonly alice: SipClient;
  readonly bob: SipClient;
}

export async function openStage(server: RealServer, domain: string | undefined): Promise<Stage> {
  const [alice, bob] = [await SipClient.open(), await SipClient.open()];
  return { server, domain: domain ?? `127.0.0.1:${server.port}`, alice, bob };
}

export function closeStage({ alice, bob }: Stage): void {
  alice.close();
  bob.close();
}

export type Flow = (stage: Stage) => Promise<void>;

/** Milliseconds in which what comes late still counts. */
const SETTLE = 100;
/** Milliseconds of a call. */
const TALK = 60;

/** What the parties saw in the flow, in which nothing is left of ports, tags and other random parts of one server. */
export async function play(stage: Stage, flow: Flow): Promise<Readonly<Record<string, readonly string[]>>> {
  const from = { alice: stage.alice.seen.length, bob: stage.bob.seen.length };
  await flow(stage);
  await new Promise((done) => setTimeout(done, SETTLE));
  const plain = (c: SipClient, n: number) =>
    c.seen
      .slice(n)
      // nathelper's pings come when they come
      .filter((text) => !text.includes('From: sip:pinger@'))
      .map((text) => withoutRandom(text, stage));
  return { alice: plain(stage.alice, from.alice), bob: plain(stage.bob, from.bob) };
}

export function withoutRandom(text: string, { server, alice, bob }: Stage): string {
  return text
    .replaceAll(`${server.port}`, 'PORT')
    .replaceAll(`${server.port + 1}`, 'TLSPORT')
    .replaceAll(`${alice.port}`, 'ALICE')
    .replaceAll(`${bob.port}`, 'BOB')
    .replace(/branch=z9hG4bK-(\d+)-[0-9a-f]+/g, 'branch=OWN-$1')
    .replace(/branch=z9hG4bK(?![-])[^;\s>]+/g, 'branch=BRANCH')
    .replace(/(branch=BRANCH;i=)[0-9a-f]+/g, '$1N')
    .replace(/tag=(?!from|callee)[^;\s>]+/g, 'tag=TAG')
    .replace(/^(SIP-ETag: ).*$/gim, '$1ETAG')
    .replace(/nonce="[^"]*"/g, 'nonce="NONCE"')
    .replace(/response="[^"]*"/g, 'response="RESPONSE"')
    .replace(/expires=(59|60)\d\b/g, 'expires=600')
    .replace(/^(Call-ID: \S+?)-\d+-[0-9a-f]{8}/gim, '$1');
}

const uriOf = (user: string, { domain }: Stage): string => `sip:${user}@${domain}`;

/** The request, and once more with credentials where it is challenged; an INVITE's refusals are acknowledged. */
async function authorised(from: SipClient, stage: Stage, parts: Parameters<SipClient['build']>[0]): Promise<string> {
  const { port } = stage.server;
  const text = from.build(parts);
  from.send(text, port);
  const callId = headerOf(text, 'Call-ID');
  const answer = await from.receive((t) => t.startsWith('SIP/2.0 ') && headerOf(t, 'Call-ID') === callId);
  const reply = parseReply(answer);
  if (reply.status !== 401 && reply.status !== 407) {
    from.requeue(answer);
    return text;
  }
  if (parts.method === 'INVITE') acknowledge(from, text, reply, port);
  const user = /sip:([^@>]+)@/.exec(parts.from ?? '')?.[1] ?? '';
  const line = credentials(reply, parts.method, parts.uri, user, PASSWORD);
  const next = { ...parts, callId, cseq: (parts.cseq ?? 1) + 1, headers: [...(parts.headers ?? []), line] };
  const again = from.build(next);
  from.send(again, port);
  return again;
}

/** The ACK of a refusal: with the branch of the INVITE. */
function acknowledge(from: SipClient, invite: string, reply: Reply, port: number): void {
  const [requestLine = ''] = invite.split('\r\n');
  from.send(
    [
      requestLine.replace('INVITE', 'ACK'),
      `Via: ${headerOf(invite, 'Via')}`,
      `From: ${headerOf(invite, 'From')}`,
      `To: ${reply.header('To')}`,
      `Call-ID: ${headerOf(invite, 'Call-ID')}`,
      `CSeq: ${headerOf(invite, 'CSeq').replace('INVITE', 'ACK')}`,
      'Max-Forwards: 20',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
    port,
  );
}

const isFinal = (invite: string) => (text: string) =>
  /^SIP\/2\.0 [2-6]/.test(text) &&
  headerOf(text, 'Call-ID') === headerOf(invite, 'Call-ID') &&
  headerOf(text, 'CSeq') === headerOf(invite, 'CSeq');

/** The final reply to what was sent; refusals of INVITE are acknowledged. */
async function finalOf(from: SipClient, request: string, port: number): Promise<Reply> {
  const reply = parseReply(await from.receive(isFinal(request)));
  if (request.startsWith('INVITE') && reply.status >= 300) acknowledge(from, request, reply, port);
  return reply;
}

/** Sends a request of `user` to `uri` and waits for its end. */
export async function request(
  stage: Stage,
  method: string,
  to: string,
  more: {
    readonly user?: string;
    readonly headers?: readonly string[];
    readonly body?: string;
    readonly by?: SipClient;
    readonly callId?: string;
    readonly cseq?: number;
    /** To, of a request within a dialog. */
    readonly to?: string;
  } = {},
): Promise<Reply> {
  const by = more.by ?? stage.alice;
  const from = `<${uriOf(more.user ?? 'alice', stage)}>;tag=from`;
  const uri = to.startsWith('sip:') ? to : uriOf(to, stage);
  const contact = `Contact: <sip:${more.user ?? 'alice'}@${by.host}:${by.port}>`;
  const headers = [contact, ...(more.headers ?? [])];
  const within = {
    ...(more.callId === undefined ? {} : { callId: `${more.callId}-${stage.bob.port}` }),
    ...(more.cseq === undefined ? {} : { cseq: more.cseq }),
    to: more.to || `<${uri}>`,
  };
  const text = await authorised(by, stage, { method, uri, from, ...within, headers, body: more.body ?? '' });
  return await finalOf(by, text, stage.server.port);
}

export interface Registering {
  readonly contact?: string;
  readonly expires?: number;
  readonly by?: SipClient;
  readonly headers?: readonly string[];
  readonly password?: string;
}

export async function register(stage: Stage, user: string, more: Registering = {}): Promise<Reply> {
  const by = more.by ?? (user === 'bob' ? stage.bob : stage.alice);
  const aor = `<${uriOf(user, stage)}>`;
  const contact = more.contact ?? `<sip:${user}@${by.host}:${by.port}>`;
  const headers = [
    ...(contact === '' ? [] : [`Contact: ${contact}`]),
    `Expires: ${more.expires ?? 600}`,
    ...(more.headers ?? []),
  ];
  const uri = `sip:${stage.domain}`;
  const parts = { method: 'REGISTER', uri, from: `${aor};tag=from`, to: aor, headers };
  if (more.password !== undefined) return await by.askAs(parts, stage.server.port, user, more.password);
  const text = await authorised(by, stage, parts);
  return await finalOf(by, text, stage.server.port);
}

export const SDP = (address: string): string =>
  [
    'v=0',
    `o=- 1 1 IN IP4 ${address}`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    'm=audio 9000 RTP/AVP 0 8',
    'a=rtpmap:0 PCMU/8000',
    '',
  ].join('\r\n');

export interface Call {
  /** Whom alice calls. */
  readonly to: string;
  /** Address in her Contact and SDP. */
  readonly address?: string;
  readonly caller?: SipClient;
  /** Her Contact, where it is not her address and port. */
  readonly contact?: string;
  /** What bob says to the INVITE; 200 and the call is ended by alice with BYE, or by bob. */
  readonly answer?: readonly [number, string, (readonly string[])?];
  readonly endedBy?: 'alice' | 'bob';
  /** Alice cancels while it rings. */
  readonly cancelled?: boolean;
}

const isRequest = (method: string) => (text: string) => text.startsWith(`${method} `);

/** A call of alice to bob, through to its end. */
export const call =
  ({
    to,
    address = '127.0.0.1',
    caller,
    contact: own,
    answer = [200, 'OK'],
    endedBy = 'alice',
    cancelled = false,
  }: Call): Flow =>
  async (stage) => {
    const { server, bob } = stage;
    const alice = caller ?? stage.alice;
    const sdp = ['Content-Type: application/sdp'];
    const invite = await authorised(alice, stage, {
      method: 'INVITE',
      uri: to.startsWith('sip:') ? to : uriOf(to, stage),
      from: `<${uriOf('alice', stage)}>;tag=from`,
      headers: [`Contact: ${own ?? `<sip:alice@${address}:${alice.port}>`}`, ...sdp],
      body: SDP(address),
    });
    const arrived = await bob.receive(isRequest('INVITE'));
    if (arrived === '') return void (await finalOf(alice, invite, server.port));
    bob.send(bob.reply(arrived, 180, 'Ringing'), server.port);
    await alice.receive((t) => t.startsWith('SIP/2.0 180') && headerOf(t, 'Call-ID') === headerOf(invite, 'Call-ID'));
    if (cancelled) return await cancel(stage, alice, invite, arrived);
    const [status, reason, headers = []] = answer;
    const contact = `Contact: <sip:bob@${bob.host}:${bob.port}>`;
    const body = status === 200 ? SDP('127.0.0.1') : '';
    const mine = status === 200 ? [contact, ...sdp] : [];
    bob.send(bob.reply(arrived, status, reason, [...mine, ...headers], body), server.port);
    const final = await finalOf(alice, invite, server.port);
    if (final.status !== 200) return void (await bob.receive(isRequest('ACK')));
    await talk(stage, alice, invite, final, endedBy, arrived);
  };

async function cancel(stage: Stage, alice: SipClient, invite: string, arrived: string): Promise<void> {
  const { server, bob } = stage;
  const lines = invite.split('\r\n');
  const kept = lines.filter((l) => /^(Via|From|To|Call-ID|Max-Forwards):/.test(l));
  const cseq = `CSeq: ${headerOf(invite, 'CSeq').replace('INVITE', 'CANCEL')}`;
  const first = (lines[0] ?? '').replace('INVITE', 'CANCEL');
  alice.send([first, ...kept, cseq, 'Content-Length: 0', '', ''].join('\r\n'), server.port);
  const came = await bob.receive(isRequest('CANCEL'));
  bob.send(bob.reply(came, 200, 'OK'), server.port);
  await alice.receive((t) => t.startsWith('SIP/2.0 200') && headerOf(t, 'CSeq').endsWith('CANCEL'));
  bob.send(bob.reply(arrived, 487, 'Request Terminated'), server.port);
  await finalOf(alice, invite, server.port);
  await bob.receive(isRequest('ACK'));
}

/** Route lines of a dialog: as they came for the callee, turned round for the caller. */
function routes(text: string, turned: boolean): string[] {
  const found = [...text.matchAll(/^Record-Route[ \t]*:[ \t]*(.*)$/gim)].map((m) => (m[1] ?? '').trim());
  const list = found.flatMap((line) => line.split(/,\s*(?=<)/));
  return (turned ? list.reverse() : list).map((route) => `Route: ${route}`);
}

const contactUri = (text: string): string => /<([^>]*)>/.exec(headerOf(text, 'Contact'))?.[1] ?? '';

async function talk(
  stage: Stage,
  alice: SipClient,
  invite: string,
  final: Reply,
  endedBy: 'alice' | 'bob',
  arrived: string,
): Promise<void> {
  const { server, bob } = stage;
  const callId = headerOf(invite, 'Call-ID');
  const [from, to] = [headerOf(invite, 'From'), final.header('To')];
  const cseq = Number.parseInt(headerOf(invite, 'CSeq'), 10);
  const within = { uri: contactUri(final.text), from, to, callId, headers: routes(final.text, true) };
  alice.send(alice.build({ ...within, method: 'ACK', cseq }), server.port);
  await bob.receive(isRequest('ACK'));
  // Kamailio's processes lose rows when two of them write to one SQLite file
  await new Promise((done) => setTimeout(done, TALK));
  if (endedBy === 'alice') {
    const bye = alice.build({ ...within, method: 'BYE', cseq: cseq + 1 });
    alice.send(bye, server.port);
    bob.send(bob.reply(await bob.receive(isRequest('BYE')), 200, 'OK'), server.port);
    await finalOf(alice, bye, server.port);
    return;
  }
  const parts = { uri: contactUri(arrived), from: to, to: from, callId, cseq: 1, headers: routes(arrived, false) };
  const bye = bob.build({ ...parts, method: 'BYE' });
  bob.send(bye, server.port);
  alice.send(alice.reply(await alice.receive(isRequest('BYE')), 200, 'OK'), server.port);
  await finalOf(bob, bye, server.port);
}
