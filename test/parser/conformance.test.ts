import { describe, expect, it } from 'vitest';
import { kamailioText, parseScript } from '../../src/parser/index.js';
import { readCases } from './cases.js';

/** What makes these fail is known to modules, the compiler or the start only. */
const NOT_THE_PARSERS = [
  /^check\/(assign-to-read-only|assign-to-transformation|function-in-wrong-block|missing-module)$/,
  /^check\/(modparam-for-missing-module|modparam-wrong-type|unknown-modparam|unknown-module)$/,
  /^check\/(non-constant-argument|variable-where-a-constant-is-needed|wrong-argument-count|too-many-arguments)$/,
  /^check\/(type-mismatch-.*|unknown-command|unknown-pseudo-variable-.*|unknown-transformation)$/,
];

const cases = readCases();

describe('recorded scripts', () => {
  it.each(cases.filter(({ accepted }) => accepted))('$name is accepted', ({ options }) => {
    const { problems } = parseScript('kamailio.cfg', options);
    expect(problems.filter(({ severity }) => severity === 'error').map(kamailioText)).toEqual([]);
  });

  const refused = cases.filter(
    ({ isCheck, accepted, name }) => isCheck && !accepted && !NOT_THE_PARSERS.some((pattern) => pattern.test(name)),
  );

  it.each(refused)('$name is refused on line $line', ({ options, line }) => {
    const { problems } = parseScript('kamailio.cfg', options);
    const errors = problems.filter(({ severity }) => severity === 'error');
    expect(errors.length).toBeGreaterThan(0);
    const printed = errors.map(kamailioText).join('\n');
    const lines = [...printed.matchAll(/line (\d+), column (\d+)/g)].map((match) => Number(match[1]));
    expect(lines[0]).toBe(line);
  });
});
