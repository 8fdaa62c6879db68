/** `@xmlrpc.method`. */
import { expect, test } from 'vitest';
import { methodNameOf } from '../../src/modules/xmlrpc/document.js';

test('the name of the command, and nothing where the body is no call', () => {
  expect(methodNameOf('<?xml version="1.0"?><methodCall><methodName>core.echo</methodName></methodCall>')).toBe(
    'core.echo',
  );
  for (const text of ['', 'x', '<a/>', '<methodCall/>', '<methodCall><methodName/></methodCall>'])
    expect(methodNameOf(text)).toBeNull();
});
