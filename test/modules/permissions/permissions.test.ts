import { describe, expect, test } from 'vitest';
import { AddressTable, parseAddressFile } from '../../../src/modules/permissions/addresses.js';
import { findRule, parseRules } from '../../../src/modules/permissions/rules.js';
import { extended } from '../../../src/modules/permissions/trusted.js';

describe('rules', () => {
  const { rules, bad } = parseRules(`# a comment
ALL : "^sip:361[0-9]*@abc\\.com$" EXCEPT "^sip:361[0-9]*3@abc\\.com$", "^sip:361[0-9]*4@abc\\.com$"
"^sip:3677[0-9]*@foo\\.com$" : ALL   # to everyone
nonsense without a colon
`);

  test('exceptions are left out, case is ignored', () => {
    expect(findRule(rules, 'sip:x@y', 'SIP:36155@abc.com')).toBe(true);
    expect(findRule(rules, 'sip:x@y', 'sip:36153@abc.com')).toBe(false);
    expect(findRule(rules, 'sip:36771@foo.com', 'sip:anyone@else')).toBe(true);
  });

  test('a line that is no rule is told and left out', () => {
    expect([rules.length, bad]).toEqual([2, ['nonsense without a colon']]);
  });
});

describe('addresses', () => {
  const parsed = parseAddressFile(
    '1 10.0.0.1\n1 10.0.0.0 8 5060 lan\n2 [2001:db8::]  32\n3 gw.example.org 0 0 gw # x\n',
  );
  const table = new AddressTable('entries' in parsed ? parsed.entries : []);

  test('single addresses, networks, IPv6 and names', () => {
    expect(table.find('10.0.0.1', 999)?.group).toBe(1);
    expect([table.find('10.9.9.9', 5060)?.tag, table.find('10.9.9.9', 5061)]).toEqual(['lan', undefined]);
    expect(table.find('2001:db8:1::5', 1, 2)?.group).toBe(2);
    expect([table.find('gw.example.org', 7)?.tag, table.find('10.0.0.1', 1, 2)]).toEqual(['gw', undefined]);
  });

  test('a mask that does not fit tells its line', () => {
    expect(parseAddressFile('1 10.0.0.1 32\n1 10.0.0.1 33\n')).toEqual({ badLine: 2 });
  });
});

test('basic expressions become extended ones', () => {
  expect(extended('^sip:a+(b)\\(c\\)\\{2\\}.*$')).toBe('^sip:a\\+\\(b\\)(c){2}.*$');
});
