/** The features of the kamailio.cfg of Debian's package, and the flows that show each of them. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ThrowawayDatabase } from './databases.js';
import { freePorts, launchServer, type RealServer, run } from './real-server.js';
import { SipClient } from './sip-client.js';
import {
  call,
  closeStage,
  type Flow,
  openStage,
  PASSWORD,
  play,
  register,
  request,
  type Stage,
  withoutRandom,
} from './stock.js';

const CFG = '/etc/kamailio/kamailio.cfg';
const DOMAIN = 'd.example';

/** Every table that a feature reads, filled. */
const DATA = `
ALTER TABLE acc ADD COLUMN src_user VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE acc ADD COLUMN src_domain VARCHAR(128) NOT NULL DEFAULT '';
ALTER TABLE acc ADD COLUMN src_ip varchar(64) NOT NULL default '';
ALTER TABLE acc ADD COLUMN dst_ouser VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE acc ADD COLUMN dst_user VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE acc ADD COLUMN dst_domain VARCHAR(128) NOT NULL DEFAULT '';
ALTER TABLE missed_calls ADD COLUMN src_user VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE missed_calls ADD COLUMN src_domain VARCHAR(128) NOT NULL DEFAULT '';
ALTER TABLE missed_calls ADD COLUMN src_ip varchar(64) NOT NULL default '';
ALTER TABLE missed_calls ADD COLUMN dst_ouser VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE missed_calls ADD COLUMN dst_user VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE missed_calls ADD COLUMN dst_domain VARCHAR(128) NOT NULL DEFAULT '';
INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('alice', '${DOMAIN}', '${PASSWORD}', '', '');
INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('bob', '${DOMAIN}', '${PASSWORD}', '', '');
INSERT INTO domain (domain, did) VALUES ('${DOMAIN}', 'main');
INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '127.0.0.3', 32, 0, 'friend');
`;

interface Feature {
  readonly defines: readonly string[];
  /** A registration and a call are enough beside its own flows. */
  readonly brief?: boolean;
  /** More flows than those that every feature goes through. */
  readonly flows?: Readonly<Record<string, Flow>>;
}

const by = (host: string, work: (client: SipClient, stage: Stage) => Promise<void>): Flow => {
  return async (stage) => {
    const client = await SipClient.open(0, host);
    try {
      await work(client, stage);
    } finally {
      // what it saw counts as alice's
      stage.alice.seen.push(...client.seen.map((text) => text.replaceAll(`${client.port}`, 'FRIEND')));
      client.close();
    }
  };
};

async function message(s: Stage, to: string): Promise<void> {
  const sent = request(s, 'MESSAGE', to, { headers: ['Content-Type: text/plain'], body: 'hi' });
  const came = await s.bob.receive((t) => t.startsWith('MESSAGE '));
  if (came !== '') s.bob.send(s.bob.reply(came, 200, 'OK'), s.server.port);
  await sent;
}

const BASE: Readonly<Record<string, Flow>> = {
  keepalive: async (s) => void (await request(s, 'OPTIONS', `sip:${s.domain}`)),
  'too many hops': async ({ alice, server, domain }) => {
    const text = alice
      .build({ method: 'OPTIONS', uri: `sip:x@${domain}` })
      .replace('Max-Forwards: 20', 'Max-Forwards: 0');
    await alice.ask(text, server.port);
  },
  'registrations of alice and bob': async (s) => {
    await register(s, 'alice');
    await register(s, 'bob');
    await register(s, 'bob', { contact: '' });
  },
  'a wrong password': async (s) => void (await register(s, 'alice', { password: 'wrong' })),
  'a call, ended by the caller': call({ to: 'bob' }),
  'a call, ended by the callee': call({ to: 'bob', endedBy: 'bob' }),
  'a busy callee': call({ to: 'bob', answer: [486, 'Busy Here'] }),
  'a redirecting callee': call({ to: 'bob', answer: [302, 'Moved', ['Contact: <sip:else@192.0.2.9>']] }),
  'a callee that wants credentials': call({
    to: 'bob',
    answer: [407, 'Who', ['Proxy-Authenticate: Digest realm="r", nonce="n"']],
  }),
  'a cancelled call': call({ to: 'bob', cancelled: true }),
  'nobody of that name': async (s) => void (await request(s, 'INVITE', 'nobody')),
  'no user': async (s) => void (await request(s, 'INVITE', `sip:${s.domain}`)),
  'a foreign domain': async (s) => {
    const uri = `sip:carol@127.0.0.1:${s.bob.port}`;
    await request(s, 'MESSAGE', uri, { user: 'eve' });
  },
  'a message': (s) => message(s, 'bob'),
  'a request of no dialog': async (s) => {
    const { alice, server, domain } = s;
    await alice.ask({ method: 'INFO', uri: `sip:bob@${domain}`, to: `<sip:bob@${domain}>;tag=callee9` }, server.port);
  },
  'a malformed request': async ({ alice, server, domain }) => {
    const text = alice.build({ method: 'OPTIONS', uri: `sip:x@${domain}` }).replace(/^CSeq: .*$/m, 'CSeq: 1 INFO');
    await alice.ask(text, server.port, 600);
  },
  'a scanner': async ({ alice, server, domain }) => {
    const headers = ['User-Agent: friendly-scanner'];
    await alice.ask({ method: 'OPTIONS', uri: `sip:${domain}`, headers }, server.port, 250);
  },
  'no presence server: voice mail, dialogs, publications': async (s) => {
    await request(s, 'SUBSCRIBE', 'bob', { headers: ['Event: message-summary', 'Expires: 60'] });
    await request(s, 'PUBLISH', 'alice', { headers: ['Event: presence', 'Expires: 60'], body: '' });
  },
  'a registration that ends': async (s) => {
    await register(s, 'bob', { contact: '*', expires: 0 });
    await request(s, 'MESSAGE', 'bob');
  },
};

const BRIEF: ReadonlySet<string> = new Set(['registrations of alice and bob', 'a call, ended by the caller']);

const NAT: Readonly<Record<string, Flow>> = {
  'a callee behind NAT': async (s) => {
    await register(s, 'bob', { contact: '*', expires: 0 });
    await register(s, 'bob', { contact: '<sip:bob@10.0.0.9:5066>' });
    await call({ to: 'bob' })(s);
    await register(s, 'bob', { contact: '*', expires: 0 });
    await register(s, 'bob');
  },
  'a caller behind NAT': call({ to: 'bob', address: '10.0.0.8' }),
};

const FRIEND = by('127.0.0.3', async (friend, s) => {
  await request(s, 'MESSAGE', 'nobody', { by: friend });
  await request(s, 'MESSAGE', 'nobody', { by: friend, user: 'eve' });
});

const ALIAS: Flow = async (s) => {
  await register(s, 'bob');
  await message(s, 'boss');
};

const SHORT_NUMBER: Flow = async (s) => {
  await register(s, 'bob');
  await message(s, '22');
  await message(s, '23');
};

/** REGISTER, and a call to bob's UDP address, by a connection; bob ends it: the BYE finds the connection. */
const connected =
  (proto: 'TCP' | 'TLS'): Flow =>
  async (s) => {
    const client = await SipClient.connect(proto, s.server.port + (proto === 'TLS' ? 1 : 0));
    await request(s, 'OPTIONS', `sip:${s.domain}`, { by: client });
    await register(s, 'alice', {
      by: client,
      contact: `<sip:alice@127.0.0.1:${client.port};transport=${proto.toLowerCase()}>`,
    });
    await register(s, 'bob');
    await call({
      to: 'bob',
      caller: client,
      contact: `<sip:alice@127.0.0.1:${client.port};transport=${proto.toLowerCase()}>`,
    })(s);
    await call({
      to: 'bob',
      caller: client,
      endedBy: 'bob',
      contact: `<sip:alice@127.0.0.1:${client.port};transport=${proto.toLowerCase()}>`,
    })(s);
    s.alice.seen.push(...client.seen.map((text) => text.replaceAll(`${client.port}`, 'STREAM')));
    s.bob.seen.splice(0, s.bob.seen.length, ...s.bob.seen.map((text) => text.replaceAll(`${client.port}`, 'STREAM')));
    client.close();
  };

const PIDF = (entity: string, basic: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${entity}"><tuple id="t1"><status><basic>${basic}</basic></status></tuple></presence>\r\n`;

/** bob watches alice: SUBSCRIBE, PUBLISH in its forms, and a NOTIFY for each. */
const PRESENCE: Flow = async (s) => {
  const { server, bob } = s;
  const notified = async () => {
    const came = await bob.receive((t) => t.startsWith('NOTIFY '), 1500);
    if (came !== '') bob.send(bob.reply(came, 200, 'OK'), server.port);
  };
  const event = ['Event: presence'];
  const watch = (to: string, expires: number, more: { callId?: string; cseq?: number } = {}) =>
    request(s, 'SUBSCRIBE', 'alice', { ...more, user: 'bob', by: bob, to, headers: [...event, `Expires: ${expires}`] });
  const first = await watch('', 600, { callId: 'watch' });
  await notified();
  const publish = async (headers: readonly string[], body: string): Promise<string> => {
    const kind = body === '' ? [] : ['Content-Type: application/pidf+xml'];
    const reply = await request(s, 'PUBLISH', 'alice', { headers: [...event, ...kind, ...headers], body });
    await notified();
    return reply.header('SIP-ETag');
  };
  const tag = await publish(['Expires: 600'], PIDF(`sip:alice@${s.domain}`, 'open'));
  const next = await publish(['Expires: 600', `SIP-If-Match: ${tag}`], PIDF(`sip:alice@${s.domain}`, 'closed'));
  await publish(['Expires: 0', `SIP-If-Match: ${next}`], '');
  await publish(['Expires: 600', 'SIP-If-Match: nothing'], '');
  await request(s, 'SUBSCRIBE', 'alice', { user: 'bob', by: bob, headers: ['Event: no-such', 'Expires: 60'] });
  await watch(first.header('To'), 0, { callId: 'watch', cseq: 20 });
  await notified();
};

const JSONRPC: Flow = async ({ alice, server }) => {
  const body = '{"jsonrpc": "2.0", "method": "core.echo", "params": ["a", 1], "id": 1}';
  for (const url of ['RPC', 'else']) {
    const said = await run('curl', ['-s', '-i', '-m', '5', '-d', body, `http://127.0.0.1:${server.port}/${url}`]);
    alice.seen.push(said.replace(/Sia: .*/, 'Sia: CLIENT'));
  }
};

/** After so many from one address within two seconds there is silence. */
const FLOOD: Flow = async ({ alice, server, domain }) => {
  const client = await SipClient.open(0, '127.0.0.4');
  for (let i = 0; i < 60; i++) client.send(client.build({ method: 'OPTIONS', uri: `sip:${domain}` }), server.port);
  await new Promise((done) => setTimeout(done, 500));
  const answered = client.seen.length;
  const later = await client.ask({ method: 'OPTIONS', uri: `sip:${domain}` }, server.port, 300);
  alice.seen.push(`${answered > 10 && answered < 40 ? 'some' : `${answered}`} of 60, then ${later.status}`);
  client.close();
};

export const FEATURES = {
  'no feature': { defines: [], flows: { 'by TCP': connected('TCP') } },
  WITH_AUTH: { defines: ['WITH_AUTH'] },
  WITH_USRLOCDB: { defines: ['WITH_USRLOCDB'], brief: true },
  WITH_ALIASDB: { defines: ['WITH_ALIASDB'], flows: { 'an alias': ALIAS }, brief: true },
  WITH_SPEEDDIAL: { defines: ['WITH_SPEEDDIAL'], flows: { 'a short number': SHORT_NUMBER }, brief: true },
  WITH_ACCDB: { defines: ['WITH_ACCDB'] },
  WITH_MULTIDOMAIN: { defines: ['WITH_MULTIDOMAIN'] },
  WITH_IPAUTH: { defines: ['WITH_AUTH', 'WITH_IPAUTH'], flows: { 'a friend': FRIEND }, brief: true },
  WITH_ANTIFLOOD: { defines: ['WITH_ANTIFLOOD'], flows: { 'a flood': FLOOD }, brief: true },
  WITH_TLS: { defines: ['WITH_TLS'], flows: { 'by TLS': connected('TLS') }, brief: true },
  WITH_PRESENCE: { defines: ['WITH_PRESENCE'], flows: { presence: PRESENCE }, brief: true },
  // no RTPproxy serves: calls go on without
  WITH_NAT: { defines: ['WITH_NAT', 'WITH_NATSIPPING'], flows: NAT, brief: true },
  WITH_JSONRPC: { defines: ['WITH_JSONRPC'], flows: { curl: JSONRPC }, brief: true },
  'blocked replies, voice mail and PSTN not configured': {
    defines: ['WITH_BLOCK3XX', 'WITH_BLOCK401407', 'WITH_VOICEMAIL', 'WITH_PSTN'],
  },
  'all at once': {
    defines: [
      'WITH_AUTH',
      'WITH_IPAUTH',
      'WITH_USRLOCDB',
      'WITH_ALIASDB',
      'WITH_SPEEDDIAL',
      'WITH_ACCDB',
      'WITH_MULTIDOMAIN',
      'WITH_ANTIFLOOD',
      'WITH_PRESENCE',
      'WITH_TLS',
      'WITH_NAT',
      'WITH_JSONRPC',
    ],
    flows: {
      ...NAT,
      'a friend': FRIEND,
      'a flood': FLOOD,
      'an alias': ALIAS,
      'a short number': SHORT_NUMBER,
      'by TLS': connected('TLS'),
      presence: PRESENCE,
      curl: JSONRPC,
    },
  },
} as const satisfies Readonly<Record<string, Feature>>;

/** What the stock tls.cfg names; whoever runs the server has to make it. */
const CERTIFICATE = ['/etc/kamailio/kamailio-selfsigned.key', '/etc/kamailio/kamailio-selfsigned.pem'] as const;

async function makeCertificate(): Promise<void> {
  const [key, pem] = CERTIFICATE;
  if (existsSync(key)) return;
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '30', '-keyout', key, '-out', pem];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject]);
  made.push(key, pem);
}

const made: string[] = [];
afterAll(() => {
  for (const file of made) rmSync(file);
});

const SERVERS = ['kamscript', 'kamailio'] as const;
type Kind = (typeof SERVERS)[number];

const CLEARED = [
  'acc',
  'missed_calls',
  'location',
  'dbaliases',
  'speed_dial',
  'presentity',
  'active_watchers',
  'watchers',
];

const ACCOUNTED =
  'method, from_tag, to_tag, sip_code, sip_reason, src_user, src_domain, src_ip, dst_ouser, dst_user, dst_domain';

const ROWS = [
  `SELECT ${ACCOUNTED} FROM acc ORDER BY id;`,
  `SELECT ${ACCOUNTED} FROM missed_calls ORDER BY id;`,
  "SELECT username, domain, contact, received, path, q, callid, cseq, flags, cflags, user_agent, socket, methods FROM location WHERE username = 'bob' ORDER BY contact;",
];

export type FeatureName = keyof typeof FEATURES;

/** Declares the tests of these features over databases that `start` gives; `more`: flags of the command line. */
export function stockTests(
  names: readonly FeatureName[],
  start: () => Promise<ThrowawayDatabase>,
  more: readonly string[],
): void {
  const databases: Partial<Record<Kind, ThrowawayDatabase>> = {};

  beforeAll(async () => {
    await Promise.all(
      SERVERS.map(async (kind) => {
        const db = await start();
        databases[kind] = db;
        await db.sql(DATA);
      }),
    );
  }, 120_000);

  afterAll(async () => {
    await Promise.all(Object.values(databases).map((db) => db.stop()));
  }, 60_000);

  async function launch(kind: Kind, defines: readonly string[]): Promise<RealServer> {
    const port = freePorts();
    const url = databases[kind]?.url ?? '';
    const defined = [...defines, `DBURL="${url}"`].flatMap((d) => ['-A', d]);
    const listen = ['udp', 'tcp'].flatMap((proto) => ['-l', `${proto}:127.0.0.1:${port}`]);
    const tls = defines.includes('WITH_TLS') ? ['-l', `tls:127.0.0.1:${port + 1}`] : [];
    const args = ['-f', CFG, ...defined, ...listen, ...tls, ...more];
    const dir = mkdtempSync(join(tmpdir(), 'stock-'));
    return await launchServer(kind, { dir, port, args, control: 'kamailio_ctl' });
  }

  describe.each(names)('%s', (name) => {
    const { defines, flows = {}, brief = false }: Feature = FEATURES[name];
    let stages: readonly Stage[] = [];

    beforeAll(async () => {
      if (defines.includes('WITH_TLS')) await makeCertificate();
      const clear = CLEARED.map((table) => `DELETE FROM ${table};`).join('\n');
      await Promise.all(SERVERS.map((kind) => databases[kind]?.sql(clear)));
      const domain = defines.includes('WITH_MULTIDOMAIN') ? DOMAIN : undefined;
      const servers = await Promise.all(SERVERS.map((kind) => launch(kind, defines)));
      stages = await Promise.all(servers.map((server) => openStage(server, domain)));
      for (const [i, kind] of SERVERS.entries()) {
        const own = stages[i]?.domain ?? '';
        await databases[kind]?.sql(
          `INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('boss', '${DOMAIN}', 'bob', '${own}');
INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES ('alice', '${DOMAIN}', '22', '${DOMAIN}', 'sip:bob@${own}');`,
        );
      }
    }, 60_000);

    afterAll(async () => {
      for (const stage of stages) closeStage(stage);
      await Promise.all(stages.map((stage) => stage.server.stop()));
    }, 60_000);

    const base = Object.entries(BASE).filter(([title]) => !brief || BRIEF.has(title));
    test.each([...base, ...Object.entries(flows)])('%s', async (_flow, flow) => {
      const [ours, theirs] = await Promise.all(stages.map((stage) => play(stage, flow)));
      expect(ours, stages[0]?.server.log().slice(-1500)).toEqual(theirs);
    });

    test('what acc writes to the log', () => {
      const [ours, theirs] = stages.map((stage) =>
        (stage.server.log().match(/ACC: .*/g) ?? [])
          .map((line) =>
            withoutRandom(line, stage)
              .replace(/timestamp=\d+/, 'timestamp=T')
              .replace(/call_id=call-(\d+)-\w+/, 'call_id=call-$1'),
          )
          .sort(),
      );
      expect(ours).toEqual(theirs);
      expect(theirs?.length).toBeGreaterThan(0);
    });

    // locations are written by the timer, and at the end
    test('what it leaves in the database', async () => {
      await register(stages[0]!, 'bob');
      await register(stages[1]!, 'bob');
      await Promise.all(stages.map((stage) => stage.server.stop()));
      const [ours, theirs] = await Promise.all(
        SERVERS.map(async (kind, i) => {
          const lists = await Promise.all(ROWS.map((question) => databases[kind]!.sql(question)));
          return lists.map((rows) => rows.map((row) => withoutRandom(row, stages[i]!).replace(/call-\d+-\w+/, 'call')));
        }),
      );
      expect(ours, stages[1]?.server.log()).toEqual(theirs);
      expect(theirs?.map((rows) => rows.length > 0)).toEqual([
        defines.some((d) => d === 'WITH_ACCDB'),
        defines.some((d) => d === 'WITH_ACCDB'),
        defines.some((d) => d === 'WITH_USRLOCDB'),
      ]);
    });
  });
}
