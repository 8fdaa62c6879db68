/** Module enum beside a name server: what Kamailio 5.6.3 did with the same zone (in a network of its own, on port 53). */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DnsClient } from '../../src/server/dns/client.js';
import type { DnsRecord } from '../../src/server/dns/wire.js';
import { DnsResolver } from '../../src/server/resolver.js';
import { startDns, type TestDns } from '../support/dns-server.js';
import { runScript } from '../support/script.js';

interface Case {
  readonly params: Readonly<Record<string, string>>;
  readonly user: string;
  readonly from: string;
  readonly call: string;
  readonly rc: number;
  readonly uri: string;
  readonly branches: readonly (readonly [uri: string, q: string])[];
}

const { zone, cases }: { zone: DnsRecord[]; cases: Case[] } = JSON.parse(
  readFileSync(new URL('./enum.cases.json', import.meta.url), 'utf8'),
);

let dns: TestDns;
beforeAll(async () => {
  dns = await startDns({ records: zone });
});
afterAll(() => dns.stop());

function resolver(): DnsResolver {
  const servers = [{ ip: '127.0.0.1', port: dns.port }];
  return new DnsResolver({
    source: new DnsClient(() => Promise.resolve({ servers, search: [], ndots: 1, timeout: 2, attempts: 1 })),
    now: Date.now,
    random: () => 0.5,
    values: () => new Map(),
    ipv6Socket: () => false,
  });
}

const MODULES = ['sl', 'pv', 'xlog', 'corex', 'enum'];

function script({ params, call }: Case): string {
  const loads = MODULES.map((m) => `loadmodule "${m}.so"`);
  const settings = Object.entries(params).map(([name, value]) => `modparam("enum", "${name}", "${value}")`);
  return `${[...loads, ...settings].join('\n')}
request_route {
	${call};
	xlog("$rc $ru\\n");
	$var(i) = 0;
	while ($var(i) < $branch(count)) {
		xlog("$(branch(uri)[$var(i)]) $(branch(q)[$var(i)])\\n");
		$var(i) = $var(i) + 1;
	}
	xlog("end\\n");
}
`;
}

const request = ({ user, from }: Case) => `OPTIONS sip:${user}@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1
From: <sip:${from}@x.example>;tag=f
To: <sip:b@x>
Call-ID: 1
CSeq: 1 OPTIONS
Content-Length: 0

`;

describe('numbers lead where Kamailio 5.6.3 finds them', () => {
  test.each(cases)('$call $params for $user from $from', async (one) => {
    const running = await runScript(script(one), undefined, resolver());
    running.receive(request(one));
    await expect.poll(() => running.lines.at(-1), { timeout: 10_000 }).toBe('end');
    const branches = one.branches.map(([uri, q]) => `${uri} ${q}`);
    expect(running.lines).toEqual([`${one.rc} ${one.uri}`, ...branches, 'end']);
    await running.stop();
  });
});
