import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFlow, encodeFlow } from '../../../src/modules/outbound/flow-token.js';

const KEY = Buffer.alloc(20, 7);
const OTHER = Buffer.alloc(20, 8);

test('a token gives the flow again, to who signed it alone', () => {
  const ports = fc.integer({ min: 1, max: 65_535 });
  const proto = fc.constantFrom('udp', 'tcp', 'tls', 'ws', 'wss');
  fc.assert(
    fc.property(proto, fc.constantFrom(4, 6), ports, ports, (proto, af, localPort, remotePort) => {
      const [localIp, remoteIp] = af === 4 ? ['127.0.0.1', '192.0.2.9'] : ['::1', '2001:db8::7'];
      const flow = { proto, localIp, localPort, remoteIp, remotePort } as const;
      const token = encodeFlow(flow, KEY)!;
      expect(decodeFlow(token, KEY)).toEqual(flow);
      expect(decodeFlow(token, OTHER)).toBe('broken');
    }),
  );
});

test('any text: nothing is thrown, no flow comes of it', () => {
  const likely = fc.uint8Array({ minLength: 20, maxLength: 50 }).map((b) => Buffer.from(b).toString('base64'));
  fc.assert(
    fc.property(fc.oneof(fc.string(), likely), (text) => {
      expect(['none', 'broken']).toContain(decodeFlow(text, KEY));
    }),
  );
});
