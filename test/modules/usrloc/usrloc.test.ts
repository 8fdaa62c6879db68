import { describe, expect, test } from 'vitest';
import type { ContactInfo } from '../../../src/modules/usrloc/contact.js';
import { params } from '../../../src/modules/usrloc/params.js';
import { type Storage, Usrloc } from '../../../src/modules/usrloc/usrloc.js';
import { fakeHost, fakeProgram } from '../../support/fake-host.js';

const DEFAULTS = Object.fromEntries(Object.entries(params).map(([name, def]) => [name, def.default]));

function newUsrloc(changed: Readonly<Record<string, unknown>> = {}) {
  const program = fakeProgram({ params: { usrloc: { ...DEFAULTS, ...changed } } });
  const host = fakeHost({ program });
  return { host, usrloc: new Usrloc(host) };
}

function info(usrloc: Usrloc, more: Partial<ContactInfo>): ContactInfo {
  return {
    ruid: usrloc.newRuid(),
    uri: 'sip:a@127.0.0.1',
    received: '',
    path: '',
    expires: usrloc.now() + 60,
    q: -1,
    callId: 'c1',
    cseq: 1,
    flags: 0,
    cflags: 0,
    userAgent: 'n/a',
    socket: null,
    methods: 0xffffffff,
    instance: '',
    regId: 0,
    serverId: 0,
    connection: -1,
    lastModified: usrloc.now(),
    xavp: null,
    ...more,
  };
}

describe('usrloc', () => {
  test('the greatest q comes first, and of equal ones the one that was there before', () => {
    const { usrloc } = newUsrloc();
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    for (const [uri, q] of [
      ['sip:1', 500],
      ['sip:2', -1],
      ['sip:3', 900],
      ['sip:4', 500],
      ['sip:5', -1],
    ] as const)
      usrloc.insert(domain, record, info(usrloc, { uri, q }));
    expect(record.contacts.map((c) => c.uri)).toEqual(['sip:3', 'sip:1', 'sip:4', 'sip:2', 'sip:5']);
  });

  test('an equal CSeq of the same Call-ID is a repetition, a lower one is outdated, another Call-ID begins anew', () => {
    const { usrloc } = newUsrloc();
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    usrloc.insert(domain, record, info(usrloc, { cseq: 5 }));
    const kind = (more: Partial<ContactInfo>) => usrloc.match(record, info(usrloc, more)).kind;
    expect(kind({ cseq: 5 })).toBe('repeated');
    expect(kind({ cseq: 4 })).toBe('outdated');
    expect(kind({ cseq: 6 })).toBe('found');
    expect(kind({ cseq: 1, callId: 'c2' })).toBe('found');
    expect(kind({ uri: 'sip:other' })).toBe('none');
  });

  test('an instance makes out the contact, whatever its address', () => {
    const { usrloc } = newUsrloc();
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    const contact = usrloc.insert(domain, record, info(usrloc, { instance: '<urn:uuid:1>' }));
    const again = info(usrloc, { uri: 'sip:new', instance: 'urn:uuid:1', cseq: 9 });
    const match = usrloc.match(record, again);
    expect(match).toEqual({ kind: 'found', contact });
    usrloc.update(record, contact, again);
    expect(contact.uri).toBe('sip:new');
  });

  test('what has expired goes at the next tick, and is told once', () => {
    const { host, usrloc } = newUsrloc();
    const told: string[] = [];
    usrloc.onChange((kind, c) => told.push(`${kind} ${c.uri}`));
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    usrloc.insert(domain, record, info(usrloc, { uri: 'sip:short', expires: usrloc.now() + 5 }));
    usrloc.insert(domain, record, info(usrloc, { uri: 'sip:ever', expires: 0 }));
    usrloc.tick();
    host.clock.advance(6000);
    usrloc.tick();
    usrloc.tick();
    expect(told).toEqual(['insert sip:short', 'insert sip:ever', 'expire sip:short']);
    expect(record.contacts.map((c) => c.uri)).toEqual(['sip:ever']);
  });

  test('a record without contacts goes when it is released', () => {
    const { usrloc } = newUsrloc();
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    const contact = usrloc.insert(domain, record, info(usrloc, {}));
    expect(usrloc.findByRuid(domain, contact.ruid)?.contact).toBe(contact);
    usrloc.remove(domain, record, contact);
    usrloc.release(domain, record);
    expect([usrloc.users(), usrloc.findByRuid(domain, contact.ruid)]).toEqual([0, undefined]);
  });
});

class FakeStorage implements Storage {
  readonly writes: string[] = [];
  write(kind: 'insert' | 'update' | 'delete', contact: { readonly uri: string }): void {
    this.writes.push(`${kind} ${contact.uri}`);
  }
  written = () => Promise.resolve();
  read = () => Promise.resolve([]);
  all = () => Promise.resolve([]);
  readByRuid = () => Promise.resolve(undefined);
}

describe('usrloc with a database', () => {
  test('mode 1 writes each change at once, and callers wait for it', () => {
    const { usrloc } = newUsrloc({ db_mode: 1 });
    const storage = new FakeStorage();
    usrloc.storage = storage;
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    const contact = usrloc.insert(domain, record, info(usrloc, { uri: 'sip:1' }));
    usrloc.update(record, contact, info(usrloc, { uri: 'sip:1', cseq: 2 }));
    usrloc.remove(domain, record, contact);
    expect(storage.writes).toEqual(['insert sip:1', 'update sip:1', 'delete sip:1']);
    expect(usrloc.written()).toBeInstanceOf(Promise);
  });

  test('mode 2 leaves it to the timer: a contact that went before it came is never written', () => {
    const { usrloc } = newUsrloc({ db_mode: 2 });
    const storage = new FakeStorage();
    usrloc.storage = storage;
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    const short = usrloc.insert(domain, record, info(usrloc, { uri: 'sip:1' }));
    const stays = usrloc.insert(domain, record, info(usrloc, { uri: 'sip:2' }));
    usrloc.remove(domain, record, short);
    expect([storage.writes, usrloc.written()]).toEqual([[], undefined]);
    usrloc.tick();
    expect(storage.writes).toEqual(['insert sip:2']);
    usrloc.update(record, stays, info(usrloc, { uri: 'sip:2', cseq: 2 }));
    usrloc.tick();
    usrloc.remove(domain, record, stays);
    usrloc.tick();
    expect(storage.writes).toEqual(['insert sip:2', 'update sip:2', 'delete sip:2']);
  });

  test('a contact that is only for the memory (save flag 1) is not written', () => {
    const { usrloc } = newUsrloc({ db_mode: 1 });
    const storage = new FakeStorage();
    usrloc.storage = storage;
    const domain = usrloc.domain('location');
    const record = usrloc.addRecord(domain, 'alice');
    usrloc.insert(domain, record, info(usrloc, { flags: 1 }));
    usrloc.tick();
    expect(storage.writes).toEqual([]);
  });
});
