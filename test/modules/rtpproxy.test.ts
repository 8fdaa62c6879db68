import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { parsePlace, RtpNode } from '../../src/modules/rtpproxy/node.js';
import { parseOptions } from '../../src/modules/rtpproxy/options.js';
import { parseSet } from '../../src/modules/rtpproxy/sets.js';
import { fakeHost } from '../support/fake-host.js';

const SETTINGS = { rtpproxy_disable_tout: 60, rtpproxy_retr: 2, rtpproxy_tout: 0 };

describe('rtpproxy_sock', () => {
  test('sets, weights and places', () => {
    expect(parseSet('udp:127.0.0.1:7722')).toEqual({ id: 0, nodes: [{ url: 'udp:127.0.0.1:7722', weight: 1 }] });
    expect(parseSet(' 2 == udp:a:1=3  unix:/run/x ')).toEqual({
      id: 2,
      nodes: [
        { url: 'udp:a:1', weight: 3 },
        { url: 'unix:/run/x', weight: 1 },
      ],
    });
    expect(parseSet('x == udp:a:1')).toBe("invalid set id 'x'");
    expect(parseSet('2 ==')).toBe('empty list of RTP proxies');
    expect(parsePlace('udp6:[::1]:7')).toEqual({ kind: 'udp', family: 6, host: '::1', port: 7 });
    expect(parsePlace('/run/x')).toEqual({ kind: 'unix', path: '/run/x' });
  });
});

test('flags', () => {
  expect(parseOptions('coz20w')).toMatchObject({ sent: 'S', repacketize: 'Z20', common: true, trust: false });
  expect(parseOptions('cq')).toBe('q');
});

describe('an RTPproxy', () => {
  test('that nobody runs is out of use', async () => {
    const node = new RtpNode(fakeHost(), () => SETTINGS, 'udp:127.0.0.1:9', 1, 0);
    expect(await node.send('V')).toBeUndefined();
    expect(node.disabled).toBe(true);
    expect(await node.test(false)).toBe(false);
    await node.close();
  });

  test('that answers late or to someone else', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    let count = 0;
    socket.on('message', (data, from) => {
      const cookie = data.toString().split(' ')[0];
      // the first is lost
      if (count++ > 0)
        for (const text of ['other 9', `${cookie} 20040107\n`]) socket.send(text, from.port, from.address);
    });
    const settings = () => ({ ...SETTINGS, rtpproxy_tout: 0.05 });
    const node = new RtpNode(fakeHost(), settings, `udp:127.0.0.1:${socket.address().port}`, 1, 0);
    expect(await node.send('V')).toBe('20040107\n');
    await node.close();
    socket.close();
  });
});
