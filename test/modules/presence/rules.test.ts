/** pres-rules (RFC 5025): who is meant by a rule, and when; the rest is in the recorded case authorization_rules. */
import { describe, expect, test } from 'vitest';
import { STATUS } from '../../../src/modules/presence/subscription.js';
import { filteredBody, verdictOf } from '../../../src/modules/presence_xml/rules.js';

const rule = (conditions: string, handling = 'allow', transformations = '') =>
  `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"><conditions>${conditions}</conditions><actions><sub-handling>${handling}</sub-handling></actions><transformations>${transformations}</transformations></rule></ruleset>`;

const BOB = { presUri: 'sip:alice@example.org', watcherUser: 'bob', watcherDomain: 'example.org' };
const NOON = { now: Date.parse('2026-11-24T12:00:00Z'), sphere: undefined };
const identity = (inner: string) => `<identity>${inner}</identity>`;
const all = identity('<many/>');

const { ACTIVE, PENDING, TERMINATED } = STATUS;

describe('a rule is about a watcher', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['who is named', identity('<one id="sip:bob@example.org"/>'), ACTIVE],
    ['but no other', identity('<one id="sip:eve@example.org"/>'), PENDING],
    ['of any kind', all, ACTIVE],
    ['of a domain', identity('<many domain="example.org"/>'), ACTIVE],
    ['not of another domain', identity('<many domain="example.com"/>'), PENDING],
    ['unless excepted', identity('<many><except id="sip:bob@example.org"/></many>'), PENDING],
    ['unless the domain is excepted', identity('<many><except domain="example.org"/></many>'), PENDING],
    ['while others are excepted', identity('<many><except id="sip:eve@example.org"/></many>'), ACTIVE],
    [
      'at its time',
      `${all}<validity><from>2026-11-24T11:00:00Z</from><until>2026-11-24T13:00:00Z</until></validity>`,
      ACTIVE,
    ],
    [
      'at no other time',
      `${all}<validity><from>2026-11-24T13:00:00Z</from><until>2026-11-24T14:00:00Z</until></validity>`,
      PENDING,
    ],
    ['without an identity about nobody', '', PENDING],
  ];
  for (const [name, conditions, status] of cases)
    test(name, () => expect(verdictOf(rule(conditions), BOB, PENDING, 'probation', NOON)?.status).toBe(status));
});

test('a rule about a sphere holds in that sphere, and where nothing is said of one', () => {
  const at = (sphere: string | undefined) =>
    verdictOf(rule(`${all}<sphere value="work"/>`), BOB, PENDING, '', { ...NOON, sphere })?.status;
  expect([at('work'), at('home'), at(undefined)]).toEqual([ACTIVE, PENDING, ACTIVE]);
});

test('a watcher whom no rule lets any longer is told why', () => {
  const none = rule(identity('<one id="sip:eve@example.org"/>'));
  expect(verdictOf(none, BOB, ACTIVE, 'probation', NOON)).toEqual({ status: TERMINATED, reason: 'probation' });
});

test('rules that are no XML decide nothing', () => {
  expect(verdictOf('nonsense', BOB, PENDING, '', NOON)).toBeUndefined();
  expect(verdictOf(undefined, BOB, PENDING, '', NOON)?.status).toBe(PENDING);
});

const DOCUMENT =
  '<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="t1"><contact>sip:a@x</contact></tuple><tuple id="t2"><class>desk</class></tuple><person id="p"/></presence>';

describe('a document is shown in parts', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['<provide-services><all-services/></provide-services>', 't1 t2 p'],
    ['<provide-services><service-uri-scheme>sip</service-uri-scheme></provide-services>', 't1 p'],
    ['<provide-services><class>desk</class></provide-services>', 't2 p'],
    ['<provide-services><occurrence-id>t2</occurrence-id></provide-services>', 't2 p'],
    ['<provide-persons>false</provide-persons>', 't1 t2'],
    ['<provide-persons><all-persons/></provide-persons>', 't1 t2 p'],
    ['', 't1 t2 p'],
  ];
  for (const [transformations, ids] of cases)
    test(transformations, () => {
      const shown = filteredBody(DOCUMENT, BOB, rule(all, 'allow', transformations), NOON);
      expect([...shown.matchAll(/ id="(\w+)"/g)].map((m) => m[1]).join(' ')).toBe(ids);
    });
});
