/** RPC commands of core, kex, sl, corex and cfgutils against what kamcmd printed on the reference server. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cfgutils } from '../../src/modules/cfgutils.js';
import { corex } from '../../src/modules/corex/index.js';
import { kex } from '../../src/modules/kex/index.js';
import { sl } from '../../src/modules/sl.js';
import { CORE_RPC } from '../../src/runtime/core/rpc.js';
import { replyStateless } from '../../src/runtime/replies.js';
import { listenSocket } from '../../src/sip/transport.js';
import { type FakeHost, fakeContext, fakeHost, fakeProgram } from '../support/fake-host.js';
import { kamcmd } from '../support/kamcmd.js';

interface Recorded {
  readonly commands: readonly (readonly string[])[];
  readonly printed: readonly string[];
}

function recorded(name: string): Recorded {
  const read = (file: string) =>
    readFileSync(new URL(`../conformance/cases/${name}/${file}`, import.meta.url), 'utf8')
      .replaceAll('{{PORT}}', '21000')
      .replaceAll('{{PORT2}}', '21005');
  const { steps } = JSON.parse(read('steps.json')) as { steps: { kamcmd?: string[] }[] };
  const { rpc } = JSON.parse(read('expected.json')) as { rpc: string[] };
  return { commands: steps.flatMap((s) => (s.kamcmd === undefined ? [] : [s.kamcmd])), printed: rpc };
}

const COMMANDS = { ...CORE_RPC, ...kex.rpc, ...sl.rpc, ...corex.rpc, ...cfgutils.rpc };

async function compare(name: string, host: FakeHost): Promise<void> {
  const { commands, printed } = recorded(name);
  for (const [i, command] of commands.entries()) {
    const [method = '', ...args] = command;
    expect(await kamcmd(host, COMMANDS, method, ...args), command.join(' ')).toBe(printed[i]);
  }
}

/** A host that counts. */
function countingHost(options: Parameters<typeof fakeHost>[0] = {}): FakeHost {
  const host = fakeHost(options);
  host.count = (name, by = 1) => {
    host.statistics.set(name, Number(host.statistics.get(name) ?? 0) + by);
  };
  return host;
}

test('statistics of stateless replies', async () => {
  const states: Record<string, unknown> = {};
  const host = countingHost({ states });
  states.kex = kex.start(host);
  states.sl = sl.start(host);
  const ctx = fakeContext(undefined, { host });
  for (const hook of host.hooks.beforeRequest) hook(ctx);
  for (const code of [404, 499, 150]) replyStateless(ctx, code, 'x');
  await compare('sl/tags-and-statistics', host);
});

test('sockets, aliases and log level', async () => {
  const sockets = [
    listenSocket('udp', '127.0.0.1', 21000),
    listenSocket('udp', '127.0.0.1', 21005, { name: 'second', advertised: { host: '192.0.2.1', port: 5090 } }),
  ];
  const names = ['pv', 'xlog', 'corex', 'ctl', 'jsonrpcs'];
  const program = fakeProgram({ modules: names.map((name) => ({ name, doc: '' })) });
  const span = { file: '', line: 0, column: 0, endLine: 0, endColumn: 0, order: 0 };
  const alias = [
    { hosts: ['my.example'], port: 5070, span },
    { proto: 'udp', hosts: ['foo.example'], span },
    { hosts: ['other.example'], span },
  ];
  const host = countingHost({ sockets, program: { ...program, core: { ...program.core, alias } } });
  await compare('corex/listening-sockets', host);
});

test('global flags and probability', async () => {
  const states: Record<string, unknown> = {};
  const params = { initial_probability: 10, initial_gflags: 0, hash_file: null, lock_set_size: 0 };
  const host = countingHost({ states, program: fakeProgram({ params: { cfgutils: params } }) });
  states.cfgutils = cfgutils.start(host, params);
  await compare('cfgutils/corners', host);
});
