/** Plays a recorded case on modules without a server, and tells what of it differs from the recording. */
import { readFileSync } from 'node:fs';
import type { ModuleDefinition } from '../../src/runtime/module.js';
import { CORE_VARIABLES } from '../../src/runtime/variables/index.js';
import { rebuild } from '../../src/sip/build.js';
import { listenSocket } from '../../src/sip/transport.js';
import { fakeBindEnv, fakeHost } from './fake-host.js';
import { messageOf, missingLine, PORT, play, recordedCase, requestRoute } from './recorded.js';

const SOCKET = listenSocket('udp', '127.0.0.1', PORT);

export interface Played {
  readonly printed: string[];
  /** First printed line that the recording has not. */
  readonly wrongLine: string | undefined;
  /** Headers (but Via and Max-Forwards, sorted) and body of the messages as changed. */
  readonly changed: string[];
  /** The same of what the reference server sent on. */
  readonly forwarded: string[];
}

function modparams(script: string, module: string): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const m of script.matchAll(/modparam\("(\w+)", "(\w+)", "([^"]*)"\)/g)) {
    if (m[1] === module) out[m[2]!] = [...(out[m[2]!] ?? []), m[3]!];
  }
  return out;
}

function defaults(module: ModuleDefinition): Record<string, unknown> {
  const entries = Object.entries(module.params ?? {});
  return Object.fromEntries(entries.flatMap(([name, p]) => (p.type === 'alias' ? [] : [[name, p.default]])));
}

export async function playModules(name: string, modules: readonly ModuleDefinition[]): Promise<Played> {
  const { script, sent, log } = recordedCase(name);
  const params = Object.fromEntries(modules.map((m) => [m.name, { ...defaults(m), ...modparams(script, m.name) }]));
  const states: Record<string, unknown> = {};
  const host = fakeHost({ sockets: [SOCKET], states });
  for (const m of modules) states[m.name] = await m.start?.(host, params[m.name] ?? {});
  const all = <T>(of: (m: ModuleDefinition) => Readonly<Record<string, T>> | undefined): Record<string, T> =>
    Object.assign({}, ...modules.map(of));
  const env = fakeBindEnv({
    pvs: { ...CORE_VARIABLES, ...all((m) => m.pvs) },
    transformations: all((m) => m.transformations),
    selects: all((m) => m.selects),
    vars: host.vars,
    params,
  });
  const player = { env, functions: all((m) => m.functions), params: Object.assign({}, ...Object.values(params)) };
  const body = requestRoute(script);
  const messages = sent.map((text) => messageOf(text, SOCKET));
  const printed = messages.flatMap((msg) => play(body, msg, host, player));
  const expected = JSON.parse(
    readFileSync(new URL(`../conformance/cases/${name}/expected.json`, import.meta.url), 'utf8'),
  ) as { received: Record<string, string[]> };
  return {
    printed,
    wrongLine: missingLine(printed, log),
    changed: messages.map((msg) => comparable(rebuild(msg).replace(/\r\n/g, '\n'))),
    forwarded: (expected.received.b ?? []).map(comparable),
  };
}

function comparable(text: string): string {
  const at = text.indexOf('\n\n');
  const headers = text
    .slice(0, at)
    .split('\n')
    .slice(1)
    .filter((h) => !/^(Via|Max-Forwards|Contact|Route|Record-Route):/.test(h));
  return `${headers.sort().join('\n')}\n${text.slice(at)}`;
}
