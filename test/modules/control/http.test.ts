/** HTTP requests out of a stream, however it is cut, and as messages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { httpMessage, isHttp } from '../../../src/modules/xhttp/message.js';
import { RequestReader } from '../../../src/modules/xhttp/request-reader.js';
import { HDR } from '../../../src/sip/header-names.js';
import { listenSocket, type Received } from '../../../src/sip/transport.js';

interface Cut {
  readonly requests: string[];
  readonly broken: string[];
  continues: number;
}

function cut(pieces: readonly string[], acceptNoLength = false): Cut {
  const got: Cut = { requests: [], broken: [], continues: 0 };
  const reader = new RequestReader(
    { acceptNoLength },
    {
      request: (text) => void got.requests.push(text),
      expectsContinue: () => void got.continues++,
      broken: (reason) => void got.broken.push(reason),
    },
  );
  for (const piece of pieces) reader.push(Buffer.from(piece, 'latin1'));
  return got;
}

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
const POST = 'POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello';

describe('requests are cut out of the stream', () => {
  test('wherever its pieces end', () => {
    const stream = GET + POST + GET;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (ends) => {
        const at = [0, ...ends.sort((a, b) => a - b), stream.length];
        const pieces = at.slice(1).map((end, i) => stream.slice(at[i], end));
        expect(cut(pieces).requests).toEqual([GET, POST, GET]);
      }),
    );
  });

  test('without Content-Length only where tcp_accept_no_cl is set', () => {
    const bare = 'GET /a HTTP/1.1\r\n\r\n';
    expect(cut([bare], true).requests).toEqual([bare]);
    expect(cut([bare]).broken).toEqual([expect.stringContaining('tcp_accept_no_cl=yes')]);
  });

  test('chunks, a header part without end and a body without bound end the stream', () => {
    expect(cut(['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'], true).broken).toHaveLength(1);
    expect(cut([`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(20_000)}`]).broken).toHaveLength(1);
    expect(cut(['POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n']).broken).toHaveLength(1);
  });

  test('a client that waits for 100 Continue is told once', () => {
    const head = 'POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    expect(cut([head, 'a', 'b'])).toMatchObject({ continues: 1, requests: [`${head}ab`] });
  });

  test('no bytes make it throw', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 60 })), (pieces) => void cut(pieces, true)));
  });
});

describe('as a message', () => {
  const from: Received = {
    proto: 'tcp',
    srcIp: '::1',
    srcPort: 4711,
    socket: listenSocket('tcp', '::1', 5060),
    connection: 3,
  };

  test('with a Via of the client in front', () => {
    const msg = httpMessage(POST, from, 1, 0);
    expect(msg?.firstValue(HDR.VIA)).toBe('SIP/2.0/TCP [::1]:4711');
    expect([msg?.method, msg?.originalUri, msg?.version, msg?.body]).toEqual(['POST', '/b', 'HTTP/1.1', 'hello']);
  });

  test('a Via of an HTTP proxy is none of SIP, and goes under another name', () => {
    const msg = httpMessage('GET / HTTP/1.1\r\nVia: 1.1 proxy\r\nHost: x\r\n\r\nbody', from, 1, 0);
    expect(msg?.headers.map((h) => h.name)).toEqual(['Via', 'HTTP-Via', 'Host']);
    expect(msg?.body).toBe('body');
  });

  test.each(['OPTIONS sip:a@b SIP/2.0\r\n', 'GET /\r\n', 'hello', '', 'GET / HTTP/2.0\r\n'])(
    '%j is no HTTP',
    (line) => {
      expect(isHttp(line)).toBe(false);
    },
  );
});
