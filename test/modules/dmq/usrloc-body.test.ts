import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contactText, multiText, readUsrloc, type WireContact } from '../../../src/modules/dmq/usrloc-body.js';

/** usrloc-operations.txt and usrloc-first-sync-multi.txt of the captures. */
const ALICE =
  '{"action":1,"aor":"alice","ruid":"uloc-6b025ca6-4c92-1","c":"sip:alice@127.0.0.1:11520;transport=udp","received":"","path":"","callid":"cid-alice@ua","user_agent":"Phone/1.0","instance":"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>","expires":1795317504,"cseq":1,"flags":0,"cflags":0,"q":700,"last_modified":1795316904,"methods":4294967295,"reg_id":1,"server_id":0}';
const DAVE =
  '{"action":1,"aor":"dave","ruid":"uloc-6b025bbf-3f7d-1","c":"sip:dave@127.0.0.1:11523","received":"","sock":"udp:127.0.0.1:11501","path":"","callid":"cid-dave@ua","user_agent":"Phone/1.0","instance":"","expires":1795317271,"cseq":1,"flags":0,"cflags":0,"q":-1,"last_modified":1795316671,"methods":4294967295,"reg_id":0,"server_id":0}';

function contact(body: string): WireContact {
  const deed = readUsrloc(body)?.deeds[0];
  if (deed?.kind !== 'update') throw new Error(`no contact: ${body}`);
  return deed.contact;
}

describe('bodies of peer usrloc', () => {
  for (const captured of [ALICE, DAVE])
    test(`what was captured comes back as it was: ${captured.slice(0, 40)}`, () =>
      expect(contactText(1, contact(captured))).toBe(captured));

  test('groups are numbered from 1', () => {
    const body = multiText([ALICE, DAVE]);
    expect(body.startsWith('{"multi":{"1":{"action":1,"aor":"alice"')).toBe(true);
    expect(readUsrloc(body)).toMatchObject({
      group: true,
      broken: false,
      deeds: [{ kind: 'update' }, { kind: 'update' }],
    });
    expect(readUsrloc('{"multi":{}}')).toEqual({ deeds: [], group: true, broken: false });
  });

  test('an AOR arrives as it was registered, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const aor = Buffer.from(bytes).toString('latin1');
        expect(contact(contactText(1, { ...contact(ALICE), aor })).aor).toBe(aor);
      }),
      { numRuns: 300 },
    );
  });

  const bad = [
    '{}',
    '[]',
    '[1]',
    '5',
    '"text"',
    'not json',
    '{"action":99}',
    '{"multi":5}',
    '{"action":1}',
    '{"action":1,"aor":5,"c":"sip:x"}',
  ];
  for (const body of bad) test(`${body} is no request`, () => expect(readUsrloc(body)).toBeUndefined());

  test('nothing is thrown, and only what is said is taken', () => {
    const member = fc.constantFrom('action', 'aor', 'ruid', 'c', 'q', 'expires', 'multi', '1', 'received', 'other');
    const body = fc
      .array(fc.tuple(member, fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.nat(4))), { maxLength: 8 })
      .map((list) => JSON.stringify(Object.fromEntries(list)));
    fc.assert(
      fc.property(fc.oneof(body, fc.string(), fc.json()), (text) => {
        const plan = readUsrloc(text);
        for (const deed of plan?.deeds ?? [])
          if (deed.kind === 'update') expect(deed.contact.aor !== '' && deed.contact.c !== '').toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });
});
