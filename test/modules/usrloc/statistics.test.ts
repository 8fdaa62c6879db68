/** Statistics of a location table. The numbers are those of Kamailio 5.6.3 after the same registrations. */
import { expect, test } from 'vitest';
import { load, type ScriptUnderTest } from '../../../src/testing/index.js';

const SCRIPT = `
loadmodule "kex.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", 1)
request_route { save("location"); exit; }
`;

const register = (s: ScriptUnderTest, user: string, contact: string) =>
  s.request(
    [
      'REGISTER sip:x SIP/2.0',
      `Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK${user}`,
      `From: <sip:${user}@x>;tag=1`,
      `To: <sip:${user}@x>`,
      `Call-ID: ${user}`,
      'CSeq: 1 REGISTER',
      `Contact: ${contact}`,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );

const statistics = (s: ScriptUnderTest) => s.rpc('stats.get_statistics', 'usrloc:');

test('tell users, contacts and how many have expired', async () => {
  await using s = await load('test.cfg', { text: SCRIPT });
  expect(await statistics(s)).toEqual([
    'usrloc:location_contacts = 0',
    'usrloc:location_expires = 0',
    'usrloc:location_users = 0',
    'usrloc:registered_users = 0',
  ]);

  await register(s, 'bob', '<sip:bob@127.0.0.1:9>;expires=2,<sip:bob@127.0.0.1:8>');
  await register(s, 'amy', '<sip:amy@127.0.0.1:9>;expires=2');
  expect(await statistics(s)).toEqual([
    'usrloc:location_contacts = 3',
    'usrloc:location_expires = 0',
    'usrloc:location_users = 2',
    'usrloc:registered_users = 2',
  ]);

  await s.advance(5000);
  expect(await statistics(s)).toEqual([
    'usrloc:location_contacts = 1',
    'usrloc:location_expires = 2',
    'usrloc:location_users = 1',
    'usrloc:registered_users = 1',
  ]);
});
