/** Modules that work on messages and data, as recorded cases printed and forwarded them. */
import { describe, expect, test } from 'vitest';
import { crypto } from '../../src/modules/crypto/index.js';
import { htable } from '../../src/modules/htable/index.js';
import { ipops } from '../../src/modules/ipops/index.js';
import { janssonModule } from '../../src/modules/jansson/index.js';
import { json } from '../../src/modules/json.js';
import { mqueue } from '../../src/modules/mqueue/index.js';
import { pv } from '../../src/modules/pv/index.js';
import { sdpops } from '../../src/modules/sdpops.js';
import { textops } from '../../src/modules/textops/index.js';
import { textopsx } from '../../src/modules/textopsx/index.js';
import { playModules } from '../support/recorded-module.js';

const MODULES = [pv, textops, textopsx, sdpops, htable, ipops, janssonModule, json, crypto, mqueue];

/** Cases; `forwards`: what the next hop got is compared too. */
const CASES: readonly [name: string, forwards: boolean][] = [
  ['text/append-body-part', true],
  ['text/append-hf', true],
  ['text/compare', false],
  ['text/header-order', true],
  ['text/privacy-and-hold', false],
  ['text/subst', true],
  ['text/subst-flags', true],
  ['text/subst-uri-user', false],
  ['text/filter-body', true],
  ['text/fnmatch', false],
  ['text/get-body-part', false],
  ['text/set-body', true],
  ['text/has-body', false],
  ['text/hf-values', true],
  ['text/in-list', false],
  ['text/is-method', false],
  ['text/keep-hf', true],
  ['text/present-hf', false],
  ['text/regex-substring', false],
  ['text/remove-body', true],
  ['text/remove-hf', true],
  ['text/remove-hf-variants', true],
  ['text/replace-atonce', true],
  ['text/replace-family', true],
  ['text/replace-str', true],
  ['text/search', false],
  ['text/search-hf-modes', false],
  ['sdpops/lines', false],
  ['sdpops/keep-by-id', true],
  ['sdpops/keep-codecs', true],
  ['sdpops/queries', false],
  ['sdpops/remove-codecs', true],
  ['sdpops/remove-media', true],
  ['sdpops/remove-media-two', true],
  ['ipops/compare-and-subnet', false],
  ['ipops/kinds', false],
  ['ipops/types', false],
  ['json/get-field', false],
  ['json/nested-parse', false],
  ['json/jansson-get', false],
  ['json/jansson-set', false],
  ['json/jansson-set-from-null', false],
  ['htable/counters', false],
  ['htable/match', false],
  ['htable/remove', false],
  ['htable/unknown-table', false],
];

describe('modules do as recorded', () => {
  for (const [name, forwards] of CASES) {
    test(name, async () => {
      const played = await playModules(name, MODULES);
      expect(played.wrongLine, `printed:\n${played.printed.join('\n')}`).toBeUndefined();
      if (forwards) expect(played.changed.slice(0, played.forwarded.length)).toEqual(played.forwarded);
    });
  }
});
