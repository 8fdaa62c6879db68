/** Functions of module avpops as recorded cases printed them. */
import { describe, expect, test } from 'vitest';
import { avpops } from '../../../src/modules/avpops/index.js';
import { pv } from '../../../src/modules/pv/index.js';
import { CORE_VARIABLES } from '../../../src/runtime/variables/index.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeHost } from '../../support/fake-host.js';
import { messageOf, missingLine, modparams, PORT, play, recordedCase, requestRoute } from '../../support/recorded.js';

/** Cases, with how many of their lines come from plain statements. */
const CASES: readonly [name: string, atLeast: number][] = [['avpops/functions', 58]];

const socket = listenSocket('udp', '127.0.0.1', PORT);

function playCase(name: string): { printed: string[]; log: readonly string[] } {
  const { script, sent, log } = recordedCase(name);
  const host = fakeHost({ sockets: [socket] });
  const params = modparams(script, 'pv');
  pv.start(host, params);
  const env = fakeBindEnv({ pvs: { ...CORE_VARIABLES, ...pv.pvs }, vars: host.vars, params: { pv: params } });
  const player = { env, functions: { ...pv.functions, ...avpops.functions }, params };
  const body = requestRoute(script);
  return { printed: sent.flatMap((text) => play(body, messageOf(text, socket), host, player)), log };
}

describe('module avpops does as recorded', () => {
  for (const [name, atLeast] of CASES) {
    test(name, () => {
      const { printed, log } = playCase(name);
      expect(missingLine(printed, log), `of\n${log.join('\n')}`).toBeUndefined();
      expect(printed.length).toBeGreaterThanOrEqual(atLeast);
    });
  }
});
