import { expect, test } from 'vitest';
import { runAs } from '../../src/cli/privileges.js';

test('names that are none are told, and nothing changes', () => {
  const before = process.getuid?.();
  expect(runAs({ user: '', group: '' })).toBeUndefined();
  expect(runAs({ user: 'no-such-user-here', group: '' })).toBe('bad user name/uid number: -u no-such-user-here');
  expect(runAs({ user: '', group: 'no-such-group' })).toBe('bad group name/gid number: -g no-such-group');
  expect(process.getuid?.()).toBe(before);
});
