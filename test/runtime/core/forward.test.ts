/** Stateless forwarding where the recorded cases do not reach: names, streams, long requests. */
import { describe, expect, test } from 'vitest';
import { FORWARD_ERROR, forwardReply, forwardRequest } from '../../../src/runtime/core/forward.js';
import type { Resolver } from '../../../src/runtime/host.js';
import { type ListenSocket, listenSocket } from '../../../src/sip/transport.js';
import {
  type FakeHost,
  fakeContext,
  fakeHost,
  fakeProgram,
  message,
  OPTIONS,
  SOCKET,
} from '../../support/fake-host.js';

const TCP = listenSocket('tcp', '127.0.0.1', 5060);

function server(options: {
  sockets?: readonly ListenSocket[];
  core?: Record<string, number | string>;
  resolve?: Resolver['resolve'];
}): FakeHost {
  const program = fakeProgram({ coreValues: options.core ?? {} });
  const host = fakeHost({ sockets: options.sockets ?? [SOCKET, TCP], program });
  return options.resolve ? Object.assign(host, { resolver: { resolve: options.resolve } }) : host;
}

const REPLY = `SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-ours;i=1f
Via: SIP/2.0/TCP client.example:5071;branch=z9hG4bK-theirs
From: <sip:a@b>;tag=1
To: <sip:c@d>;tag=2
Call-ID: r
CSeq: 1 OPTIONS

`;

describe('a request', () => {
  test('to an address goes at once', () => {
    const host = server({});
    const ctx = fakeContext(OPTIONS, { host });
    ctx.msg.dstUri = 'sip:192.0.2.1';
    expect(forwardRequest(ctx)).toBe(1);
    expect(host.sent[0]?.to).toMatchObject({ proto: 'udp', ip: '192.0.2.1', port: 5060 });
  });

  test('to a name waits for the resolver, and takes its first answer', async () => {
    const asked: unknown[] = [];
    const resolve: Resolver['resolve'] = async (...what) => {
      asked.push(what);
      return [
        { proto: 'udp', ip: '192.0.2.7', port: 5090 },
        { proto: 'udp', ip: '192.0.2.8', port: 5090 },
      ];
    };
    const host = server({ resolve });
    const ctx = fakeContext(OPTIONS, { host });
    ctx.msg.dstUri = 'sip:next.example';
    const code = forwardRequest(ctx);
    expect(code).toBeInstanceOf(Promise);
    expect(await code).toBe(1);
    expect(asked).toEqual([['next.example', 0, undefined, false]]);
    expect(host.sent.map((s) => s.to.ip)).toEqual(['192.0.2.7']);
  });

  test('to a name that leads nowhere fails', async () => {
    const host = server({ resolve: async () => [] });
    const ctx = fakeContext(OPTIONS, { host });
    expect(await forwardRequest(ctx, { host: 'gone.example' })).toBe(FORWARD_ERROR.BAD_ADDRESS);
    expect(ctx.lastError).toBe(FORWARD_ERROR.BAD_ADDRESS);
  });

  test('to a sips URI goes over TLS', async () => {
    const tls = listenSocket('tls', '127.0.0.1', 5061);
    const host = server({ sockets: [SOCKET, tls] });
    const ctx = fakeContext(OPTIONS, { host });
    ctx.msg.dstUri = 'sips:192.0.2.1';
    expect(forwardRequest(ctx)).toBe(1);
    expect(host.sent[0]?.to).toMatchObject({ proto: 'tls', port: 5061 });
    expect(host.sent[0]?.data).toContain('Via: SIP/2.0/TLS 127.0.0.1:5061;branch=');
  });

  test('over a stream gets a Content-Length where it has none', () => {
    const host = server({});
    const ctx = fakeContext(OPTIONS.replace(/Content-Length: 0\n/, ''), { host });
    ctx.msg.dstUri = 'sip:192.0.2.1;transport=tcp';
    expect(forwardRequest(ctx)).toBe(1);
    expect(host.sent[0]?.data).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  test('that is too long for udp_mtu goes by the other transport, with its Via', () => {
    const host = server({ core: { udp_mtu: 300, udp_mtu_try_proto: 'TCP' } });
    const ctx = fakeContext(OPTIONS, { host });
    expect(forwardRequest(ctx, { host: '192.0.2.1', port: 5060 })).toBe(1);
    expect(host.sent[0]?.to).toMatchObject({ proto: 'tcp', socket: TCP });
    expect(host.sent[0]?.data).toContain('Via: SIP/2.0/TCP 127.0.0.1;branch=');
    const short = fakeContext(OPTIONS, { host: server({ core: { udp_mtu: 3000, udp_mtu_try_proto: 'TCP' } }) });
    expect(forwardRequest(short, { host: '192.0.2.1' })).toBe(1);
  });

  test('a retransmission gets the same branch, another request another one', () => {
    const host = server({});
    const branchOf = (text: string) => {
      const ctx = fakeContext(text, { host });
      forwardRequest(ctx, { host: '192.0.2.1' });
      return /branch=(\S+)/.exec(host.sent.at(-1)?.data ?? '')?.[1];
    };
    const first = branchOf(OPTIONS);
    expect(branchOf(OPTIONS)).toBe(first);
    expect(branchOf(OPTIONS.replace('z9hG4bK-opt1', 'z9hG4bK-opt2'))).not.toBe(first);
    expect(branchOf(OPTIONS.replace('branch=z9hG4bK-opt1', 'branch=1'))).not.toBe(first);
    expect(branchOf(OPTIONS.replace('branch=z9hG4bK-opt1', 'branch=1'))).toBe(
      branchOf(OPTIONS.replace('branch=z9hG4bK-opt1', 'branch=1')),
    );
  });
});

describe('a reply', () => {
  test('to a name is looked after by the host, and takes the connection of its request', async () => {
    const host = server({ resolve: async () => [{ proto: 'tcp', ip: '192.0.2.9', port: 5071 }] });
    const pending: Promise<unknown>[] = [];
    host.detach = (work) => void pending.push(work);
    forwardReply(fakeContext(REPLY, { host }));
    expect(host.sent).toEqual([]);
    await Promise.all(pending);
    expect(host.sent[0]?.to).toEqual({ proto: 'tcp', ip: '192.0.2.9', port: 5071, socket: TCP, connection: 0x1f });
    expect(host.sent[0]?.data).toMatch(/^SIP\/2\.0 200 OK\r\nVia: SIP\/2\.0\/TCP client\.example/);
    expect(host.sent[0]?.data).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  test('with check_via goes on only when the first Via is ours', () => {
    const via = (host: string) =>
      REPLY.replace('127.0.0.1;', `${host};`).replace('TCP client.example', 'UDP 192.0.2.5');
    const host = server({ core: { check_via: 1 } });
    forwardReply(fakeContext(via('192.0.2.66'), { host }));
    expect(host.sent).toEqual([]);
    forwardReply(fakeContext(via('127.0.0.1'), { host }));
    expect(host.sent.length).toBe(1);
  });

  test('with one Via, or one of a transport nobody knows, goes nowhere', () => {
    const host = server({});
    forwardReply(fakeContext(REPLY.replace(/Via: SIP\/2\.0\/TCP.*\n/, ''), { host }));
    forwardReply(fakeContext(REPLY.replace('TCP client', 'FOO client'), { host }));
    expect(host.sent).toEqual([]);
  });

  test('goes through onsend_route only where onsend_route_reply says so', () => {
    const text = REPLY.replace('TCP client.example', 'UDP 192.0.2.5');
    for (const [core, expected] of [
      [{}, 0],
      [{ onsend_route_reply: 1 }, 1],
    ] as const) {
      const host = server({ core });
      let seen = 0;
      host.sendFor = () => ++seen > 0;
      forwardReply(fakeContext(message(text), { host }));
      expect(seen).toBe(expected);
    }
  });
});
