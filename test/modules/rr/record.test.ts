import { describe, expect, test } from 'vitest';
import { rr } from '../../../src/modules/rr/index.js';
import { looseRoute } from '../../../src/modules/rr/loose.js';
import { addRrParam, recordRoute, recordRouteAdvertised } from '../../../src/modules/rr/record.js';
import { directionOf, RR, routeParam, UPSTREAM } from '../../../src/modules/rr/state.js';
import { Context, ROUTE } from '../../../src/runtime/context.js';
import { buildForward } from '../../../src/sip/build.js';
import { type ListenSocket, listenSocket } from '../../../src/sip/transport.js';
import { fakeHost, fakeProgram, message } from '../../support/fake-host.js';

const UDP = listenSocket('udp', '127.0.0.1', 5070);
const OTHER = listenSocket('udp', '127.0.0.1', 5080);
const TCP = listenSocket('tcp', '127.0.0.1', 5070);
const V6 = listenSocket('udp', '::1', 5060);
const DEFAULTS = Object.fromEntries(Object.entries(rr.params).map(([name, def]) => [name, def.default]));

function context(headers = '', routeType: number = ROUTE.REQUEST): Context {
  const program = fakeProgram({ params: { rr: DEFAULTS } });
  const host = fakeHost({ sockets: [UDP, OTHER, TCP, V6], program, states: { rr: rr.start() } });
  const text = `BYE sip:bob@192.0.2.7 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK-1
From: <sip:alice@example.org>;tag=a1
To: <sip:bob@example.org>;tag=b1
Call-ID: c1
CSeq: 1 BYE
${headers}Content-Length: 0

`;
  return new Context(host, program, message(text, { socket: UDP }), routeType);
}

/** Lines of a header as they leave by `socket`. */
function sent(ctx: Context, name: string, socket: ListenSocket = UDP): string[] {
  const text = buildForward(ctx.msg, { via: '', leaving: { sendSocket: socket } });
  return text.split('\r\n').filter((line) => line.startsWith(`${name}:`));
}

const PAIRS: [what: string, out: ListenSocket, lines: string[]][] = [
  ['one socket', UDP, ['Record-Route: <sip:127.0.0.1:5070;lr;ftag=a1>']],
  [
    'another port',
    OTHER,
    ['Record-Route: <sip:127.0.0.1:5080;r2=on;lr;ftag=a1>', 'Record-Route: <sip:127.0.0.1:5070;r2=on;lr;ftag=a1>'],
  ],
  [
    'another protocol',
    TCP,
    [
      'Record-Route: <sip:127.0.0.1:5070;transport=tcp;r2=on;lr;ftag=a1>',
      'Record-Route: <sip:127.0.0.1:5070;r2=on;lr;ftag=a1>',
    ],
  ],
  [
    'another family',
    V6,
    ['Record-Route: <sip:[::1];r2=on;lr;ftag=a1>', 'Record-Route: <sip:127.0.0.1:5070;r2=on;lr;ftag=a1>'],
  ],
];

describe('record_route()', () => {
  for (const [what, socket, lines] of PAIRS) {
    test(`names the sockets of both sides: ${what}`, () => {
      const ctx = context();
      expect(recordRoute(ctx, '')).toBe(1);
      expect(sent(ctx, 'Record-Route', socket)).toEqual(lines);
    });
  }

  test('works once for a request', () => {
    const ctx = context();
    expect([recordRoute(ctx, ''), recordRoute(ctx, '')]).toEqual([1, -1]);
    expect(sent(ctx, 'Record-Route')).toHaveLength(1);
  });

  test('a parameter added later goes into both of a pair, and not into a copy made before', () => {
    const ctx = context();
    recordRoute(ctx, '');
    const before = ctx.msg.clone();
    addRrParam(ctx, ';x=1');
    expect(sent(ctx, 'Record-Route', OTHER).every((line) => line.endsWith(';ftag=a1;x=1>'))).toBe(true);
    expect(buildForward(before, { via: '', leaving: { sendSocket: UDP } })).not.toContain('x=1');
  });

  test('an advertised address is doubled only where the protocol changes', () => {
    const ctx = context();
    recordRouteAdvertised(ctx, '203.0.113.5:5062');
    expect(sent(ctx, 'Record-Route', OTHER)).toHaveLength(1);
    expect(sent(ctx, 'Record-Route', TCP)).toEqual([
      'Record-Route: <sip:203.0.113.5:5062;transport=tcp;r2=on;ftag=a1;lr>',
      'Record-Route: <sip:203.0.113.5:5062;transport=udp;r2=on;ftag=a1;lr>',
    ]);
  });
});

describe('loose_route()', () => {
  test('takes both of a pair off, over line ends too, and sends from the second', () => {
    const ctx = context(
      'Route: <sip:127.0.0.1:5070;r2=on;lr;ftag=b1>\nRoute: <sip:127.0.0.1:5080;r2=on;lr;ftag=b1>, <sip:h;lr>\n',
    );
    expect(looseRoute(ctx)).toBe(1);
    expect([ctx.msg.sendSocket, ctx.msg.dstUri]).toEqual([OTHER, 'sip:h;lr']);
    expect(sent(ctx, 'Route')).toEqual(['Route: <sip:h;lr>']);
    expect([directionOf(ctx), routeParam(ctx, 'ftag')]).toEqual([UPSTREAM, 'b1']);
  });

  test('tells modules the parameters of the Route that was ours', () => {
    const ctx = context('Route: <sip:127.0.0.1:5070;lr;did=a.b>\n');
    const told: string[] = [];
    ctx.host.state(RR).onRoute.push((_ctx, params) => told.push(params));
    looseRoute(ctx);
    expect(told).toEqual(['lr;did=a.b']);
  });
});
