/** Variables as the recorded cases of the groups pv and assign printed them. */
import { describe, expect, test } from 'vitest';
import { TRANSFORMATIONS_PV } from '../../../src/runtime/transformations/index.js';
import { CORE_VARIABLES, PV_VARIABLES } from '../../../src/runtime/variables/index.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeHost, fakeProgram } from '../../support/fake-host.js';
import { messageOf, missingLine, modparams, PORT, play, recordedCase, requestRoute } from '../../support/recorded.js';

/** Cases, with how many of their lines come from plain statements. */
const CASES: readonly [name: string, atLeast: number][] = [
  ['pv/addresses', 6],
  ['pv/auth-credentials', 9],
  ['pv/auth-in-ack-and-cancel', 3],
  ['pv/avp-names', 3],
  ['pv/avp-stack', 5],
  ['pv/constants', 2],
  ['pv/dialog-ids', 9],
  ['pv/dollar-escapes', 2],
  ['pv/environment', 1],
  ['pv/expires', 5],
  ['pv/from-to-forms', 6],
  ['pv/from-to-read', 4],
  ['pv/from-to-write', 1],
  ['pv/hdr-compact', 7],
  ['pv/hdr-counts', 6],
  ['pv/hdr-dynamic-name', 3],
  ['pv/hdr-index', 6],
  ['pv/body', 4],
  ['pv/corners', 42],
  ['pv/from-to-delete-forms', 3],
  ['pv/from-to-write-forms', 3],
  ['pv/hdr-folded', 2],
  ['pv/header-shortcuts', 6],
  ['pv/message-buffer', 14],
  ['pv/auth-forms', 15],
  ['pv/identity-forms', 28],
  ['pv/list-header-forms', 42],
  ['pv/identity-headers', 8],
  ['pv/method-ids', 13],
  ['pv/next-hop', 3],
  ['pv/ruri-assign', 8],
  ['pv/ruri-assign-null', 5],
  ['pv/ruri-defaults', 2],
  ['pv/ruri-parts', 4],
  ['pv/ruri-schemes', 6],
  ['pv/var-zero-and-null', 5],
  ['pv/version', 1],
  ['pv/via', 6],
  ['pv/ruri-writes', 96],
  ['pv/xavp-fields', 5],
  ['pv/xavp-values', 4],
  ['pv/xavu-and-xavi', 5],
  ['assign/avp-indexed-assignment', 6],
  ['assign/avp-stack', 6],
  ['assign/avp-types-and-names', 7],
  ['assign/destination-uri', 4],
];

const socket = listenSocket('udp', '127.0.0.1', PORT);

function playCase(name: string): { printed: string[]; log: readonly string[] } {
  const { script, sent, log } = recordedCase(name);
  const serverId = Number(/server_id=(\d+)/.exec(script)?.[1] ?? 0);
  const host = fakeHost({ sockets: [socket], program: fakeProgram({ coreValues: { server_id: serverId } }) });
  const params = { pv: modparams(script, 'pv') };
  const env = fakeBindEnv({
    pvs: { ...CORE_VARIABLES, ...PV_VARIABLES },
    transformations: TRANSFORMATIONS_PV,
    vars: host.vars,
    params,
    flags: new Map([['FLT_A', 3]]),
  });
  const player = { env, functions: {}, params: {} };
  const body = requestRoute(script);
  const printed = sent.flatMap((text) => play(body, messageOf(text, socket), host, player));
  return { printed, log };
}

describe('variables read as recorded', () => {
  for (const [name, atLeast] of CASES) {
    test(name, () => {
      const { printed, log } = playCase(name);
      expect(missingLine(printed, log), `of\n${log.join('\n')}`).toBeUndefined();
      expect(printed.length).toBeGreaterThanOrEqual(atLeast);
    });
  }
});
