/** Spellings that Kamailio 5.6.3 starts with, and those it refuses (recorded: an xlog() of each, alone in a script). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sock } from '../../../src/modules/corex/sock.js';
import { re } from '../../../src/modules/textops/subst.js';
import { bindFormat } from '../../../src/runtime/format.js';
import { json, TRANSFORMATIONS_PV } from '../../../src/runtime/transformations/index.js';
import { CORE_VARIABLES, PV_VARIABLES } from '../../../src/runtime/variables/index.js';
import { fakeBindEnv } from '../../support/fake-host.js';

const SPELLINGS: [text: string, starts: boolean][] = JSON.parse(
  readFileSync(new URL('./spellings.json', import.meta.url), 'utf8'),
);

const env = fakeBindEnv({
  pvs: { ...CORE_VARIABLES, ...PV_VARIABLES },
  transformations: { ...TRANSFORMATIONS_PV, re, json, sock },
});

for (const [text, starts] of SPELLINGS) {
  test(`${starts ? 'takes' : 'refuses'} ${text}`, () => {
    expect(bindFormat(text, env)).toHaveProperty(starts ? 'ok' : 'error');
  });
}
