import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConnectionsFile, parseHttpcon } from '../../../src/modules/http_client/connections.js';
import { type CurlTls, curl, curlAgents } from '../../../src/modules/http_client/curl.js';
import { httpParams } from '../../../src/modules/http_client/params.js';
import { parseUrl, redirected } from '../../../src/modules/http_client/url.js';
import { type WebServer, webServer } from './web-server.js';

const CA = path.join(import.meta.dirname, '../tls/certs/ca.pem');
const TLS: CurlTls = { verifyPeer: true, verifyHost: true, version: 0 };

let web: WebServer;
beforeAll(async () => {
  web = await webServer();
});
afterAll(() => web.close());

describe('curl', () => {
  test('keeps a connection where it may', async () => {
    const agents = curlAgents();
    const ask = () => curl({ url: `http://127.0.0.1:${web.port}/ok`, timeout: 5000, tls: TLS, agents });
    const [first, second] = [await ask(), await ask()];
    expect([first, second]).toMatchObject([{ status: 200 }, { status: 200, times: { connect: 0 } }]);
    agents.plain.destroy();
  });

  test.each([
    ['an authority and no look at the name', { ca: CA, verifyHost: false }, { status: 200 }],
    ['no look at all', { verifyPeer: false }, { status: 200 }],
    ['no authority that is known', {}, { error: 60 }],
    ['an authority that cannot be read', { ca: '/no/such/file' }, { error: 77 }],
    ['a certificate that cannot be read', { certificate: '/no/such/file' }, { error: 58 }],
    ['no cipher that is known', { ciphers: 'NONE' }, { error: 59 }],
  ])('https with %s', async (_what, tls, expected) => {
    const url = `https://127.0.0.1:${web.tlsPort}/ok`;
    expect(await curl({ url, timeout: 5000, tls: { ...TLS, ...tls } })).toMatchObject(expected);
  });

  test.each([
    ['http://a', 'a:80 /'],
    ['a?b=c#d', 'a:80 /?b=c'],
    ['https://u:p%40@h.example:444/x/y?z', 'h.example:444 /x/y?z'],
    ['http://[::1]:8080/', '::1:8080 /'],
  ])('%s', (text, expected) => {
    const url = parseUrl(text);
    expect(`${url?.host}:${url?.port} ${url?.target}`).toBe(expected);
  });

  test.each(['', 'http://', 'http://a b/', 'http://a:99999/', 'http://a:x/', 'http://a/\r\nX: 1'])(
    '%j is no URL',
    (text) => {
      expect(parseUrl(text)).toBeUndefined();
    },
  );

  test.each([
    ['/b', 'http://h/b'],
    ['b', 'http://h/x/b'],
    ['?q', 'http://h/x/y?q'],
    ['//o/b', 'http://o/b'],
    ['https://o/b', 'https://o/b'],
  ])('a redirection to %s', (location, expected) => {
    expect(redirected('http://h/x/y?z=1', location)).toBe(expected);
  });

  test('any text for URL, headers and body: nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), fc.string(), async (tail, header, body) => {
        const url = `http://127.0.0.1:${web.port}/${tail}`;
        const answer = await curl({ url, headers: [header, `X-A: ${header}`], body, timeout: 1000, tls: TLS });
        expect('error' in answer || answer.status > 0).toBe(true);
      }),
      { numRuns: 60 },
    );
  }, 30_000);
});

describe('connections', () => {
  test('of httpcon', () => {
    expect(parseHttpcon('api => https://u:p:q@h:8/base/ ;timeout=2;useragent="me"')).toMatchObject({
      name: 'api',
      schema: 'https',
      username: 'u',
      password: 'p:q',
      url: 'h:8/base/ ',
      timeout: 2,
      useragent: 'me',
      authmethod: 3,
    });
  });

  test.each(['api', 'api=http://h', 'api=>h/path', 'api=>http://h;what=1', 'api=>http://h;timeout=soon'])(
    '%s',
    (text) => {
      expect(parseHttpcon(text)).toBeTypeOf('string');
    },
  );

  test('of a file', () => {
    const text =
      '# ours\n[api]\nurl = https://h/base\nusername = "joe"\nverify_peer = no\ntlsversion = TLSv1.2\ntimeout = 10\n[b]\nurl=http://b\n';
    expect(parseConnectionsFile(text, 'f', httpParams({ useragent: 'x' }))).toMatchObject([
      { name: 'api', schema: 'https', url: 'h/base', username: 'joe', verify_peer: 0, tlsversion: 6, timeout: 10 },
      { name: 'b', url: 'b', useragent: 'x', timeout: 4 },
    ]);
  });

  test.each([
    ['url = http://a\n', 'f:1: a section'],
    ['[a]\nurl = a\n', 'Invalid schema'],
    ['[a]\nurl = http://a\nwhat = 1\n', 'f:3: unknown option what'],
    ['[a]\nurl = http://a\ntimeout = x\n', 'f:3: bad value for timeout'],
  ])('of a bad file: %j', (text, why) => {
    expect(() => parseConnectionsFile(text, 'f', httpParams({}))).toThrow(why);
  });
});
