import { describe, expect, test } from 'vitest';
import { NOWHERE } from '../../src/parser/problem.js';
import type { ListenAddress } from '../../src/parser/tree.js';
import { Myself, type Network, planSockets } from '../../src/server/addresses.js';
import { listenSocket } from '../../src/sip/transport.js';

const network: Network = {
  interfaces: () => ({ lo: ['127.0.0.1', '::1'], eth0: ['192.0.2.7', 'fe80::1'] }),
  lookup: async (host) => (host === 'proxy.test' ? ['192.0.2.9'] : []),
};
const at = (hosts: string[], more: Partial<ListenAddress> = {}): ListenAddress => ({ span: NOWHERE, hosts, ...more });
const plan = async (...listen: ListenAddress[]) => {
  const { sockets, errors } = await planSockets(listen, { port: 5060, tlsPort: 5061, protos: ['udp', 'tcp'] }, network);
  return { texts: sockets.map((s) => s.text), errors: errors.map((e) => e.text), sockets };
};

describe('listening sockets', () => {
  test('without listen every address of IPv4 is used', async () => {
    expect((await plan()).texts).toEqual([
      'udp:127.0.0.1:5060',
      'tcp:127.0.0.1:5060',
      'udp:192.0.2.7:5060',
      'tcp:192.0.2.7:5060',
    ]);
  });

  test('with auto_bind_ipv6 those of IPv6 too, link-local ones apart', async () => {
    const defaults = { port: 5060, tlsPort: 5061, protos: ['udp', 'tcp'], autoIpv6: true } as const;
    expect((await planSockets([], defaults, network)).sockets.map((s) => s.text)).toEqual([
      'udp:127.0.0.1:5060',
      'tcp:127.0.0.1:5060',
      'udp:[::1]:5060',
      'tcp:[::1]:5060',
      'udp:192.0.2.7:5060',
      'tcp:192.0.2.7:5060',
    ]);
  });

  test('an interface, a name and a literal address with a transport', async () => {
    expect(
      (
        await plan(
          at(['eth0'], { proto: 'udp' }),
          at(['proxy.test'], { proto: 'tcp', port: 5080 }),
          at(['[::1]'], { proto: 'tls' }),
        )
      ).texts,
    ).toEqual(['udp:192.0.2.7:5060', 'tcp:192.0.2.9:5080', 'tls:[::1]:5061']);
  });

  test('a name that leads nowhere is an error, the others stand', async () => {
    expect(await plan(at(['nowhere.test']), at(['127.0.0.1'], { proto: 'udp' }))).toMatchObject({
      texts: ['udp:127.0.0.1:5060'],
      errors: ['could not resolve nowhere.test'],
    });
  });

  test('advertise takes the port of the socket when it names none', async () => {
    const { sockets } = await plan(at(['127.0.0.1'], { proto: 'udp', port: 5070, advertise: { host: 'pub.test' } }));
    expect(sockets[0]?.advertised).toEqual({ host: 'pub.test', port: 5070 });
  });
});

describe('is it me', () => {
  const me = new Myself([listenSocket('udp', '127.0.0.1', 5060)], [at(['any.test']), at(['one.test'], { port: 5070 })]);
  const cases: [host: string, port: number, mine: boolean][] = [
    ['127.0.0.1', 5060, true],
    ['127.0.0.1', 0, true],
    ['127.0.0.1', 5061, false],
    ['ANY.test', 1234, true],
    ['one.test', 5070, true],
    ['one.test', 5071, false],
    ['one.test', 0, true],
    ['other.test', 0, false],
  ];
  for (const [host, port, mine] of cases)
    test(`${host}:${port} is ${mine ? '' : 'not '}mine`, () => expect(me.has(host, port, undefined)).toBe(mine));
});
