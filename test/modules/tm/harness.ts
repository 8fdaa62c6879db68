/** A server without a network for tests of tm: routes are functions, messages come in as text, time is virtual. */

import { tm as tmModule } from '../../../src/modules/tm/index.js';
import { tmParams } from '../../../src/modules/tm/params.js';
import type { Tm } from '../../../src/modules/tm/state.js';
import { NOWHERE } from '../../../src/parser/problem.js';
import { Context, ROUTE } from '../../../src/runtime/context.js';
import type { Route } from '../../../src/runtime/program.js';
import { runRoute } from '../../../src/runtime/run.js';
import { type FakeHost, fakeHost, fakeProgram, message, SOCKET } from '../../support/fake-host.js';

export type Body = (ctx: Context) => number | Promise<number>;

export interface Script {
  readonly request: Body;
  readonly reply?: Body;
  readonly failure?: Record<string, Body>;
  readonly branch?: Record<string, Body>;
  readonly onreply?: Record<string, Body>;
  readonly event?: Record<string, Body>;
  readonly params?: Record<string, number | string>;
}

export interface Harness {
  readonly host: FakeHost;
  readonly tm: Tm;
  /** Takes a message in and runs what a server runs. */
  receive(text: string, port?: number): Context;
  /** Start lines of what was sent since the last call, with the port they went to. */
  taken(): string[];
  /** Texts of what was sent since the last call. */
  texts(): string[];
}

function table(table: Route['table'], routes: Record<string, Body> = {}): ReadonlyMap<string, Route> {
  return new Map(
    Object.entries(routes).map(([name, run]) => [
      name,
      { name, table, run, isAsync: false, span: NOWHERE, text: name },
    ]),
  );
}

function defaults(given: Record<string, number | string> = {}): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, def] of Object.entries(tmParams)) out[name] = given[name] ?? def.default;
  return out;
}

export function harness(script: Script): Harness {
  const program = {
    ...fakeProgram({ params: { tm: defaults(script.params) } }),
    routes: {
      request: table('request', { '': script.request }),
      reply: table('reply', { ...(script.reply ? { '': script.reply } : {}), ...script.onreply }),
      failure: table('failure', script.failure),
      branch: table('branch', script.branch),
      onsend: table('onsend'),
      event: table('event', script.event),
    },
  };
  const states: Record<string, unknown> = {};
  const host = fakeHost({ program, states });
  const tm = tmModule.start(host);
  states.tm = tm;
  tmModule.ready(host, tm);
  let read = 0;
  const news = () => {
    const from = read;
    read = host.sent.length;
    return host.sent.slice(from);
  };
  return {
    host,
    tm,
    receive: (text, port = 5071) => receive(host, text, port),
    taken: () => news().map(({ data, to }) => `${to.port} ${data.slice(0, data.indexOf('\r\n'))}`),
    texts: () => news().map(({ data }) => data),
  };
}

function receive(host: FakeHost, text: string, port: number): Context {
  const msg = message(text, { srcPort: port, socket: SOCKET });
  const ctx = new Context(host, host.program, msg, msg.isRequest ? ROUTE.REQUEST : ROUTE.CORE_ONREPLY);
  const route = host.program.routes[msg.isRequest ? 'request' : 'reply'].get('');
  if (route !== undefined) void runRoute(ctx, route);
  const hooks = msg.isRequest ? host.hooks.afterRequest : host.hooks.onReply;
  for (const hook of hooks) void hook(ctx);
  return ctx;
}

export function request(
  method: string,
  extra: { branch?: string; uri?: string; headers?: string; cseq?: number } = {},
): string {
  const { branch = 'one', uri = 'sip:bob@127.0.0.1:5072', headers = '', cseq = 1 } = extra;
  return `${method} ${uri} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK-${branch}
Max-Forwards: 70
From: <sip:alice@example.org>;tag=a1
To: <sip:bob@example.org>
Call-ID: call-1@a
CSeq: ${cseq} ${method}
${headers}Content-Length: 0

`;
}

/** A reply to a request that the server sent. */
export function replyTo(sent: string, code: number, reason = 'x', tag = 'uas-b'): string {
  const lines = sent.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l));
  const to = sent.split('\r\n').find((l) => l.startsWith('To:')) ?? '';
  const tagged = to.includes('tag=') || code === 100 ? to : `${to};tag=${tag}`;
  return `SIP/2.0 ${code} ${reason}\n${lines.join('\n')}\n${tagged}\nContent-Length: 0\n\n`;
}
