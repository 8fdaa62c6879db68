/** What the recorded cases core/operand-* and expr/* cannot show of core operands. */
import { expect, test } from 'vitest';
import { NOWHERE } from '../../../src/parser/problem.js';
import type { CoreOperand } from '../../../src/parser/tree.js';
import type { Context } from '../../../src/runtime/context.js';
import { bindOperand } from '../../../src/runtime/core/operands.js';
import type { Value } from '../../../src/runtime/values.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeContext, fakeHost, message, OPTIONS } from '../../support/fake-host.js';

type Right = CoreOperand['right'];
const ip = (value: string, mask?: string): Right => ({ kind: 'ip', value, span: NOWHERE, ...(mask ? { mask } : {}) });
const id = (value: string): Right => ({ kind: 'id', value, span: NOWHERE });
const myself: Right = { kind: 'myself', span: NOWHERE };
const variable: Right = { kind: 'expr', expr: { kind: 'variable', text: '$x', span: NOWHERE } };

function bind(operand: string, op: CoreOperand['op'], right: Right, value?: Value) {
  const e: CoreOperand = { kind: 'operand', operand, op, right, span: NOWHERE };
  return bindOperand(e, fakeBindEnv({}), () => ({ get: () => value }));
}

function holds(ctx: Context, operand: string, op: CoreOperand['op'], right: Right, value?: Value): boolean {
  const bound = bind(operand, op, right, value);
  if ('error' in bound) throw new Error(bound.error);
  return bound.ok(ctx);
}

test('an operator that an operand has not is refused', () => {
  for (const [operand, op, right] of [
    ['method', '<', id('x')],
    ['method', '==', myself],
    ['src_ip', '>', ip('1.2.3.4')],
    ['src_port', '=~', variable],
    ['proto', '==', id('foo')],
    ['nonsense', '==', id('x')],
  ] as const) {
    expect('error' in bind(operand, op, right), `${operand} ${op}`).toBe(true);
  }
  const bad = { kind: 'expr', expr: { kind: 'string', value: '[', quote: '"', span: NOWHERE } } as const;
  const e: CoreOperand = { kind: 'operand', operand: 'uri', op: '=~', right: bad, span: NOWHERE };
  expect(bindOperand(e, fakeBindEnv({}), () => ({ constant: '[', get: () => '[' }))).toMatchObject({
    error: 'Bad regular expression "["',
  });
});

test('IPv6 addresses and nets, with and without brackets', () => {
  const socket = listenSocket('udp', '2001:db8::1', 5060);
  const ctx = fakeContext(message(OPTIONS, { srcIp: '2001:db8:0:1::5', socket }), {
    host: fakeHost({ sockets: [socket] }),
  });
  const yes: Right[] = [
    ip('2001:db8::', '32'),
    ip('[2001:db8:0:1::]', '64'),
    ip('2001:db8:0:1:0:0:0:5'),
    id('[2001:db8:0:1::5]'),
  ];
  for (const right of yes) expect(holds(ctx, 'src_ip', '==', right), JSON.stringify(right)).toBe(true);
  for (const right of [ip('2001:db8::', '64'), ip('127.0.0.1'), ip('0.0.0.0', '0')]) {
    expect(holds(ctx, 'src_ip', '==', right)).toBe(false);
    expect(holds(ctx, 'src_ip', '!=', right)).toBe(true);
  }
  expect(holds(ctx, 'dst_ip', '==', myself)).toBe(true);
  expect(holds(ctx, 'af', '==', id('INET6'))).toBe(true);
});

test('a name is looked up once a minute, and is nobody until it is found', async () => {
  let asked = 0;
  const host = fakeHost();
  const pending: Promise<unknown>[] = [];
  Object.assign(host, {
    resolver: {
      resolve: async () => {
        asked++;
        return [{ proto: 'udp', ip: '127.0.0.1', port: 5060 }];
      },
    },
    detach: (work: Promise<unknown>) => pending.push(work),
  });
  const ctx = fakeContext(OPTIONS, { host });
  const bound = bind('src_ip', '==', id('pbx.example'));
  if ('error' in bound) throw new Error(bound.error);
  expect(bound.ok(ctx)).toBe(false);
  await Promise.all(pending);
  expect(bound.ok(ctx)).toBe(true);
  expect(asked).toBe(1);
  host.clock.advance(61_000);
  expect(bound.ok(ctx)).toBe(true);
  expect(asked).toBe(2);
});

test('what is sent is known in onsend_route alone', () => {
  const ctx = fakeContext();
  expect(holds(ctx, 'snd_port', '==', variable, 5060)).toBe(false);
  expect(holds(ctx, 'snd_ip', '!=', ip('10.0.0.1'))).toBe(true);
  const socket = listenSocket('tcp', '127.0.0.1', 5062);
  ctx.sending = { text: 'x'.repeat(50), to: { proto: 'tcp', ip: '192.0.2.1', port: 5070, socket } };
  expect(holds(ctx, 'snd_port', '==', variable, 5062)).toBe(true);
  expect(holds(ctx, 'to_port', '>', variable, 5069)).toBe(true);
  expect(holds(ctx, 'to_ip', '==', ip('192.0.2.0', '24'))).toBe(true);
  expect(holds(ctx, 'to_proto', '==', id('TCP'))).toBe(true);
  expect(holds(ctx, 'msg:len', '==', variable, 50)).toBe(true);
});
