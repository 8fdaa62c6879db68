import { describe, expect, test } from 'vitest';
import { parseDnsRecord } from '../../src/modules/corex/dns-records.js';

describe('dns_cache', () => {
  test('reads a record', () => {
    expect(parseDnsRecord('name=a.example;addr=b.example;type=SRV;flags=2;ttl=5;priority=7;port=99;')).toEqual({
      type: 'srv',
      name: 'a.example',
      addr: 'b.example',
      ttl: 5,
      flags: 2,
      priority: 7,
      weight: 0,
      port: 99,
    });
  });

  test('refuses other types and numbers that are none', () => {
    expect(parseDnsRecord('name=a.example;type=TXT')).toBe("rr type 'txt' is not implemented");
    expect(parseDnsRecord('name=a.example;type=A;ttl=x')).toBe('invalid ttl: x');
  });
});
