/** Selects as Kamailio 5.6.3 printed them. */
import { expect, test } from 'vitest';
import { CORE_VARIABLES, PV_VARIABLES } from '../../../src/runtime/variables/index.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeHost, fakeProgram } from '../../support/fake-host.js';
import { messageOf, missingLine, PORT, play, recordedCase, requestRoute } from '../../support/recorded.js';

const CASES: readonly [name: string, lines: number][] = [
  ['pv/selects', 6],
  ['pv/selects-more', 4],
];

const socket = listenSocket('udp', '127.0.0.1', PORT);
/** A line that prints what an expression gave needs the compiler. */
const isPlain = (line: string): boolean => !line.startsWith('assigned');

for (const [name, lines] of CASES) {
  test(name, () => {
    const { script, sent, log } = recordedCase(name);
    const host = fakeHost({ sockets: [socket], program: fakeProgram() });
    const env = fakeBindEnv({ pvs: { ...CORE_VARIABLES, ...PV_VARIABLES }, vars: host.vars });
    const body = requestRoute(script);
    const printed = sent
      .flatMap((text) => play(body, messageOf(text, socket), host, { env, functions: {}, params: {} }))
      .filter(isPlain);
    expect(missingLine(printed, log), `of\n${log.join('\n')}\nin\n${printed.join('\n')}`).toBeUndefined();
    expect(printed.length).toBeGreaterThanOrEqual(lines);
  });
}
