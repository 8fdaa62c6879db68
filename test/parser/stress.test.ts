import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseScript } from '../../src/parser/index.js';
import { errors, parse } from './helpers.js';

/** Far more than these take, far less than anything quadratic would. */
const MOST_MS = 3000;

describe('large and odd texts take no time out of proportion', () => {
  it.each([
    ['defines in one long line', `#!define F 5\nrequest_route { ${'$x = F; xlog("a b"); '.repeat(20_000)} }\n`],
    ['defines with comments', `#!define F 5\nrequest_route {\n${'$x = F; # comment\n'.repeat(20_000)}}\n`],
    ['an endless event name', `event_route[${'a'.repeat(200_000)}] { ; }\n`],
    ['near misses in skipped text', `#!ifdef A\n${'#!else x '.repeat(50_000)}\n#!endif\nrequest_route { ; }\n`],
    ['a long sum', `request_route { $x = 1${' + 1'.repeat(20_000)}; }\n`],
    ['pieces of a string', `request_route { $x = ${'"a" '.repeat(50_000)}; }\n`],
    ['braces that open', '{'.repeat(200_000)],
    ['braces that close', '}'.repeat(200_000)],
    ['parentheses', `request_route { ${'('.repeat(200_000)}`],
    ['comments in comments', '/*'.repeat(200_000)],
    ['variables in variables', `request_route { ${'$('.repeat(200_000)}`],
    ['what may be an address', `request_route { ${'a:'.repeat(200_000)} }\n`],
    ['many routes', Array.from({ length: 20_000 }, (_, i) => `route[R${i}] { xlog("a"); }\n`).join('')],
  ])('%s', (_, text) => {
    const start = performance.now();
    expect(parse(text).problems.length).toBeLessThan(1200);
    expect(performance.now() - start).toBeLessThan(MOST_MS);
  });
});

const INSTALLED = '/etc/kamailio/kamailio.cfg';

it.runIf(fs.existsSync(INSTALLED))('the configuration that Debian installs is read without an error', () => {
  const readFile = (path: string) => (fs.existsSync(path) ? fs.readFileSync(path, 'latin1') : undefined);
  const names = ['WITH_MYSQL', 'WITH_AUTH', 'WITH_NAT', 'WITH_TLS', 'WITH_PRESENCE', 'WITH_ANTIFLOOD', 'WITH_ACCDB'];
  for (const defines of [new Map(), new Map(names.map((name) => [name, undefined]))]) {
    expect(errors(parseScript(INSTALLED, { readFile, defines }))).toEqual([]);
  }
});
