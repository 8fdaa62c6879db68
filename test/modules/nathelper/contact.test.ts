import { describe, expect, test } from 'vitest';
import { addAlias, aliasUri, fixContact, setAlias, takeAlias } from '../../../src/modules/nathelper/contact.js';
import { params } from '../../../src/modules/nathelper/params.js';
import { isPrivate } from '../../../src/modules/nathelper/private.js';
import { sdpAddresses } from '../../../src/modules/nathelper/uac-test.js';
import { buildForward } from '../../../src/sip/build.js';
import { contactsOf } from '../../../src/sip/header.js';
import { fakeContext, fakeHost, fakeProgram, message, SOCKET } from '../../support/fake-host.js';

const DEFAULTS = Object.fromEntries(Object.entries(params).map(([name, def]) => [name, def.default]));

function context(contact: string, received = {}, uri = 'sip:bob@example.com') {
  const host = fakeHost({ program: fakeProgram({ params: { nathelper: DEFAULTS } }) });
  const text = `INVITE ${uri} SIP/2.0
Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-1
From: <sip:a@x>;tag=1
To: <sip:b@x>
Call-ID: c
CSeq: 1 INVITE
${contact === '' ? '' : `Contact: ${contact}\n`}Content-Length: 0

`;
  return fakeContext(message(text, { srcIp: '198.51.100.9', srcPort: 40000, ...received }), { host });
}

const sent = (ctx: ReturnType<typeof context>) =>
  /^Contact: (.*)\r$/m.exec(buildForward(ctx.msg, { via: '', leaving: { sendSocket: SOCKET } }))?.[1];

describe('fix_nated_contact()', () => {
  test('maddr goes, the rest stays', () => {
    const ctx = context('<sip:al@10.0.0.5:5070;a=1;maddr=10.0.0.9;b=2>;q=1');
    expect(fixContact(ctx)).toBe(1);
    expect(sent(ctx)).toBe('<sip:al@198.51.100.9:40000;a=1;b=2>;q=1');
  });

  test('an IPv6 source gets brackets; a second call fails; other modules see the new URI', () => {
    const ctx = context('<sip:[fd00::1]:5070>', { srcIp: '2001:db8::5' });
    expect([fixContact(ctx), fixContact(ctx)]).toEqual([1, -1]);
    expect(sent(ctx)).toBe('<sip:[2001:db8::5]:40000>');
    expect(contactsOf(ctx.msg)[0]?.uri).toBe('sip:[2001:db8::5]:40000');
  });

  test('no Contact, or a star, cannot be fixed', () => {
    expect([fixContact(context('')), fixContact(context('*'))]).toEqual([-1, -1]);
  });
});

describe('aliases', () => {
  test('set_contact_alias() puts brackets around a bare URI', () => {
    const ctx = context('sip:al@10.0.0.5');
    expect(setAlias(ctx, false)).toBe(1);
    expect(sent(ctx)).toBe('<sip:al@10.0.0.5;alias=198.51.100.9~40000~1>');
  });

  test('an older alias goes when it is to be trimmed', () => {
    const ctx = context('<sip:al@10.0.0.5;alias=1.1.1.1~5~1;x=1>');
    setAlias(ctx, true);
    expect(sent(ctx)).toBe('<sip:al@10.0.0.5;x=1;alias=198.51.100.9~40000~1>');
  });

  test('add_contact_alias() gives 2 where the Contact names source, port and transport itself', () => {
    const ctx = context('<sip:al@198.51.100.9:40000;transport=udp>');
    expect([addAlias(ctx), sent(ctx)]).toEqual([2, '<sip:al@198.51.100.9:40000;transport=udp>']);
  });

  test('the way back: the alias becomes the next hop, with its transport', () => {
    const ctx = context('', {}, 'sip:al@10.0.0.5:5060;ob;alias=198.51.100.9~40000~2;x=1');
    expect(takeAlias(ctx, 0)).toBe(1);
    expect([ctx.msg.uri, ctx.msg.dstUri]).toEqual([
      'sip:al@10.0.0.5:5060;ob;x=1',
      'sip:198.51.100.9:40000;transport=tcp',
    ]);
  });

  test('first or last of several', () => {
    const uri = 'sip:al@h;alias=1.1.1.1~1~1;alias=2.2.2.2~2~1';
    const first = context('', {}, uri);
    const last = context('', {}, uri);
    takeAlias(first, 0);
    takeAlias(last, 1);
    expect([first.msg.dstUri, last.msg.dstUri]).toEqual(['sip:1.1.1.1:1', 'sip:2.2.2.2:2']);
  });

  test('a malformed alias is an error and changes nothing', () => {
    const ctx = context('', {}, 'sip:al@h;alias=nonsense;x');
    expect([takeAlias(ctx, 0), ctx.msg.dstUri, ctx.msg.uri]).toEqual([-1, null, 'sip:al@h;alias=nonsense;x']);
  });

  test('the URI that an alias stands for', () => {
    expect(aliasUri(context('<sip:a@h;alias=1.2.3.4~5~1>'))).toBe('sip:1.2.3.4:5;transport=udp');
    expect(aliasUri(context('<sip:a@h>'))).toBeUndefined();
  });
});

test('private addresses by mode', () => {
  const all = ['10.1.2.3', '172.31.0.1', '172.32.0.1', '192.168.1.1', '100.127.0.1', '100.128.0.1', '192.0.0.9', 'x'];
  expect(all.map((a) => isPrivate(a, 1))).toEqual([true, true, false, true, true, false, true, false]);
  expect(isPrivate('192.0.0.9', 0)).toBe(false);
});

test('addresses of SDP: a stream without its own has that of the session', () => {
  const text = 'v=0\r\nc=IN IP4 1.1.1.1\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 0\r\nc=IN IP4 2.2.2.2\r\n';
  expect(sdpAddresses(text)).toEqual({ session: '1.1.1.1', streams: ['1.1.1.1', '2.2.2.2'] });
});
