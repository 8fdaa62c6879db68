/** Transformations as Kamailio 5.6.3 printed them (cases of group tr). */
import { describe, expect, test } from 'vitest';
import { sock } from '../../../src/modules/corex/sock.js';
import { re } from '../../../src/modules/textops/subst.js';
import { bindFormat } from '../../../src/runtime/format.js';
import { json, TRANSFORMATIONS_PV } from '../../../src/runtime/transformations/index.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { CORE_VARIABLES, PV_VARIABLES } from '../../../src/runtime/variables/index.js';
import { listenSocket } from '../../../src/sip/transport.js';
import { fakeBindEnv, fakeHost, fakeProgram } from '../../support/fake-host.js';
import { messageOf, missingLine, PORT, play, recordedCase, requestRoute } from '../../support/recorded.js';

/** With how many of their lines come from plain statements. */
const CASES: readonly [name: string, lines: number][] = [
  ['chained', 2],
  ['json-parse', 5],
  ['line', 4],
  ['nameaddr', 5],
  ['on-null', 2],
  ['param', 5],
  ['param-separators', 5],
  ['re-subst', 5],
  ['s-7bit', 3],
  ['s-base58', 1],
  ['s-base64', 5],
  ['s-before-after-count', 5],
  ['s-case-and-numeric', 3],
  ['s-corehash', 2],
  ['s-digests', 5],
  ['s-escape-common', 3],
  ['s-escape-csv', 1],
  ['s-escape-user-and-param', 5],
  ['s-ftime', 2],
  ['s-hexa', 2],
  ['s-len-int', 3],
  ['s-prefixes', 3],
  ['s-quotes-and-brackets', 3],
  ['s-replace-and-rm', 3],
  ['s-select', 5],
  ['s-strip', 3],
  ['s-substr', 5],
  ['s-trim', 2],
  ['s-urlencode', 3],
  ['sock', 3],
  ['substr-negative-length-at-run-time', 2],
  ['tobody', 4],
  ['uri-absent-parts', 3],
  ['uri-bad', 3],
  ['uri-of-variables', 2],
  ['uri-parts', 6],
  ['urialias', 3],
];

const REFUSED = [
  'blank-before-name-refused',
  'class-name-case-refused',
  'missing-argument-refused',
  'substr-negative-length-refused',
  'unknown-class-refused',
  'unknown-refused',
  'val-class-refused',
];

const socket = listenSocket('udp', '127.0.0.1', PORT);
const env = (vars: VarStore) =>
  fakeBindEnv({
    pvs: { ...CORE_VARIABLES, ...PV_VARIABLES },
    transformations: { ...TRANSFORMATIONS_PV, re, json, sock },
    vars,
  });

/** Lines that print a sum need the compiler. */
const isPlain = (line: string): boolean => !/^(x|sum)=\[\d+\]$/.test(line);

/** The runner's own masks. */
const mask = (text: string): string => text.replace(/tag=(?!from-|f1)[\w-]+/g, 'tag=<tag>');

describe('a transformation does as recorded', () => {
  for (const [name, lines] of CASES) {
    test(name, () => {
      const { script, sent, log } = recordedCase(`tr/${name}`);
      const host = fakeHost({ sockets: [socket], program: fakeProgram({ coreValues: { disable_tcp: 1 } }) });
      const player = { env: env(host.vars), functions: {}, params: {} };
      const body = requestRoute(script);
      const printed = sent.flatMap((text) => play(body, messageOf(text, socket), host, player)).filter(isPlain);
      expect(
        missingLine(printed.map(mask), log.map(mask)),
        `of\n${log.join('\n')}\nin\n${printed.join('\n')}`,
      ).toBeUndefined();
      expect(printed.length).toBeGreaterThanOrEqual(lines);
    });
  }
});

describe('a start is refused as recorded', () => {
  for (const name of REFUSED) {
    test(name, () => {
      const { script } = recordedCase(`tr/${name}`);
      const text = /xlog\("(.*)\\n"\)/.exec(script)?.[1] ?? '';
      expect(bindFormat(text, env(new VarStore()))).toHaveProperty('error');
    });
  }
});
