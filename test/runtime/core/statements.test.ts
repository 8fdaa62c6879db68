/** What the recorded cases core/* cannot show of the core's statements: what is refused at load, and what waits. */
import { describe, expect, test } from 'vitest';
import { NOWHERE } from '../../../src/parser/problem.js';
import type { CoreArg } from '../../../src/parser/tree.js';
import type { Context } from '../../../src/runtime/context.js';
import { settingFor } from '../../../src/runtime/core/cfg.js';
import { CORE_STATEMENTS } from '../../../src/runtime/core/statements.js';
import { addAvp } from '../../../src/runtime/message-env.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeContext, fakeHost, fakeProgram, message, OPTIONS } from '../../support/fake-host.js';

const string = (value: string): CoreArg => ({ kind: 'string', value, span: NOWHERE });
const number = (value: number): CoreArg => ({ kind: 'number', value, span: NOWHERE });

function statement(name: string) {
  const found = CORE_STATEMENTS[name];
  if (found === undefined) throw new Error(`no statement ${name}`);
  return found;
}

function run(ctx: Context, name: string, ...args: CoreArg[]): number | Promise<number> {
  const env = fakeBindEnv({});
  const bound = statement(name).bind(args, { ...env, flags: new Map([['alpha', 3]]), avpFlags: new Map([['one', 0]]) });
  if ('error' in bound) throw new Error(bound.error);
  return bound.ok(ctx);
}

describe('what is refused at load', () => {
  const refused: [name: string, args: CoreArg[], why: RegExp][] = [
    ['setflag', [number(32)], /bad flag value/],
    ['setflag', [number(-1)], /bad flag value/],
    ['setflag', [string('beta')], /flag not declared/],
    ['setavpflag', [string('a'), string('two')], /avpflag not declared/],
    ['setavpflag', [string(''), string('one')], /bad parameters/],
    ['strip', [string('x')], /number expected/],
    ['force_send_socket', [string('udp:')], /\[proto:\]host/],
    ['force_send_socket', [string('foo:127.0.0.1')], /\[proto:\]host/],
    ['udp_mtu_try_proto', [string('WS')], /UDP, TCP, TLS or SCTP/],
    ['cfg_select', [string('g')], /string and number/],
    ['forward', [string('h'), { kind: 'uri-port', span: NOWHERE }], /uri:port/],
  ];
  for (const [name, args, why] of refused) {
    test(`${name}(${args.map((a) => ('value' in a ? a.value : a.kind)).join(', ')})`, () => {
      const env = { ...fakeBindEnv({}), flags: new Map([['alpha', 3]]), avpFlags: new Map([['one', 0]]) };
      const bound = statement(name).bind(args, env);
      expect('error' in bound && bound.error).toMatch(why);
    });
  }
});

test('only forwarding to what is no literal address may wait', () => {
  const waits = (name: string, ...args: CoreArg[]) => statement(name).waits?.(args) ?? false;
  expect(waits('forward')).toBe(true);
  expect(waits('forward', string('h.example'), number(5060))).toBe(true);
  expect(waits('forward', string('192.0.2.1'))).toBe(false);
  expect(waits('forward_udp', { kind: 'ip', value: '[2001:db8::1]', span: NOWHERE })).toBe(false);
  for (const name of Object.keys(CORE_STATEMENTS)) if (!name.startsWith('forward')) expect(waits(name)).toBe(false);
});

test('every statement has a sentence of its own', () => {
  for (const [name, { doc }] of Object.entries(CORE_STATEMENTS)) expect(doc, name).toMatch(/^[A-Z].*\.$/);
});

test('flags of AVPs are kept with the value', () => {
  const ctx = fakeContext();
  addAvp(ctx.env, 's:a', 'x');
  expect(run(ctx, 'isavpflagset', string('$a'), string('one'))).toBe(-1);
  expect(run(ctx, 'setavpflag', string('a'), string('one'))).toBe(1);
  expect(run(ctx, 'isavpflagset', string('$a'), string('one'))).toBe(1);
  expect(run(ctx, 'resetavpflag', string('$a'), string('one'))).toBe(-1);
  expect(run(ctx, 'setavpflag', string('none'), string('one'))).toBe(-1);
});

test('a socket that does not listen is not taken', () => {
  const ctx = fakeContext();
  expect(run(ctx, 'force_send_socket', string('udp:127.0.0.1:5060'))).toBe(1);
  expect(ctx.msg.sendSocket?.text).toBe('udp:127.0.0.1:5060');
  expect(run(ctx, 'force_send_socket', string('127.0.0.9'))).toBe(-1);
});

test('a TCP alias is for the connection of the request', () => {
  const asked: [number, number][] = [];
  const tcp = listenSocket('tcp', '127.0.0.1', 5060);
  const host = fakeHost({ sockets: [tcp] });
  host.aliasConnection = (id, port) => asked.push([id, port]) > 0;
  const msg = message(OPTIONS, { proto: 'tcp', socket: tcp, connection: 7 });
  expect(run(fakeContext(msg, { host }), 'force_tcp_alias')).toBe(1);
  expect(run(fakeContext(msg, { host }), 'add_tcp_alias', number(5070))).toBe(1);
  expect(run(fakeContext(OPTIONS, { host }), 'force_tcp_alias')).toBe(1);
  expect(asked).toEqual([
    [7, 5071],
    [7, 5070],
  ]);
});

test('cfg_select() chooses among instances, for this message alone', () => {
  const globals = new Map<string, number | string>([
    ['g.x', 1],
    ['g[2].x', 20],
    ['g.y', 5],
  ]);
  const host = fakeHost({ program: fakeProgram({ globals }) });
  const ctx = fakeContext(OPTIONS, { host });
  expect(run(ctx, 'cfg_select', string('g'), number(3))).toBe(-1);
  expect(run(ctx, 'cfg_select', string('g'), number(2))).toBe(1);
  expect([settingFor(ctx, 'g', 'x'), settingFor(ctx, 'g', 'y')]).toEqual([20, 5]);
  expect(settingFor(fakeContext(OPTIONS, { host }), 'g', 'x')).toBe(1);
  run(ctx, 'cfg_reset', string('g'));
  expect(settingFor(ctx, 'g', 'x')).toBe(1);
});

test('exec() runs the command and is true whatever it gives', () => {
  const ctx = fakeContext();
  expect(run(ctx, 'exec', string('exit 3'))).toBe(1);
  const { host } = ctx;
  expect('lines' in host && JSON.stringify(host.lines)).toContain('exec() returned 3');
});
