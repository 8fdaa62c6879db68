import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DnsCache } from '../../src/server/dns/cache.js';
import { DnsClient } from '../../src/server/dns/client.js';
import { spread } from '../../src/server/dns/sip.js';
import { parseNameServers } from '../../src/server/dns/sources.js';
import { parseHosts, parseResolvConf } from '../../src/server/dns/system.js';
import { type DnsRecord, decodeReply, encodeQuestion } from '../../src/server/dns/wire.js';
import { DnsResolver } from '../../src/server/resolver.js';
import { startDns, type TestDns } from '../support/dns-server.js';

const a = (name: string, ip: string, ttl = 300): DnsRecord => ({ name, type: 'A', ip, ttl });
const aaaa = (name: string, ip: string, ttl = 300): DnsRecord => ({ name, type: 'AAAA', ip, ttl });
const srv = (name: string, priority: number, weight: number, port: number, target: string, ttl = 300) =>
  ({ name, type: 'SRV', priority, weight, port, target, ttl }) as const;
const naptr = (name: string, order: number, service: string, target: string, flags = 's'): DnsRecord => {
  return { name, type: 'NAPTR', order, preference: 10, flags, service, regexp: '', target, ttl: 300 };
};

const RECORDS: readonly DnsRecord[] = [
  naptr('naptr.test', 10, 'SIP+D2T', '_sip._tcp.naptr.test'),
  naptr('naptr.test', 20, 'sip+d2u', '_sip._udp.naptr.test'),
  naptr('naptr.test', 1, 'SIP+D2U', 'elsewhere.test', 'a'),
  srv('_sip._tcp.naptr.test', 1, 1, 7002, 'one.test'),
  srv('_sip._udp.naptr.test', 1, 1, 7001, 'one.test'),
  srv('_sip._udp.srv.test', 20, 0, 7001, 'two.test'),
  srv('_sip._udp.srv.test', 10, 40, 7003, 'one.test'),
  srv('_sip._udp.srv.test', 10, 60, 7003, 'busy.test'),
  srv('_sip._tcp.tcponly.test', 1, 1, 7002, 'one.test'),
  a('tcponly.test', '127.0.0.2'),
  a('one.test', '127.0.0.1'),
  a('two.test', '127.0.0.2'),
  a('busy.test', '127.0.0.5'),
  a('both.test', '127.0.0.5'),
  aaaa('both.test', '2001:db8::1:0:0:5'),
  { name: 'cn.test', type: 'CNAME', target: 'both.test', ttl: 300 },
  { name: 'long.test', type: 'TXT', texts: ['x'.repeat(200), 'y'], ttl: 300 },
  a('short.example.org', '127.0.0.7'),
];

let dns: TestDns;
beforeAll(async () => {
  dns = await startDns({ records: RECORDS, truncated: ['long.test'], silent: ['silent.test'] });
});
afterAll(() => dns.stop());

const conf = () =>
  Promise.resolve({
    servers: [{ ip: '127.0.0.1', port: dns.port }],
    search: ['example.org'],
    ndots: 1,
    timeout: 0.3,
    attempts: 1,
  });

function resolver(values: Record<string, number> = {}, now = () => 0, ipv6 = false): DnsResolver {
  return new DnsResolver({
    source: new DnsClient(conf),
    now,
    random: () => 0.5,
    values: () => new Map(Object.entries(values)),
    ipv6Socket: () => ipv6,
  });
}

async function targets(name: string, values: Record<string, number> = {}, port = 0, proto?: 'tcp'): Promise<string[]> {
  const found = await resolver(values).resolve(name, port, proto);
  return found.map((t) => `${t.proto} ${t.ip}:${t.port}`);
}

/** The order in which Kamailio 5.6.3 went to these places (seen with the same zone). */
describe('where a name leads to', () => {
  const FAILOVER = { use_dns_failover: 1 };

  test.each([
    ['naptr.test', {}, ['udp 127.0.0.1:7001']],
    ['srv.test', {}, ['udp 127.0.0.5:7003']],
    ['tcponly.test', {}, ['udp 127.0.0.2:5060']],
    ['none.test', {}, []],
    ['srv.test', FAILOVER, ['udp 127.0.0.5:7003', 'udp 127.0.0.1:7003', 'udp 127.0.0.2:7001']],
    ['tcponly.test', FAILOVER, ['tcp 127.0.0.1:7002']],
    ['naptr.test', { dns_try_naptr: 1 }, ['udp 127.0.0.1:7001']],
    ['naptr.test', { dns_try_naptr: 1, dns_naptr_ignore_rfc: 0 }, ['tcp 127.0.0.1:7002']],
    ['naptr.test', { dns_try_naptr: 1, dns_tcp_pref: 50 }, ['tcp 127.0.0.1:7002']],
    ['naptr.test', { dns_try_naptr: 1, dns_udp_pref: -1 }, ['tcp 127.0.0.1:7002']],
    ['naptr.test', { dns_try_naptr: 1, disable_tcp: 1 }, ['udp 127.0.0.1:7001']],
    ['naptr.test', { dns_try_naptr: 1, ...FAILOVER }, ['udp 127.0.0.1:7001', 'tcp 127.0.0.1:7002']],
  ])('%s with %j', async (name, values, expected) => {
    expect(await targets(name, values)).toEqual(expected);
  });

  test('a port or a transport that is named leaves less to ask', async () => {
    dns.asked();
    expect(await targets('both.test', {}, 7009)).toEqual(['udp 127.0.0.5:7009']);
    expect(await targets('naptr.test', { dns_try_naptr: 1 }, 0, 'tcp')).toEqual(['tcp 127.0.0.1:7002']);
    expect(dns.asked()).toEqual(['A both.test', 'SRV _sip._tcp.naptr.test', 'A one.test']);
  });

  test('families of addresses', async () => {
    const six = 'udp 2001:db8::1:0:0:5:1';
    expect(await targets('cn.test', { dns_cache_flags: 4 }, 1)).toEqual([six]);
    expect(await targets('cn.test', { dns_cache_flags: 1 }, 1)).toEqual(['udp 127.0.0.5:1']);
    expect(await targets('cn.test', { dns_cache_flags: 4, dns_try_ipv6: 0 }, 1)).toEqual(['udp 127.0.0.5:1']);
    const all = await resolver(FAILOVER, () => 0, true).resolve('cn.test', 1, undefined);
    expect(all.map((t) => t.ip)).toEqual(['127.0.0.5', '2001:db8::1:0:0:5']);
  });

  test('literal addresses never wait', () => {
    expect(resolver().resolve('[::1]', 0, undefined, true)).toEqual([{ proto: 'tls', ip: '::1', port: 5061 }]);
  });

  test('what scripts ask for', async () => {
    const r = resolver();
    expect(await r.addresses('10.0.0.1')).toEqual(['10.0.0.1']);
    expect(await r.addresses('both.test')).toEqual(['127.0.0.5', '2001:db8::1:0:0:5']);
    expect((await r.srv('_sip._udp.srv.test')).map((s) => `${s.priority} ${s.weight} ${s.name}:${s.port}`)).toEqual([
      '10 60 busy.test:7003',
      '10 40 one.test:7003',
      '20 0 two.test:7001',
    ]);
    expect((await r.naptr('naptr.test')).map((n) => n.replacement)).toContain('_sip._udp.naptr.test');
  });

  test('weights: by chance within a priority', () => {
    const group = [srv('s', 1, 60, 1, 'a'), srv('s', 1, 40, 2, 'b'), srv('s', 2, 0, 3, 'c')];
    const order = (x: number) => spread(group, () => x).map((r) => r.target);
    expect([order(0.1), order(0.7)]).toEqual([
      ['a', 'b', 'c'],
      ['b', 'a', 'c'],
    ]);
  });
});

describe('asking', () => {
  const client = new DnsClient(conf);

  test('a reply cut short is asked for over TCP', async () => {
    expect(await client.ask('long.test', 'TXT', {})).toEqual([RECORDS[16]]);
  });

  test('names in the search list, unless that is off', async () => {
    expect(await client.ask('short', 'A', {})).toEqual([a('short', '127.0.0.7')]);
    expect(await client.ask('short', 'A', { useSearch: false })).toEqual([]);
  });

  test('no answer is no record', async () => {
    expect(await client.ask('silent.test', 'A', { useSearch: false })).toBeUndefined();
    expect(
      await new DnsClient(async () => ({ ...(await conf()), servers: [] })).ask('x.test', 'A', {}),
    ).toBeUndefined();
    expect(await client.ask(`${'x'.repeat(64)}.test`, 'A', {})).toBeUndefined();
  });

  test('the cache: once for many, again when the time is over', async () => {
    let now = 0;
    const cached = resolver({ dns_cache_negative_ttl: 5, dns_use_search_list: 0 }, () => now);
    dns.asked();
    await Promise.all([cached.resolve('one.test', 1, undefined), cached.resolve('one.test', 1, undefined)]);
    now = 299_000;
    await cached.resolve('ONE.test', 1, undefined);
    expect(dns.asked()).toEqual(['A one.test']);
    now = 301_000;
    await cached.resolve('one.test', 1, undefined);
    await cached.resolve('gone.test.', 1, undefined);
    await cached.resolve('gone.test', 1, undefined);
    now = 307_000;
    await cached.resolve('gone.test', 1, undefined);
    const gone = ['A gone.test', 'AAAA gone.test'];
    expect(dns.asked()).toEqual(['A one.test', ...gone, ...gone]);
    const fresh = resolver({ use_dns_cache: 0 });
    await fresh.resolve('one.test', 1, undefined);
    await fresh.resolve('one.test', 1, undefined);
    expect(dns.asked()).toEqual(['A one.test', 'A one.test']);
  });
});

describe('cache', () => {
  const limits = {
    negativeTtl: 60,
    minTtl: 10,
    maxTtl: 100,
    memory: 1000,
    dropGood: false,
    preference: 0,
    cleanEvery: 120,
  };

  test('a time to live that the caller gives counts in place of that of the records', async () => {
    let now = 0;
    const cached = resolver({ dns_use_search_list: 0 }, () => now);
    dns.asked();
    await cached.resolve('one.test', 5060, 'udp', false, 20);
    now = 19_000;
    await cached.resolve('one.test', 5060, 'udp', false, 20);
    expect(dns.asked()).toEqual(['A one.test']);
    now = 21_000;
    await cached.resolve('one.test', 5060, 'udp', false, 20);
    expect(dns.asked()).toEqual(['A one.test']);
  });

  test('bounds of the time to live, permanent entries', () => {
    let now = 0;
    const cache = new DnsCache(
      () => now,
      () => limits,
    );
    cache.put('a', 'A', [a('a', '1.1.1.1', 1)]);
    cache.put('b', 'A', [a('b', '1.1.1.1', 1000)]);
    cache.put('c', 'A', [a('c', '1.1.1.1', 1)], true);
    now = 11_000;
    expect([cache.get('a', 'A'), cache.get('b', 'A')?.expires]).toEqual([undefined, 100_000]);
    now = 101_000;
    expect([...cache.entries()].map((e) => e.name)).toEqual(['c']);
    expect([cache.delete('c', 'A'), cache.delete('b', 'A')]).toEqual(['permanent', 'missing']);
    cache.clear(true);
    expect(cache.used).toBe(0);
  });

  test('memory: what is full takes nothing, or lets the oldest go', () => {
    for (const dropGood of [false, true]) {
      let now = 0;
      const cache = new DnsCache(
        () => now++,
        () => ({ ...limits, dropGood }),
      );
      for (let i = 0; i < 50; i++) cache.put(`n${i}`, 'A', [a(`n${i}`, '1.1.1.1', 90)]);
      expect(cache.used).toBeLessThanOrEqual(1000);
      expect([cache.get('n0', 'A') !== undefined, cache.get('n49', 'A') !== undefined]).toEqual([!dropGood, dropGood]);
    }
  });

  test('which of two records stays', () => {
    const ttls = [1, 3].map((preference) => {
      const cache = new DnsCache(
        () => 0,
        () => ({ ...limits, preference }),
      );
      for (const ttl of [50, 40, 60]) cache.put('a', 'A', [a('a', '1.1.1.1', ttl)]);
      return cache.get('a', 'A')?.expires;
    });
    expect(ttls).toEqual([50_000, 60_000]);
  });
});

describe('texts', () => {
  test('resolv.conf, hosts and name servers', () => {
    const text =
      '# x\nnameserver 10.0.0.1\nnameserver ::1 # y\nsearch a.org b.org\noptions ndots:2 timeout:1 attempts:99\n';
    expect(parseResolvConf(text)).toEqual({
      servers: [
        { ip: '10.0.0.1', port: 53 },
        { ip: '::1', port: 53 },
      ],
      search: ['a.org', 'b.org'],
      ndots: 2,
      timeout: 1,
      attempts: 5,
    });
    expect([...parseHosts('127.0.0.1 localhost Me # c\n::1 localhost\nbad x\n')]).toEqual([
      ['localhost', ['127.0.0.1', '::1']],
      ['me', ['127.0.0.1']],
    ]);
    expect(parseNameServers('10.0.0.1 [::1]:5353,127.0.0.1:54').map((s) => `${s.ip} ${s.port}`)).toEqual([
      '10.0.0.1 53',
      '::1 5353',
      '127.0.0.1 54',
    ]);
    expect(() => parseNameServers('dns.example')).toThrow("name server 'dns.example'");
  });

  test('whatever comes in a reply, reading it does not fail', () => {
    const start = encodeQuestion(7, 'a.b', 'NAPTR')!;
    start.writeUInt16BE(0x8180, 2);
    start.writeUInt16BE(9, 6);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, whole) => {
        decodeReply(whole ? Buffer.from(bytes) : Buffer.concat([start, Buffer.from(bytes)]));
      }),
    );
    // a name that points to itself
    expect(decodeReply(Buffer.concat([start, Buffer.from([0xc0, start.length])]))).toBeUndefined();
  });
});
