/** kex, corex, cfgutils, siputils and maxfwd as recorded cases printed them: whole servers play the rest of each case. */
import { describe, expect, test } from 'vitest';
import { cfgutils } from '../../src/modules/cfgutils.js';
import { kex } from '../../src/modules/kex/index.js';
import { maxfwd } from '../../src/modules/maxfwd.js';
import { pv } from '../../src/modules/pv/index.js';
import { siputils } from '../../src/modules/siputils/index.js';
import { sl } from '../../src/modules/sl.js';
import type { ModuleDefinition } from '../../src/runtime/module.js';
import { playModules } from '../support/recorded-module.js';

const URIS = [pv, sl, siputils];

/** Cases, with how many of their lines come from plain statements. */
const CASES: readonly [name: string, modules: readonly ModuleDefinition[], atLeast: number][] = [
  ['siputils/uri-params-corners', URIS, 26],
  ['siputils/uri-parts-corners', URIS, 17],
  ['siputils/numbers-corners', URIS, 21],
  ['siputils/compare-corners', URIS, 33],
  ['siputils/decode-corners', URIS, 10],
  ['siputils/tel2sip', URIS, 4],
  ['siputils/set-uri-parts', URIS, 4],
  ['maxfwd/corners', [pv, maxfwd], 54],
  ['cfgutils/core-hash', [pv, cfgutils], 4],
  ['kex/printf', [pv, kex], 2],
];

describe('small modules do as recorded', () => {
  for (const [name, modules, atLeast] of CASES) {
    test(name, async () => {
      const { printed, wrongLine } = await playModules(name, modules);
      expect(wrongLine).toBeUndefined();
      expect(printed.length).toBeGreaterThanOrEqual(atLeast);
    });
  }
});
